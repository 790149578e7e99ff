"""The cron actor: at the end of every epoch it calls those who registered at genesis.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/cron/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import SYSTEM
from thespis.protocols.builtin.methods import Methods, method
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import StateRecord, Unsigned, record

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class CronEntry(StateRecord):
    """A method of an actor to call at the end of every epoch."""

    receiver: Address
    method: Unsigned


@record
class CronState(StateRecord):
    """Whom to call at the end of every epoch, in order.

    Source: ``cron_state.go``, State.
    """

    entries: tuple[CronEntry, ...]


def epoch_tick(runtime: ActorRuntime) -> None:
    """Call every entry; what fails in one does not keep the others waiting.

    Source: ``cron_actor.go``, EpochTick.
    """
    runtime.validate_caller(SYSTEM)
    for entry in runtime.read_state(CronState).entries:
        runtime.send(entry.receiver, entry.method, b"", 0)


def constructor(runtime: ActorRuntime, state: CronState) -> None:
    """Made at genesis, with whom to call.

    Source: ``cron_actor.go``, Constructor.
    """
    runtime.validate_caller(SYSTEM)
    runtime.create_state(state)


METHODS: Methods = {1: method(constructor, CronState), 2: method(epoch_tick)}
