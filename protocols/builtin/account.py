"""The account actor: an id for a key.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/account/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import SYSTEM
from thespis.protocols.builtin.methods import ADDRESS, Methods, method
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.tuples import StateRecord, record
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class AccountState(StateRecord):
    """The key address that the account stands for."""

    address: Address


def constructor(runtime: ActorRuntime, address: Address) -> None:
    """Remember the key address; only the system makes accounts, when an address is first paid.

    Source: ``account_actor.go``, Constructor.
    """
    runtime.validate_caller(SYSTEM)
    if address.protocol not in (AddressProtocol.SECP256K1, AddressProtocol.BLS):
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{address} is no key address")
    runtime.create_state(AccountState(address))


def pubkey_address(runtime: ActorRuntime) -> Address:
    """Tell anyone the key address, by which signatures are checked.

    Source: ``account_actor.go``, PubkeyAddress.
    """
    runtime.accept_any_caller()
    return runtime.read_state(AccountState).address


METHODS: Methods = {1: method(constructor, ADDRESS), 2: method(pubkey_address, returns=ADDRESS)}
