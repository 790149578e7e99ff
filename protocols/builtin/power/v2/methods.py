"""The power actor, version 2: who has no claim is not heard, and an epoch ends with proofs first, cron after.

A slashed miner keeps its claim, so nobody tells of consensus faults any more.

Sources are files of specs-actors v2.3.6, ``actors/builtin/power/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import CRON
from thespis.protocols.builtin.methods import Methods, method
from thespis.protocols.builtin.power import methods as version_0
from thespis.protocols.builtin.power.methods import call_miners, tell_power, verify_batch
from thespis.protocols.builtin.power.state import CronEvent
from thespis.protocols.builtin.power.v2.state import PowerStateV2
from thespis.protocols.encoding.address import Address
from thespis.protocols.ipld.historic import HistoricMap

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

DEPRECATED = {7}
"""Numbers of methods of version 0 that are gone: OnConsensusFault."""


def on_epoch_tick_end(runtime: ActorRuntime) -> None:
    """Check the epoch's proofs, call the miners that asked for it, and freeze the power for the next epoch.

    A miner whose call fails loses its claim: it could not account for its sectors.

    Source: ``power_actor.go``, OnEpochTickEnd, processDeferredCronEvents.
    """
    runtime.validate_caller(CRON)
    verify_batch(runtime)
    _state, events = runtime.transaction(PowerStateV2, lambda state: _due(runtime, state))
    failed = call_miners(runtime, events)
    if failed:
        runtime.transaction(PowerStateV2, lambda state: (_without_claims(runtime, state, failed), None))
    state, _ = runtime.transaction(PowerStateV2, lambda state: (state.frozen(1), None))
    tell_power(runtime, state)


def _due(runtime: ActorRuntime, state: PowerStateV2) -> tuple[PowerStateV2, list[CronEvent]]:
    """Take out the events up to now; those of miners without a claim are dropped."""
    state, events = state.take_events(runtime, runtime.epoch)
    claims = HistoricMap(runtime, state.claims)
    return state, [event for event in events if claims.get(event.miner.data) is not None]


def _without_claims(runtime: ActorRuntime, state: PowerStateV2, miners: list[Address]) -> PowerStateV2:
    """Forget miners that could not account for their sectors.

    Source: ``power_state.go``, deleteClaim.
    """
    claims = HistoricMap(runtime, state.claims)
    for miner in miners:
        state, had = state.without_power(claims, miner)
        if had:
            claims.delete(miner.data)
    return dataclasses.replace(state, claims=claims.flush())


METHODS: Methods = {number: kept for number, kept in version_0.METHODS.items() if number not in DEPRECATED} | {
    5: method(on_epoch_tick_end)
}
