"""Exit codes of messages: what went wrong, as the chain records it (go-state-types ``exitcode``)."""

from __future__ import annotations

from enum import IntEnum

from thespis.protocols.errors import (
    BeaconUnavailableError,
    BlockNotFoundError,
    BrokenBitfieldError,
    ChainError,
    DecodeError,
    EncodeError,
    OutsideError,
    TipsetExecutionError,
)


class ExitCode(IntEnum):
    """Codes below 16 are the system's, from 16 on the actors'."""

    OK = 0
    SYS_SENDER_INVALID = 1
    SYS_SENDER_STATE_INVALID = 2
    SYS_INVALID_METHOD = 3
    SYS_RESERVED_1 = 4
    SYS_INVALID_RECEIVER = 5
    SYS_INSUFFICIENT_FUNDS = 6
    SYS_OUT_OF_GAS = 7
    SYS_FORBIDDEN = 8
    SYS_ILLEGAL_ACTOR = 9
    SYS_ILLEGAL_ARGUMENT = 10
    ILLEGAL_ARGUMENT = 16
    NOT_FOUND = 17
    FORBIDDEN = 18
    INSUFFICIENT_FUNDS = 19
    ILLEGAL_STATE = 20
    SERIALIZATION = 21


class ActorAbort(Exception):  # noqa: N818  (the chain's own word)
    """A message, or a call within it, ends with an exit code; its changes are undone."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"exit code {code}: {reason}")
        self.code = code
        self.reason = reason


class StateFault(Exception):  # noqa: N818  (no error of ours: the chain records it as an exit code)
    """An actor's state does not allow what is done with it; without a code it ends the call with ILLEGAL_STATE."""

    def __init__(self, reason: str, code: ExitCode | None = None) -> None:
        super().__init__(reason)
        self.code = code


FAULTS = (StateFault, DecodeError, EncodeError)
"""What ends a call with an exit code: values that no state can hold and keys that no table has are faults too."""


def code_of_fault(fault: Exception) -> ExitCode | None:
    """The exit code that a fault asks for, if any.

    A bitfield of parameters that is broken inside is an illegal argument wherever that is found out: so it is in each
    method of the reference that has one (specs-actors v0.9.15 and v2.3.6 ``miner_actor.go``; ``partition_state.go``,
    RecordSkippedFaults).
    """
    if isinstance(fault, BrokenBitfieldError):
        return ExitCode.ILLEGAL_ARGUMENT
    return fault.code if isinstance(fault, StateFault) else None


class ActorPanic(Exception):  # noqa: N818  (the reference's own word)
    """A condition that the actors' authors thought impossible; the code is that of a crash of the reference."""


class ActorNotImplementedError(NotImplementedError):
    """A message calls a builtin actor that this machine does not have yet; its outcome is unknown, so none is given."""


NO_OUTCOME = (
    OutsideError,
    OSError,
    BlockNotFoundError,
    ChainError,
    BeaconUnavailableError,
    TipsetExecutionError,
    ActorNotImplementedError,
)
"""What leaves the machine: the fault is this node's own, or the reference stops as well, so there is no outcome."""
