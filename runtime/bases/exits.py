"""How an actor process ended, and the notice of it that its parent receives."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from thespian.actors import ActorAddress, ChildActorExited

START_FAILED_CODE = 70
"""Exit code of a process whose actor could not be constructed (sysexits: internal software error)."""


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """The reason of an exit: a code, or the signal that ended the process."""

    code: int | None
    signal_number: int | None

    @classmethod
    def from_waitid(cls, result: os.waitid_result) -> ExitStatus:
        """Read what the kernel reported for a reaped child."""
        if result.si_code == os.CLD_EXITED:
            return cls(result.si_status, None)
        return cls(None, result.si_status)

    @property
    def clean(self) -> bool:
        """Whether the process ended by itself with code 0."""
        return self.code == 0

    def __str__(self) -> str:
        if self.signal_number is not None:
            try:
                return signal.Signals(self.signal_number).name
            except ValueError:
                return f"signal {self.signal_number}"
        return f"exit code {self.code}"


class ChildExited(ChildActorExited):
    """Thespian's notice with what Thespian leaves out: why the child ended."""

    def __init__(self, childAddress: ActorAddress, status: ExitStatus) -> None:
        super().__init__(childAddress)
        self.status = status

    def __str__(self) -> str:
        return f"ChildExited({self.childAddress}, {self.status})"
