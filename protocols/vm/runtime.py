"""What an on-chain actor can do while it handles a call; every store access is charged in the order it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

from protocols.encoding import cbor
from protocols.encoding.address import Address
from protocols.encoding.cid import Cid
from protocols.encoding.tuples import Record
from protocols.errors import DecodeError
from protocols.vm.exit_codes import ActorAbort, ExitCode

if TYPE_CHECKING:
    from protocols.vm.machine import Machine

State = TypeVar("State", bound=Record)

EMPTY_OBJECT = Cid.of(cbor.encode({}))
"""Head of an actor that has no state yet."""


class ActorRuntime:
    """One call: who calls whom with what."""

    def __init__(self, machine: Machine, caller: Address, receiver: Address, value: int) -> None:
        self._machine = machine
        self.caller = caller
        self.receiver = receiver
        self.value = value
        self.caller_validated = False

    def abort(self, code: int, reason: str) -> NoReturn:
        """End the call with an exit code; its changes are undone."""
        raise ActorAbort(code, reason)

    def validate_caller(self, *allowed: Address) -> None:
        """Let only these callers in."""
        self._validating()
        if self.caller not in allowed:
            self.abort(ExitCode.SYS_FORBIDDEN, f"{self.caller} may not call this")

    def accept_any_caller(self) -> None:
        """Let everyone in, which must be said."""
        self._validating()

    def _validating(self) -> None:
        if self.caller_validated:
            self.abort(ExitCode.SYS_ILLEGAL_ACTOR, "the caller is validated twice")
        self.caller_validated = True

    def get(self, cid: Cid) -> bytes:
        """A block's bytes."""
        self._machine.meter.charge(self._machine.prices.ipld_get)
        return self._machine.state.store.get(cid)

    def put(self, block: bytes) -> Cid:
        """Write a block."""
        self._machine.meter.charge(self._machine.prices.on_put(len(block)))
        cid = Cid.of(block)
        self._machine.state.store.put(cid, block)
        return cid

    def create_state(self, state: Record) -> None:
        """Write the receiver's first state."""
        actor = self._machine.state.get(self.receiver)
        head = self.put(state.encode())
        if actor is None or actor.head != EMPTY_OBJECT:
            self.abort(ExitCode.SYS_ILLEGAL_ACTOR, f"{self.receiver} has a state already")
        self._machine.state.change(self.receiver, head=head)

    def read_state(self, kind: type[State]) -> State:
        """The receiver's state."""
        actor = self._machine.state.get(self.receiver)
        if actor is None:
            self.abort(ExitCode.SYS_ILLEGAL_ARGUMENT, f"there is no actor at {self.receiver}")
        try:
            return kind.decode(self.get(actor.head))
        except DecodeError as error:
            self.abort(ExitCode.SERIALIZATION, str(error))
