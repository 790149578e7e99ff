"""What a miner does at the end of each deadline: vest, expire, penalise, and go on to the next.

Cron calls a miner that asked for it, through the power actor. If the call fails the miner loses its power, for it could
not account for its sectors.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import POWER
from thespis.protocols.builtin.policy import PERIOD_DEADLINES
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
    """What the end of a deadline changes: power, what is burnt, and the pledge that the power actor knows of; attoFIL.

    `had_early` says that terminations waited to be settled before, so that cron is asked for already.
    """

    power: PowerPair = NO_POWER
    penalty: int = 0
    pledge: int = 0
    had_early: bool = False


def on_deferred_cron_event(runtime: ActorRuntime, event: CronEventPayload) -> None:
    """Do what the miner asked to be called for; kinds that it does not know are passed over.

    Source: v0.9.15 ``miner_actor.go``, OnDeferredCronEvent, commitWorkerKeyChange.
    """
    kind = event.event_type
    runtime.validate_caller(POWER)
    if kind == CronEventType.PROVING_DEADLINE:
        handle_proving_deadline(runtime)
    elif kind == CronEventType.WORKER_KEY_CHANGE:

        def change(state: MinerState) -> tuple[MinerState, None]:
            return with_pending_worker(runtime, state, state.load_info(runtime)), None

        runtime.transaction(MinerState, change)
    elif kind == CronEventType.PROCESS_EARLY_TERMINATIONS and process_early_terminations(runtime):
        schedule_early_terminations(runtime)


def with_pending_worker(runtime: ActorRuntime, state: Miner, info: MinerInfo) -> Miner:
    """The miner with the worker whose time has come, if there is one.

    Source: v0.9.15 ``miner_actor.go``, commitWorkerKeyChange; v2.3.6, processPendingWorker.
    """
    pending = info.pending_worker_key
    if pending is None or pending.effective_at > runtime.epoch:
        return state
    return state.with_info(runtime, dataclasses.replace(info, worker=pending.new_worker, pending_worker_key=None))


def handle_proving_deadline(runtime: ActorRuntime) -> None:
    """Close the present deadline, ask to be called at the end of the next, and settle terminations as far as it goes.

    Source: v0.9.15 ``miner_actor.go``, handleProvingDeadline.
    """
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
    """The miner after the end of its present deadline.

    The order matters: what has vested is freed before a penalty may take from it, sectors become faulty before any of
    the deadline expires, and ongoing faults pay before they do. Up to network version 2 a fault that nobody declared
    pays a higher fee when it is found, less the ongoing one, which is charged right after it; from 3 on it pays from
    the next deadline's end on, together with all others.

    A miner's first cron comes before its first proving period, and finds no deadline to close.
    """
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
    deadline, expired = rules.pop_expired(deadline, now.last)
    books.pledge -= expired.on_time_pledge
    books.power -= expired.active_power  # the power of faulty ones was lost before
    state = with_expired(runtime, state, expired, now.index)
    state = state.with_deadlines(runtime, deadlines.update(runtime, now.index, deadline))
    return at_next_deadline(runtime, state)


def with_expired(runtime: ActorRuntime, state: Miner, expired: ExpirationSet, index: int) -> Miner:
    """The miner without the pledge of a deadline's sectors that expired on time.

    Those that expired early, having been faulty for too long, keep their pledge until their fee is settled.

    Source: v0.9.15 ``miner_actor.go``, handleProvingDeadline; v2.3.6 ``miner_state.go``, AdvanceDeadline.
    """
    state = add_pledge(runtime, state, -expired.on_time_pledge)
    if not expired.early_sectors.runs:
        return state
    return state.with_(early_terminations=state.early_terminations | Bitfield.of([index]))


def at_next_deadline(runtime: ActorRuntime, state: Miner) -> Miner:
    """The miner at its next deadline, the first of the next proving period after the last.

    Source: v0.9.15 ``miner_actor.go``, handleProvingDeadline; v2.3.6 ``miner_state.go``, AdvanceDeadline.
    """
    following = (state.current_deadline + 1) % PERIOD_DEADLINES
    start = state.proving_period_start + (0 if following else runtime.policy.proving_period)
    return state.with_(current_deadline=Unsigned(following), proving_period_start=ChainEpoch(start))


def expire_pre_commits(runtime: ActorRuntime, state: Miner) -> tuple[Miner, int]:
    """Forget commitments that were not proven in time; returns the sum of their deposits, which are lost.

    Source: v0.9.15 ``miner_state.go``, checkPrecommitExpiry; v2.3.6, ExpirePreCommits.
    """
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
