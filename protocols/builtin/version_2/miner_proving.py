"""Proofs of spacetime, recoveries, and the end of each deadline, version 2 (specs-actors v2.3.6)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import POWER
from thespis.protocols.builtin.miner_state import NO_POWER, PowerPair
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
    with_ended,
    with_pending_worker,
)
from thespis.protocols.builtin.storage_miner.deadline import Due, Proven
from thespis.protocols.builtin.storage_miner.ending import schedule_early_terminations
from thespis.protocols.builtin.storage_miner.layouts import layout_of
from thespis.protocols.builtin.storage_miner.periods import current_deadline
from thespis.protocols.builtin.storage_miner.proving import (
    Declarations,
    SubmitPostParams,
    by_place,
    check_deadline,
    sectors_for_proof,
    verify_post,
    with_recoveries,
)
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.version_2.miner_ending import process_early_terminations
from thespis.protocols.builtin.version_2.miner_money import check_balance, continued_fault_fee
from thespis.protocols.builtin.version_2.miner_state import MinerStateV2
from thespis.protocols.builtin.version_2.partition import PartitionV2
from thespis.protocols.consensus.randomness import Purpose
from thespis.protocols.proofs.registry import SealProof
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

RANDOMNESS_BYTES = 32


def submit_windowed_post(runtime: ActorRuntime, params: SubmitPostParams) -> None:
    """Prove partitions of the open deadline; new sectors and those that were declared recovered get their power."""
    policy, layout = runtime.policy, layout_of(runtime)
    check_deadline(runtime, params.deadline)
    if len(params.chain_commit_rand) > RANDOMNESS_BYTES:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.chain_commit_rand)} bytes of randomness")

    def prove(state: MinerStateV2) -> tuple[MinerStateV2, Proven]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        expected = SealProof(info.seal_proof_type).window_proof
        if len(params.proofs) != 1 or params.proofs[0].post_proof != expected:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.proofs)} proofs; one of type {expected} is due")
        if len(params.partitions) > layout.proof_partitions_max(info):
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.partitions)} partitions are too many")
        now = current_deadline(policy, state, runtime.epoch)
        if not now.is_open:
            runtime.abort(ExitCode.ILLEGAL_STATE, f"the proving period from {now.period_start} has not begun")
        if params.deadline != now.index:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"deadline {params.deadline}; {now.index} is open")
        _check_chain(runtime, params, now.challenge)
        sectors = Sectors(runtime, state)
        deadlines = state.load_deadlines(runtime)
        due = layout.due(runtime, state, info, now.index)
        at = now.last + policy.fault_max_age
        deadline, proven = due.record_proven(deadlines.load(runtime, now.index), sectors, at, params.partitions)
        if not proven.good.runs:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "no sector of the partitions is active")
        verify_post(runtime, now.challenge, sectors_for_proof(sectors, proven), params.proofs)
        return state.with_deadlines(runtime, deadlines.update(runtime, now.index, deadline)), proven

    _state, proven = runtime.transaction(MinerStateV2, prove)
    update_power(runtime, proven.delta)
    check_balance(runtime)


def _check_chain(runtime: ActorRuntime, params: SubmitPostParams, challenge: int) -> None:
    """A proof names the chain that it was made for, by the ticket of an epoch since the challenge."""
    epoch = params.chain_commit_epoch
    if not challenge <= epoch < runtime.epoch:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the proof's epoch {epoch}; from {challenge} on, and past")
    if runtime.ticket_randomness(Purpose.POST_CHAIN_COMMIT, epoch, b"") != params.chain_commit_rand:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the proof was made for another chain")


def declare_faults_recovered(runtime: ActorRuntime, params: Declarations) -> None:
    """Promise that faulty sectors will be proven at their next deadline; debts are paid first."""
    places = by_place(runtime, params.declarations)

    def declare(state: MinerStateV2) -> tuple[MinerStateV2, int]:
        state, debt = state.repay_all(runtime.balance())
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        if info.excluded(runtime.epoch):
            runtime.abort(ExitCode.FORBIDDEN, f"excluded for a consensus fault until {info.consensus_fault_elapsed}")
        return with_recoveries(runtime, state, info, places), debt

    _state, debt = runtime.transaction(MinerStateV2, declare)
    burn(runtime, debt)
    check_balance(runtime)


def on_deferred_cron_event(runtime: ActorRuntime, event: CronEventPayload) -> None:
    """Do what the miner asked to be called for."""
    kind = event.event_type
    runtime.validate_caller(POWER)
    if kind == CronEventType.PROVING_DEADLINE:
        handle_proving_deadline(runtime)
    elif kind == CronEventType.PROCESS_EARLY_TERMINATIONS and process_early_terminations(runtime):
        schedule_early_terminations(runtime)


def handle_proving_deadline(runtime: ActorRuntime) -> None:
    """Close the present deadline, pay for faults, and ask to be called for the next."""
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
    """How a closed deadline changes the miner's power, the pledge it frees, and what was faulty before it."""

    delta: PowerPair = NO_POWER
    pledge: int = 0
    faulty_before: PowerPair = NO_POWER
    had_early: bool = False


def _advance(runtime: ActorRuntime, state: MinerStateV2) -> tuple[MinerStateV2, Closed]:
    """Go on to the next deadline; what of the present one was not proven is faulty, and what is due ends."""
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
    due = Due(runtime, 0, now.quant, PartitionV2)
    deadline, missed = due.end(deadline, now.last + policy.fault_max_age)
    deadline, ended = due.pop_expired(deadline, now.last)
    state = with_ended(runtime, state, ended, now.index)
    state = state.with_deadlines(runtime, deadlines.update(runtime, now.index, deadline))
    return state, Closed(missed.delta - ended.active_power, ended.on_time_pledge, before)
