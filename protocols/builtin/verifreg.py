"""The verified registry: who may give clients the right to deals of ten times the power.

A root key names verifiers with an allowance of bytes; verifiers pass on parts of theirs to clients.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/verifreg/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from thespis.protocols.builtin.codes import MARKET, SYSTEM
from thespis.protocols.builtin.methods import ADDRESS, Methods, method
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bigint import encode_bigint
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, Record, StateRecord, record, unpack_state
from thespis.protocols.ipld.historic import HistoricMap
from thespis.protocols.vm.exit_codes import ExitCode, StateFault

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

DEAL_BYTES_MIN = 1 << 20
"""The least allowance, and the least verified deal (``verified_registry_state.go``, MinVerifiedDealSize)."""


@record
class VerifregState(StateRecord):
    """The root key, and the allowances of verifiers and clients in bytes.

    Source: ``verified_registry_state.go``, State.
    """

    root_key: Address
    verifiers: Cid
    verified_clients: Cid


@record
class Allowance(Record):
    """A verifier or client, and how many bytes it is given or uses."""

    address: Address
    allowance: BigInteger


def constructor(runtime: ActorRuntime, root_key: Address) -> None:
    """Made at genesis, with the key that names verifiers.

    Source: ``verified_registry_actor.go``, Constructor.
    """
    runtime.validate_caller(SYSTEM)
    root = runtime.resolve(root_key)
    if root is None:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the root key has no id")
    empty = HistoricMap(runtime).flush()
    runtime.create_state(VerifregState(root, empty, empty))


def _named(runtime: ActorRuntime, address: Address) -> Address:
    """From actors v2 on allowances stand under ids."""
    return runtime.resolve_or_create(address) if runtime.actors_version else address


def _enough(runtime: ActorRuntime, allowance: int) -> None:
    if allowance < DEAL_BYTES_MIN:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"an allowance of {allowance} bytes; the least is {DEAL_BYTES_MIN}")


def _bytes_of(table: HistoricMap, address: Address) -> int | None:
    wire: Any = table.get(address.data)
    return None if wire is None else unpack_state(BigInteger, wire)


def add_verifier(runtime: ActorRuntime, params: Allowance) -> None:
    """Let someone name clients, up to an allowance in bytes; only the root key may.

    Source: ``verified_registry_actor.go``, AddVerifier.
    """
    _enough(runtime, params.allowance)
    verifier = _named(runtime, params.address)
    state = runtime.read_state(VerifregState)
    runtime.validate_caller(state.root_key)
    if verifier == state.root_key:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the root key cannot be a verifier")

    def add(state: VerifregState) -> tuple[VerifregState, None]:
        verifiers, clients = HistoricMap(runtime, state.verifiers), HistoricMap(runtime, state.verified_clients)
        if clients.get(verifier.data) is not None:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{verifier} is a client and cannot be a verifier")
        verifiers.set(verifier.data, encode_bigint(params.allowance))
        return dataclasses.replace(state, verifiers=verifiers.flush()), None

    runtime.transaction(VerifregState, add)


def remove_verifier(runtime: ActorRuntime, address: Address) -> None:
    """Take a verifier's right away; only the root key may.

    Source: ``verified_registry_actor.go``, RemoveVerifier.
    """
    verifier = _named(runtime, address)
    runtime.validate_caller(runtime.read_state(VerifregState).root_key)

    def remove(state: VerifregState) -> tuple[VerifregState, None]:
        verifiers = HistoricMap(runtime, state.verifiers)
        if not verifiers.delete(verifier.data):
            raise StateFault(f"{verifier} is no verifier")
        return dataclasses.replace(state, verifiers=verifiers.flush()), None

    runtime.transaction(VerifregState, remove)


def add_verified_client(runtime: ActorRuntime, params: Allowance) -> None:
    """Pass a part of the calling verifier's allowance on to a client.

    Source: ``verified_registry_actor.go``, AddVerifiedClient.
    """
    _enough(runtime, params.allowance)
    runtime.accept_any_caller()
    client = _named(runtime, params.address)
    if runtime.read_state(VerifregState).root_key == client:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the root key cannot be a client")

    def add(state: VerifregState) -> tuple[VerifregState, None]:
        verifiers, clients = HistoricMap(runtime, state.verifiers), HistoricMap(runtime, state.verified_clients)
        left = _bytes_of(verifiers, runtime.caller)
        if left is None:
            runtime.abort(ExitCode.NOT_FOUND, f"{runtime.caller} is no verifier")
        if verifiers.get(client.data) is not None:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{client} is a verifier and cannot be a client")
        if left < params.allowance:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{params.allowance} bytes; the verifier has {left} left")
        verifiers.set(runtime.caller.data, encode_bigint(left - params.allowance))
        if clients.get(client.data) is not None:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{client} is a client already")
        clients.set(client.data, encode_bigint(params.allowance))
        return dataclasses.replace(state, verifiers=verifiers.flush(), verified_clients=clients.flush()), None

    runtime.transaction(VerifregState, add)


def use_bytes(runtime: ActorRuntime, params: Allowance) -> None:
    """Take a deal's bytes from its client's allowance; only the market may. What is left below the least is lost.

    Source: ``verified_registry_actor.go``, UseBytes.
    """
    runtime.validate_caller(MARKET)
    client = _named(runtime, params.address)
    _enough(runtime, params.allowance)

    def use(state: VerifregState) -> tuple[VerifregState, None]:
        clients = HistoricMap(runtime, state.verified_clients)
        has = _bytes_of(clients, client)
        if has is None:
            runtime.abort(ExitCode.NOT_FOUND, f"{client} is no verified client")
        runtime.check(has >= 0, "a negative allowance")
        if params.allowance > has:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a deal of {params.allowance} bytes; {client} has {has}")
        left = has - params.allowance
        if left < DEAL_BYTES_MIN:
            clients.delete(client.data)
        else:
            clients.set(client.data, encode_bigint(left))
        return dataclasses.replace(state, verified_clients=clients.flush()), None

    runtime.transaction(VerifregState, use)


def restore_bytes(runtime: ActorRuntime, params: Allowance) -> None:
    """Give back the bytes of a deal that came into no sector; only the market may.

    Source: ``verified_registry_actor.go``, RestoreBytes.
    """
    runtime.validate_caller(MARKET)
    _enough(runtime, params.allowance)
    client = _named(runtime, params.address)
    if runtime.read_state(VerifregState).root_key == client:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the root key has no allowance")

    def restore(state: VerifregState) -> tuple[VerifregState, None]:
        clients, verifiers = HistoricMap(runtime, state.verified_clients), HistoricMap(runtime, state.verifiers)
        if verifiers.get(client.data) is not None:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{client} is a verifier")
        has = _bytes_of(clients, client) or 0
        clients.set(client.data, encode_bigint(has + params.allowance))
        return dataclasses.replace(state, verified_clients=clients.flush()), None

    runtime.transaction(VerifregState, restore)


METHODS: Methods = {
    1: method(constructor, ADDRESS),
    2: method(add_verifier, Allowance),
    3: method(remove_verifier, ADDRESS),
    4: method(add_verified_client, Allowance),
    5: method(use_bytes, Allowance),
    6: method(restore_bytes, Allowance),
}
