"""Answers to Thespian's status request, which an actor's system gives in the actor's stead."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from thespian.actors import ActorAddress, Thespian_ActorStatus, Thespian_StatusReq
from thespian.system.timing import ExpirationTimer
from thespis.runtime.bases.counters import ReadCounters

if TYPE_CHECKING:
    from thespis.runtime.bases.actor_process import ActorProcess


def is_status_request(request: Any) -> bool:
    """Whether this is a request that the system answers itself."""
    return isinstance(request, Thespian_StatusReq | ReadCounters)


def answer_status(process: ActorProcess, request: Any) -> Any:
    """Counters, or in Thespian's form children, pending wake-ups and counters, of one actor process."""
    if isinstance(request, ReadCounters):
        return process.counters()
    return _thespian_status(process)


def _thespian_status(process: ActorProcess) -> Any:
    status = Thespian_ActorStatus(process.address, type(process._actor).__name__, ActorAddress(process.settings.root))
    now = time.monotonic()
    status.addWakeups(
        [
            (process.address, ExpirationTimer(timedelta(seconds=max(0.0, due - now))))
            for due, _wakeup in process.pending_wakeups.values()
        ]
    )
    for address in process.children.by_address:
        status.addChild(ActorAddress(address))
    counters = process.channels.counters
    for name in ("sent", "received", "rejected", "dead_letters"):
        status.addKeyVal(name, getattr(counters, name))
    return status
