"""What a miner does at the end of each deadline, version 2: fees are a debt first, and then paid as far as it goes.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import POWER
from thespis.protocols.builtin.storage_miner.calls import (
    CronEventPayload,
    CronEventType,
    burn,
    enroll,
    epoch_reward,
    network_power,
    notify_pledge,
    update_power,
)
from thespis.protocols.builtin.storage_miner.cron import (
    at_next_deadline,
    expire_pre_commits,
    with_expired,
    with_pending_worker,
)
from thespis.protocols.builtin.storage_miner.deadline import DeadlineRules
from thespis.protocols.builtin.storage_miner.periods import current_deadline
from thespis.protocols.builtin.storage_miner.state import NO_POWER, PowerPair
from thespis.protocols.builtin.storage_miner.termination import schedule_early_terminations
from thespis.protocols.builtin.storage_miner.v2.money import continued_fault_fee
from thespis.protocols.builtin.storage_miner.v2.partition import PartitionV2
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.builtin.storage_miner.v2.termination import process_early_terminations

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def on_deferred_cron_event(runtime: ActorRuntime, event: CronEventPayload) -> None:
    """Do what the miner asked to be called for; kinds that it does not know are passed over.

    Source: ``miner_actor.go``, OnDeferredCronEvent.
    """
    kind = event.event_type
    runtime.validate_caller(POWER)
    if kind == CronEventType.PROVING_DEADLINE:
        handle_proving_deadline(runtime)
    elif kind == CronEventType.PROCESS_EARLY_TERMINATIONS and process_early_terminations(runtime):
        schedule_early_terminations(runtime)


def handle_proving_deadline(runtime: ActorRuntime) -> None:
    """Close the present deadline, pay for sectors that stay faulty, and ask to be called at the end of the next.

    The fee is for what was faulty before this deadline's end: a fault that is found only now pays from the next one on.
    A worker whose time has come takes over here.

    Source: ``miner_actor.go``, handleProvingDeadline.
    """
    reward, power = epoch_reward(runtime), network_power(runtime)

    def close(state: MinerStateV2) -> tuple[MinerStateV2, tuple[Closed, int, int]]:
        state, freed = state.unlock_vested(runtime, runtime.epoch)
        state = with_pending_worker(runtime, state, state.load_info(runtime))
        state, deposits = expire_pre_commits(runtime, state)
        had = bool(state.early_terminations.runs)
        state, closed = _advance(runtime, state.owing(deposits))
        fee = continued_fault_fee(reward.smoothed, power.smoothed, closed.faulty_before.adjusted)
        state, vesting, balance = state.owing(fee).repay(runtime, runtime.epoch, runtime.balance())
        closed = dataclasses.replace(closed, had_early=had)
        return state, (closed, vesting + balance, -freed - closed.pledge - vesting)

    state, (closed, penalty, pledge) = runtime.transaction(MinerStateV2, close)
    update_power(runtime, closed.delta)
    burn(runtime, penalty)
    notify_pledge(runtime, pledge)
    enroll(runtime, current_deadline(runtime.policy, state, runtime.epoch).last, CronEventType.PROVING_DEADLINE)
    if state.early_terminations.runs and not closed.had_early and process_early_terminations(runtime):
        schedule_early_terminations(runtime)


@dataclasses.dataclass(frozen=True, slots=True)
class Closed:
    """How a closed deadline changes the miner's power, the pledge it frees in attoFIL, and what was faulty before it.

    `had_early` says that terminations waited to be settled before, so that cron is asked for already.
    """

    delta: PowerPair = NO_POWER
    pledge: int = 0
    faulty_before: PowerPair = NO_POWER
    had_early: bool = False


def _advance(runtime: ActorRuntime, state: MinerStateV2) -> tuple[MinerStateV2, Closed]:
    """Go on to the next deadline; what of the present one was not proven is faulty, and what is due expires.

    Source: ``miner_state.go``, AdvanceDeadline.
    """
    policy = runtime.policy
    now = current_deadline(policy, state, runtime.epoch)
    if not now.period_started:  # a miner of version 0 whose first period had not begun at the upgrade
        return state, Closed()
    state = at_next_deadline(runtime, state)
    deadlines = state.load_deadlines(runtime)
    deadline = deadlines.load(runtime, now.index)
    before = deadline.faulty_power
    if not deadline.live_sectors:
        return state, Closed(faulty_before=before)
    # sizes of sectors are not needed here: nothing is grouped by its own power
    rules = DeadlineRules(runtime, 0, now.quant, PartitionV2)
    deadline, missed = rules.close(deadline, now.last + policy.fault_max_age)
    deadline, expired = rules.pop_expired(deadline, now.last)
    state = with_expired(runtime, state, expired, now.index)
    state = state.with_deadlines(runtime, deadlines.update(runtime, now.index, deadline))
    return state, Closed(missed.delta - expired.active_power, expired.on_time_pledge, before)
