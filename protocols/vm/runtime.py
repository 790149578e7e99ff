"""What an on-chain actor can do while it handles a call; every store access is charged in the order it happens.

State changes happen in transactions, within which an actor cannot call others; so no callee sees a half-made state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar

from thespis.protocols.builtin.codes import SINGLETONS, actors_version, is_builtin, name_of
from thespis.protocols.builtin.policy import Policy
from thespis.protocols.consensus.randomness import Purpose
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.encoding.tuples import Record
from thespis.protocols.errors import DecodeError
from thespis.protocols.vm.exit_codes import FAULTS, ActorAbort, ActorPanic, ExitCode, code_of_fault
from thespis.protocols.vm.syscalls import Syscalls

if TYPE_CHECKING:
    from thespis.protocols.builtin.methods import Form
    from thespis.protocols.vm.machine import Machine

State = TypeVar("State", bound=Record)
Params = TypeVar("Params")
Result = TypeVar("Result")

EMPTY_OBJECT = Cid.of(cbor.encode([]))
"""Head of an actor that has no state yet."""


class ActorRuntime:
    """One call: who calls whom with what. It is also the block store that the actor's HAMTs read and write through.

    `receiver` is the address that the message names: up to network version 3 actors saw it as it was written.
    """

    def __init__(self, machine: Machine, caller: Address, receiver: Address, value: int) -> None:
        self._machine = machine
        self._in_transaction = False
        self.caller = caller
        self.receiver = receiver
        self.value = value
        self.caller_validated = False
        self.syscalls = Syscalls(machine)

    @property
    def epoch(self) -> int:
        """The epoch in which the message is applied."""
        return self._machine.epoch

    @property
    def network_version(self) -> int:
        """Which rules are in force."""
        return self._machine.network_version

    @property
    def policy(self) -> Policy:
        """The network's constants."""
        return self._machine.policy

    @property
    def receiver_id(self) -> int:
        """The receiver's actor id; a panic where it is named by another address, as it was for the reference."""
        self.check(self.receiver.protocol is AddressProtocol.ID, f"{self.receiver} is no id address")
        return self.receiver.actor_id

    def ticket_randomness(self, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
        """32 bytes drawn from the chain's ticket of an epoch."""
        return self._machine.world.ticket_randomness(purpose, epoch, entropy)

    def beacon_randomness(self, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
        """32 bytes drawn from the beacon."""
        return self._machine.world.beacon_randomness(purpose, epoch, entropy)

    def circulating_supply(self) -> int:
        """AttoFIL in circulation."""
        return self._machine.world.circulating_supply(self._machine.epoch, self._machine.state)

    def charge(self, gas: int) -> None:
        """Use gas beyond what is charged by itself."""
        self._machine.meter.charge(gas)

    def check(self, holds: bool, what: str) -> None:
        """A condition that the actors' authors thought impossible to break."""
        if not holds:
            raise ActorPanic(what)

    @contextmanager
    def failing_as(self, code: ExitCode) -> Iterator[None]:
        """Give faults that have no code of their own this one, and not ILLEGAL_STATE."""
        try:
            yield
        except FAULTS as fault:
            self.abort(code_of_fault(fault) or code, str(fault))

    def abort(self, code: int, reason: str) -> NoReturn:
        """End the call with an exit code; its changes are undone."""
        raise ActorAbort(code, reason)

    def params(self, kind: Form[Params], data: bytes) -> Params:
        """Decode a call's parameters; up to network version 6 undecodable ones ended with code 1.

        Source: Lotus v1.4.0 ``chain/vm/invoker.go``, transform, DecodeParams.
        """
        try:
            return kind.decode(data, dialect=Dialect.ACTORS)
        except DecodeError as error:
            self.abort(1, f"parameters: {error}")

    # -- who calls -------------------------------------------------------------------------------------------

    def validate_caller(self, *allowed: Address) -> None:
        """Let only these callers in."""
        self._validating()
        if self.caller not in allowed:
            self.abort(ExitCode.SYS_FORBIDDEN, f"{self.caller} may not call this")

    def validate_caller_kind(self, *names: str) -> None:
        """Let only callers of these actor kinds in."""
        self._validating()
        if self.code_name(self.caller) not in names:
            self.abort(ExitCode.SYS_FORBIDDEN, f"{self.caller} is none of {', '.join(names)}")

    def accept_any_caller(self) -> None:
        """Let everyone in, which must be said."""
        self._validating()

    def _validating(self) -> None:
        if self.caller_validated:
            self.abort(ExitCode.SYS_ILLEGAL_ACTOR, "the caller is validated twice")
        self.caller_validated = True

    # -- blocks and state ------------------------------------------------------------------------------------

    def get(self, cid: Cid) -> bytes:
        """A block's bytes."""
        self._machine.meter.charge(self._machine.prices.ipld_get)
        return self._machine.state.store.get(cid)

    def put(self, cid: Cid, block: bytes) -> None:
        """Write a block."""
        self._machine.meter.charge(self._machine.prices.on_put(len(block)))
        self._machine.state.store.put(cid, block)

    def has(self, cid: Cid) -> bool:
        """Whether a block is there."""
        return self._machine.state.store.has(cid)

    def create_state(self, state: Record) -> None:
        """Write the receiver's first state."""
        self._commit(EMPTY_OBJECT, state)

    def read_state(self, kind: type[State]) -> State:
        """The receiver's state."""
        actor = self._machine.state.get(self.receiver)
        if actor is None:
            self.abort(ExitCode.SYS_ILLEGAL_ARGUMENT, f"there is no actor at {self.receiver}")
        return kind.decode(self.get(actor.head))

    def transaction(self, kind: type[State], change: Callable[[State], tuple[State, Result]]) -> tuple[State, Result]:
        """Read the receiver's state, let `change` make the next one, and write that; no call can be made meanwhile."""
        actor = self._machine.state.get(self.receiver)
        if actor is None:
            self.abort(ExitCode.SYS_ILLEGAL_ACTOR, f"there is no actor at {self.receiver}")
        state = kind.decode(self.get(actor.head))
        self._in_transaction = True
        changed, result = change(state)
        self._in_transaction = False
        self._commit(actor.head, changed)
        return changed, result

    def _commit(self, before: Cid, state: Record) -> None:
        block = state.encode()
        head = Cid.of(block)
        self.put(head, block)
        actor = self._machine.state.get(self.receiver)
        if actor is None or actor.head != before:
            self.abort(ExitCode.SYS_ILLEGAL_ACTOR, f"the state of {self.receiver} is not the one that was read")
        self._machine.state.change(self.receiver, head=head)

    # -- the world -------------------------------------------------------------------------------------------

    def balance(self) -> int:
        """The receiver's balance in attoFIL."""
        actor = self._machine.state.get(self.receiver)
        return actor.balance if actor else 0

    def resolve(self, address: Address) -> Address | None:
        """The id address of an address, or None."""
        return self._machine.state.resolve(address)

    def resolve_or_create(self, address: Address, failing: ExitCode | None = None) -> Address:
        """The id address of an address; a key without an account gets one, by a transfer of nothing.

        Where that fails the call ends with the transfer's own code, unless it is to end with another.

        Source: ``actors/builtin/shared.go``, ResolveToIDAddr, RequireNoErr.
        """
        found = self.resolve(address)
        if found is not None:
            return found
        code, _ = self.send(address, 0, b"", 0)
        found = self.resolve(address) if code == ExitCode.OK else None
        if found is None:
            reason = f"{address} has no id and cannot be given one (exit code {code})"
            self.abort(failing or code or ExitCode.ILLEGAL_STATE, reason)
        return found

    def send(self, to: Address, method: int, params: bytes, value: int) -> tuple[int, bytes]:
        """Call another actor; its failure is its exit code, and undoes what it did."""
        if self._in_transaction:
            self.abort(ExitCode.SYS_ILLEGAL_ACTOR, "a transaction calls another actor")
        return self._machine.send_within(self.receiver, to, value, method, params)

    def code_name(self, address: Address) -> str:
        """The kind of an actor, or an empty text when there is none."""
        actor = self._machine.state.get(address)
        if actor is None:
            return ""
        return name_of(actor.code) if is_builtin(actor.code, self.actors_version) else str(actor.code)

    @property
    def actors_version(self) -> int:
        """Which builtin actors are in force."""
        return actors_version(self.network_version)

    def require_success(self, code: int, what: str) -> None:
        """End the call with a callee's exit code if it failed."""
        if code != ExitCode.OK:
            self.abort(code, what)

    def new_actor_address(self) -> Address:
        """An address that stays the same when the chain is reorganised."""
        return self._machine.new_actor_address()

    def create_actor(self, code: Cid, address: Address) -> None:
        """Make an actor's entry, without state and funds."""
        if not is_builtin(code, self.actors_version):
            self.abort(ExitCode.SYS_ILLEGAL_ARGUMENT, f"{name_of(code)} is no builtin actor of this network version")
        if name_of(code) in SINGLETONS:
            self.abort(ExitCode.SYS_ILLEGAL_ARGUMENT, f"there is one {name_of(code)} actor and no more")
        if self._machine.state.get(address) is not None:
            self.abort(ExitCode.SYS_ILLEGAL_ARGUMENT, f"there is an actor at {address} already")
        self._machine.meter.charge(self._machine.prices.on_create_actor())
        self._machine.new_actor(code, address)

    def delete_actor(self, beneficiary: Address) -> None:
        """Remove the receiver; what it has goes to someone else."""
        self._machine.delete_actor(self.receiver, beneficiary)

    def hash_blake2b(self, data: bytes) -> bytes:
        """The chain's hash, as a charged syscall."""
        return self.syscalls.hash_blake2b(data)
