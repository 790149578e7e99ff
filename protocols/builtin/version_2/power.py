"""The power actor, version 2, as far as blocks need it: the tick that ends epochs, and the pledge total."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.builtin.codes import CRON
from protocols.builtin.methods import ON_DEFERRED_CRON_EVENT, Methods, decode_bigint_param
from protocols.builtin.power import tell_power
from protocols.builtin.power_state import CronEvent, PowerTotals
from protocols.builtin.version_2.to_come import with_methods_to_come
from protocols.encoding.cid import Cid
from protocols.encoding.tuples import record
from protocols.ipld.historic import HistoricMap
from protocols.vm.exit_codes import ActorNotImplementedError, ExitCode

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime


@record
class PowerStateV2(PowerTotals):
    """The totals, claims that know their miner's seal proof, and proofs that wait; ticks come every epoch."""

    claims: Cid
    proof_validation_batch: Cid | None


def on_epoch_tick_end(runtime: ActorRuntime, _data: bytes) -> bytes:
    """Call the miners that asked for it, freeze the power for the next epoch, and tell the reward actor."""
    runtime.validate_caller(CRON)
    if runtime.read_state(PowerStateV2).proof_validation_batch is not None:
        raise ActorNotImplementedError(
            "checking new sectors in version 2 of the storagepower actor is not implemented yet"
        )
    _state, events = runtime.transaction(PowerStateV2, lambda state: _due(runtime, state))
    for event in events:
        code, _ = runtime.send(event.miner, ON_DEFERRED_CRON_EVENT, event.payload, 0)
        if code != ExitCode.OK:
            raise ActorNotImplementedError(
                "forgetting a miner in version 2 of the storagepower actor is not implemented yet"
            )
    state, _ = runtime.transaction(PowerStateV2, lambda state: (state.frozen(1), None))
    tell_power(runtime, state)
    return b""


def _due(runtime: ActorRuntime, state: PowerStateV2) -> tuple[PowerStateV2, list[CronEvent]]:
    """Take out the events up to now; those of miners without a claim are dropped."""
    state, events = state.take_events(runtime, runtime.epoch)
    claims = HistoricMap(runtime, state.claims)
    return state, [event for event in events if claims.get(event.miner.data) is not None]


def update_pledge_total(runtime: ActorRuntime, data: bytes) -> bytes:
    """Change the sum of all pledges by the calling miner's change; a miner without a claim may not."""
    delta = decode_bigint_param(runtime, data)
    runtime.validate_caller_kind("storageminer")

    def change(state: PowerStateV2) -> tuple[PowerStateV2, None]:
        if HistoricMap(runtime, state.claims).get(runtime.caller.data) is None:
            runtime.abort(ExitCode.FORBIDDEN, f"{runtime.caller} has no claim")
        return state.pledged(delta), None

    runtime.transaction(PowerStateV2, change)
    return b""


METHODS: Methods = with_methods_to_come(
    "storagepower", (1, 2, 3, 4, 5, 6, 8, 9), {5: on_epoch_tick_end, 6: update_pledge_total}
)
