"""The power actor: claims of power, and the tick that ends every epoch (specs-actors v0.9.15)."""

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
from protocols.builtin.power_state import CronEvent, PowerState
from protocols.builtin.smoothing import FilterEstimate
from protocols.encoding.address import Address
from protocols.encoding.tuples import BigInteger, ChainEpoch, Record, TokenAmount, record
from protocols.errors import NodeError
from protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime


@record
class UpdateClaimedPowerParams(Record):
    """Changes of the calling miner's power, in bytes."""

    raw_byte_delta: BigInteger
    quality_adjusted_delta: BigInteger


@record
class EnrollCronEventParams(Record):
    """When to call the calling miner, and with what."""

    event_epoch: ChainEpoch
    payload: bytes


@record
class CurrentTotalPower(Record):
    """Power and pledge as the last tick froze them."""

    raw_byte_power: BigInteger
    quality_adjusted_power: BigInteger
    pledge_collateral: TokenAmount
    smoothed: FilterEstimate


def update_claimed_power(runtime: ActorRuntime, data: bytes) -> bytes:
    """Change the calling miner's claim."""
    runtime.validate_caller_kind("storageminer")
    params = runtime.params(UpdateClaimedPowerParams, data)

    def change(state: PowerState) -> tuple[PowerState, None]:
        try:
            return state.add_to_claim(
                runtime, runtime.caller, params.raw_byte_delta, params.quality_adjusted_delta
            ), None
        except NodeError as error:
            runtime.abort(ExitCode.NOT_FOUND, str(error))

    runtime.transaction(PowerState, change)
    return b""


def enroll_cron_event(runtime: ActorRuntime, data: bytes) -> bytes:
    """Remember to call the calling miner at an epoch."""
    runtime.validate_caller_kind("storageminer")
    params = runtime.params(EnrollCronEventParams, data)
    if params.event_epoch < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"cron event at epoch {params.event_epoch}, before genesis")
    event = CronEvent(runtime.caller, params.payload)
    runtime.transaction(PowerState, lambda state: (state.with_event(runtime, params.event_epoch, event), None))
    return b""


def on_epoch_tick_end(runtime: ActorRuntime, _data: bytes) -> bytes:
    """Call the miners that asked for it, freeze the power for the next epoch, and tell the reward actor.

    A miner whose call fails loses its power: it could not account for its sectors.
    """
    runtime.validate_caller(CRON)
    _state, events = runtime.transaction(PowerState, lambda state: state.take_events(runtime, runtime.epoch))
    failed: list[Address] = []
    for event in events:
        code, _ = runtime.send(event.miner, ON_DEFERRED_CRON_EVENT, event.payload, 0)
        if code != ExitCode.OK:
            failed.append(event.miner)
    runtime.transaction(PowerState, lambda state: (_without_power(runtime, state, failed), None))
    # proofs submitted for batch verification come with the miner's proving methods; until then the batch is empty
    if runtime.read_state(PowerState).proof_validation_batch is not None:
        raise runtime.not_implemented("batch verification of seals by the storagepower actor")
    state, _ = runtime.transaction(PowerState, lambda state: (_freeze(state, runtime.epoch), None))
    power = encode_bigint_param(state.this_epoch_raw_byte_power)
    code, _ = runtime.send(REWARD, UPDATE_NETWORK_KPI, power, 0)
    if code != ExitCode.OK:
        runtime.abort(code, "the reward actor refused the network's power")
    return b""


def _without_power(runtime: ActorRuntime, state: PowerState, miners: list[Address]) -> PowerState:
    for miner in miners:
        claim = state.claim_of(runtime, miner)
        if claim is not None:
            state = state.add_to_claim(runtime, miner, -claim.raw_byte_power, -claim.quality_adjusted_power)
    return state


def _freeze(state: PowerState, epoch: int) -> PowerState:
    raw, adjusted = state.total_power()
    return dataclasses.replace(
        state,
        this_epoch_pledge_collateral=state.total_pledge_collateral,
        this_epoch_quality_adjusted_power=BigInteger(adjusted),
        this_epoch_raw_byte_power=BigInteger(raw),
        this_epoch_power_smoothed=state.this_epoch_power_smoothed.next(
            adjusted, epoch - state.last_processed_cron_epoch
        ),
        last_processed_cron_epoch=ChainEpoch(epoch),
    )


def update_pledge_total(runtime: ActorRuntime, data: bytes) -> bytes:
    """Change the sum of all pledges by the calling miner's change."""
    runtime.validate_caller_kind("storageminer")
    delta = decode_bigint_param(runtime, data)

    def change(state: PowerState) -> tuple[PowerState, None]:
        total = state.total_pledge_collateral + delta
        if total < 0:
            runtime.abort(ExitCode.ILLEGAL_STATE, f"the total pledge would be {total}")
        return dataclasses.replace(state, total_pledge_collateral=TokenAmount(total)), None

    runtime.transaction(PowerState, change)
    return b""


def current_total_power(runtime: ActorRuntime, _data: bytes) -> bytes:
    """Tell anyone the network's power, the same all through an epoch."""
    runtime.accept_any_caller()
    state = runtime.read_state(PowerState)
    return CurrentTotalPower(
        state.this_epoch_raw_byte_power,
        state.this_epoch_quality_adjusted_power,
        state.this_epoch_pledge_collateral,
        state.this_epoch_power_smoothed,
    ).encode()


METHODS: Methods = {
    3: update_claimed_power,
    4: enroll_cron_event,
    5: on_epoch_tick_end,
    6: update_pledge_total,
    9: current_total_power,
}
