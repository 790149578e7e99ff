"""The power actor, version 2, as far as blocks need it: the tick that ends epochs, and the pledge total."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from protocols.builtin.codes import CRON, REWARD
from protocols.builtin.methods import (
    ON_DEFERRED_CRON_EVENT,
    UPDATE_NETWORK_KPI,
    Methods,
    decode_bigint_param,
    encode_bigint_param,
)
from protocols.builtin.power_state import CONSENSUS_MINERS_MIN, CronEvent, epoch_key
from protocols.builtin.smoothing import FilterEstimate
from protocols.builtin.version_2.to_come import with_methods_to_come
from protocols.encoding.cid import Cid
from protocols.encoding.tuples import BigInteger, ChainEpoch, Record, TokenAmount, record
from protocols.ipld.historic import HistoricArray, HistoricMap
from protocols.vm.exit_codes import ActorNotImplementedError, ExitCode

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime


@record
class PowerStateV2(Record):
    """Powers in bytes, amounts in attoFIL; claims know their miner's seal proof."""

    total_raw_byte_power: BigInteger
    total_bytes_committed: BigInteger
    total_quality_adjusted_power: BigInteger
    total_quality_bytes_committed: BigInteger
    total_pledge_collateral: TokenAmount
    this_epoch_raw_byte_power: BigInteger
    this_epoch_quality_adjusted_power: BigInteger
    this_epoch_pledge_collateral: TokenAmount
    this_epoch_power_smoothed: FilterEstimate
    miner_count: int
    miner_above_min_power_count: int
    cron_event_queue: Cid
    first_cron_epoch: ChainEpoch
    claims: Cid
    proof_validation_batch: Cid | None

    def frozen(self) -> PowerStateV2:
        """The totals as the next epoch's; ticks come every epoch, so estimates move by one."""
        raw, adjusted = self.total_raw_byte_power, self.total_quality_adjusted_power
        if self.miner_above_min_power_count < CONSENSUS_MINERS_MIN:
            raw, adjusted = self.total_bytes_committed, self.total_quality_bytes_committed
        return dataclasses.replace(
            self,
            this_epoch_pledge_collateral=self.total_pledge_collateral,
            this_epoch_quality_adjusted_power=adjusted,
            this_epoch_raw_byte_power=raw,
            this_epoch_power_smoothed=self.this_epoch_power_smoothed.next(adjusted, 1),
        )


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
    state, _ = runtime.transaction(PowerStateV2, lambda state: (state.frozen(), None))
    power = encode_bigint_param(state.this_epoch_raw_byte_power)
    code, _ = runtime.send(REWARD, UPDATE_NETWORK_KPI, power, 0)
    runtime.require_success(code, "the reward actor refused the network's power")
    return b""


def _due(runtime: ActorRuntime, state: PowerStateV2) -> tuple[PowerStateV2, list[CronEvent]]:
    """Take out the events up to now; those of miners without a claim are dropped."""
    queue, claims = HistoricMap(runtime, state.cron_event_queue), HistoricMap(runtime, state.claims)
    taken: list[CronEvent] = []
    for epoch in range(state.first_cron_epoch, runtime.epoch + 1):
        root = queue.get(epoch_key(epoch))
        if root is None:
            continue
        events = [CronEvent.from_wire(wire) for _, wire in HistoricArray(runtime, root).items()]
        taken += [event for event in events if claims.get(event.miner.data) is not None]
        queue.delete(epoch_key(epoch))
    first = ChainEpoch(runtime.epoch + 1)
    return dataclasses.replace(state, cron_event_queue=queue.flush(), first_cron_epoch=first), taken


def update_pledge_total(runtime: ActorRuntime, data: bytes) -> bytes:
    """Change the sum of all pledges by the calling miner's change; a miner without a claim may not."""
    delta = decode_bigint_param(runtime, data)
    runtime.validate_caller_kind("storageminer")

    def change(state: PowerStateV2) -> tuple[PowerStateV2, None]:
        if HistoricMap(runtime, state.claims).get(runtime.caller.data) is None:
            runtime.abort(ExitCode.FORBIDDEN, f"{runtime.caller} has no claim")
        total = state.total_pledge_collateral + delta
        runtime.check(total >= 0, f"the total pledge would be {total}")
        return dataclasses.replace(state, total_pledge_collateral=TokenAmount(total)), None

    runtime.transaction(PowerStateV2, change)
    return b""


METHODS: Methods = with_methods_to_come(
    "storagepower", (1, 2, 3, 4, 5, 6, 8, 9), {5: on_epoch_tick_end, 6: update_pledge_total}
)
