"""What a miner does at the end of each deadline: vest, expire, penalise, end sectors (specs-actors v0.9.15)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import POWER
from thespis.protocols.builtin.power.methods import CurrentTotalPower
from thespis.protocols.builtin.reward.methods import ThisEpochReward
from thespis.protocols.builtin.storage_miner.bitfield_queue import BitfieldQueue
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
from thespis.protocols.builtin.storage_miner.deadline import DeadlineRules
from thespis.protocols.builtin.storage_miner.expiration_queue import ExpirationSet
from thespis.protocols.builtin.storage_miner.money import (
    add_deposit,
    add_pledge,
    declared_fault_fee,
    undeclared_fault_fee,
    unlocked_balance,
)
from thespis.protocols.builtin.storage_miner.partition import PartitionV0
from thespis.protocols.builtin.storage_miner.periods import current_deadline, every_deadline
from thespis.protocols.builtin.storage_miner.sectors import delete_pre_committed, find_pre_committed
from thespis.protocols.builtin.storage_miner.state import NO_POWER, Miner, MinerInfo, MinerState, PowerPair
from thespis.protocols.builtin.storage_miner.termination import process_early_terminations, schedule_early_terminations
from thespis.protocols.builtin.storage_miner.window_post import NO_FEE_FROM
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import ChainEpoch, Unsigned

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@dataclasses.dataclass(slots=True)
class Books:
    """What a deadline's end costs and changes; amounts in attoFIL."""

    power: PowerPair = NO_POWER
    penalty: int = 0
    pledge: int = 0
    had_early: bool = False


def on_deferred_cron_event(runtime: ActorRuntime, event: CronEventPayload) -> None:
    """Do what the miner asked to be called for."""
    kind = event.event_type
    runtime.validate_caller(POWER)
    if kind == CronEventType.PROVING_DEADLINE:
        handle_proving_deadline(runtime)
    elif kind == CronEventType.WORKER_KEY_CHANGE:
        runtime.transaction(MinerState, lambda state: (_with_new_worker(runtime, state), None))
    elif kind == CronEventType.PROCESS_EARLY_TERMINATIONS and process_early_terminations(runtime):
        schedule_early_terminations(runtime)


def _with_new_worker(runtime: ActorRuntime, state: MinerState) -> MinerState:
    return with_pending_worker(runtime, state, state.load_info(runtime))


def with_pending_worker(runtime: ActorRuntime, state: Miner, info: MinerInfo) -> Miner:
    """The miner with the worker whose time has come, if there is one."""
    pending = info.pending_worker_key
    if pending is None or pending.effective_at > runtime.epoch:
        return state
    return state.with_info(runtime, dataclasses.replace(info, worker=pending.new_worker, pending_worker_key=None))


def handle_proving_deadline(runtime: ActorRuntime) -> None:
    """Close the present deadline and ask to be called for the next."""
    reward, power = epoch_reward(runtime), network_power(runtime)
    books = Books()
    state, _ = runtime.transaction(MinerState, lambda state: (_closed(runtime, state, reward, power, books), None))
    update_power(runtime, books.power)
    burn(runtime, books.penalty)
    notify_pledge(runtime, books.pledge)
    following = current_deadline(runtime.policy, state, runtime.epoch)
    enroll(runtime, following.last, CronEventType.PROVING_DEADLINE)
    if state.early_terminations.runs and not books.had_early and process_early_terminations(runtime):
        schedule_early_terminations(runtime)


def _closed(
    runtime: ActorRuntime, state: MinerState, reward: ThisEpochReward, power: CurrentTotalPower, books: Books
) -> MinerState:
    policy, version = runtime.policy, runtime.network_version
    state, freed = state.unlock_vested(runtime, runtime.epoch)
    books.pledge -= freed
    state, deposits = expire_pre_commits(runtime, state)
    books.penalty += deposits
    books.had_early = bool(state.early_terminations.runs)
    now = current_deadline(policy, state, runtime.epoch)
    if not now.period_started:
        return state
    deadlines = state.load_deadlines(runtime)
    deadline = deadlines.load(runtime, now.index)
    unlocked = unlocked_balance(runtime, state)
    before = deadline.faulty_power.adjusted
    # sizes of sectors are not needed here: nothing is grouped by its own power
    rules = DeadlineRules(runtime, 0, now.quant, PartitionV0)
    deadline, missed = rules.close(deadline, now.last + policy.fault_max_age)
    books.power += missed.delta
    if version < NO_FEE_FROM:
        quality = (missed.faulty + missed.failed).adjusted
        fee = undeclared_fault_fee(reward.smoothed, power.smoothed, quality, version)
        fee -= declared_fault_fee(reward.smoothed, power.smoothed, quality, version)
        state, vesting, balance = state.penalize(runtime, runtime.epoch, fee, unlocked)
        unlocked -= balance
        books.penalty, books.pledge = books.penalty + vesting + balance, books.pledge - vesting
    ongoing = before if version >= NO_FEE_FROM else deadline.faulty_power.adjusted
    fee = declared_fault_fee(reward.smoothed, power.smoothed, ongoing, version)
    state, vesting, balance = state.penalize(runtime, runtime.epoch, fee, unlocked)
    books.penalty, books.pledge = books.penalty + vesting + balance, books.pledge - vesting
    deadline, ended = rules.pop_expired(deadline, now.last)
    books.pledge -= ended.on_time_pledge
    books.power -= ended.active_power
    state = with_expired(runtime, state, ended, now.index)
    state = state.with_deadlines(runtime, deadlines.update(runtime, now.index, deadline))
    return at_next_deadline(runtime, state)


def with_expired(runtime: ActorRuntime, state: Miner, ended: ExpirationSet, index: int) -> Miner:
    """The miner without the pledge of a deadline's sectors that ended on time; the early ones wait to be settled."""
    state = add_pledge(runtime, state, -ended.on_time_pledge)
    if not ended.early_sectors.runs:
        return state
    return state.with_(early_terminations=state.early_terminations | Bitfield.of([index]))


def at_next_deadline(runtime: ActorRuntime, state: Miner) -> Miner:
    """The miner at its next deadline, which may be in the next period."""
    following = (state.current_deadline + 1) % runtime.policy.deadlines
    start = state.proving_period_start + (0 if following else runtime.policy.proving_period)
    return state.with_(current_deadline=Unsigned(following), proving_period_start=ChainEpoch(start))


def expire_pre_commits(runtime: ActorRuntime, state: Miner) -> tuple[Miner, int]:
    """Deposits of sectors that were not proven in time are lost; returns how much that is."""
    queue = BitfieldQueue(runtime, state.pre_committed_sectors_expiry, every_deadline(runtime.policy, state))
    expired, modified = queue.pop_until(runtime.epoch)
    if modified:
        state = state.with_(pre_committed_sectors_expiry=queue.flush())
    gone, deposits = [], 0
    for number in expired:
        found = find_pre_committed(runtime, state, number)
        if found is not None:
            gone.append(number)
            deposits += found.pre_commit_deposit
    if gone:
        state = delete_pre_committed(runtime, state, gone)
    return add_deposit(runtime, state, -deposits), deposits
