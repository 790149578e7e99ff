"""The account actor: an id for a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.builtin.codes import SYSTEM
from protocols.encoding import cbor
from protocols.encoding.address import Address, AddressProtocol
from protocols.encoding.tuples import Record, record
from protocols.errors import DecodeError
from protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.vm.runtime import ActorRuntime


@record
class AccountState(Record):
    """The key address that the account stands for."""

    address: Address


def constructor(runtime: ActorRuntime, params: bytes) -> bytes:
    """Remember the key address; only the system makes accounts."""
    runtime.validate_caller(SYSTEM)
    try:
        address = Address.parse(_bytes(cbor.decode(params)))
    except DecodeError as error:
        runtime.abort(ExitCode.SERIALIZATION, f"parameters: {error}")
    if address.protocol not in (AddressProtocol.SECP256K1, AddressProtocol.BLS):
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{address} is no key address")
    runtime.create_state(AccountState(address))
    return b""


def pubkey_address(runtime: ActorRuntime, _params: bytes) -> bytes:
    """Tell anyone the key address."""
    runtime.accept_any_caller()
    return cbor.encode(runtime.read_state(AccountState).address.data)


METHODS: dict[int, Callable[[ActorRuntime, bytes], bytes]] = {1: constructor, 2: pubkey_address}


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else b""
