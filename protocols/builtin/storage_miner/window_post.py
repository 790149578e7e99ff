"""Proofs of spacetime, faults and recoveries (specs-actors v0.9.15)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from thespis.protocols.builtin.power.methods import CurrentTotalPower
from thespis.protocols.builtin.reward.methods import ThisEpochReward
from thespis.protocols.builtin.storage_miner.calls import burn, epoch_reward, network_power, notify_pledge, update_power
from thespis.protocols.builtin.storage_miner.deadline import PostPartition
from thespis.protocols.builtin.storage_miner.declarations import check_deadline
from thespis.protocols.builtin.storage_miner.layouts import LAYOUTS
from thespis.protocols.builtin.storage_miner.money import declared_fault_fee, undeclared_fault_fee, unlocked_balance
from thespis.protocols.builtin.storage_miner.outcomes import Proven
from thespis.protocols.builtin.storage_miner.periods import current_deadline
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import MinerState, SectorOnChainInfo
from thespis.protocols.consensus.randomness import Purpose, miner_entropy
from thespis.protocols.encoding.tuples import ChainEpoch, Record, Unsigned, record
from thespis.protocols.vm.exit_codes import ExitCode, StateFault
from thespis.protocols.vm.world import ChallengedSector, PostProof, WindowPostInfo

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

NO_FEE_FROM = 3
"""From this network version on skipped and missed sectors pay at their deadline's end only."""


@record
class SubmitPostParams(Record):
    """Proofs of partitions of a deadline, and where on the chain they were made."""

    deadline: Unsigned
    partitions: tuple[PostPartition, ...]
    proofs: tuple[PostProof, ...]
    chain_commit_epoch: ChainEpoch
    chain_commit_rand: bytes


def submit_windowed_post(runtime: ActorRuntime, params: SubmitPostParams) -> None:
    """Prove partitions of the open deadline; faulty sectors that were declared recovered have power again."""
    policy = runtime.policy
    check_deadline(runtime, params.deadline)
    if params.chain_commit_epoch >= runtime.epoch:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the proof's epoch {params.chain_commit_epoch} is not past")
    if params.chain_commit_epoch < runtime.epoch - policy.challenge_window:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the proof's epoch {params.chain_commit_epoch} is too old")
    expected = runtime.ticket_randomness(Purpose.POST_CHAIN_COMMIT, params.chain_commit_epoch, b"")
    if expected != params.chain_commit_rand:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the proof was made for another chain")
    reward, power = epoch_reward(runtime), network_power(runtime)

    layout = LAYOUTS[0]

    def prove(state: MinerState) -> tuple[MinerState, tuple[Proven, int, int]]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        if len(params.partitions) > layout.proof_partitions_max(info):
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.partitions)} partitions are too many")
        now = current_deadline(policy, state, runtime.epoch)
        deadlines = state.load_deadlines(runtime)
        if not now.is_open:
            runtime.abort(ExitCode.ILLEGAL_STATE, f"the proving period from {now.period_start} has not begun")
        if params.deadline != now.index:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"deadline {params.deadline}; {now.index} is open")
        sectors = Sectors(runtime, state)
        deadline = deadlines.load(runtime, now.index)
        rules = layout.deadline_rules(runtime, state, info, now.index)
        deadline, proven = rules.record_proven(deadline, sectors, now.last + policy.fault_max_age, params.partitions)
        if proven.good.runs:
            # the reference of this version opens the table anew
            found = sectors_for_proof(Sectors(runtime, state), proven)
            verify_post(runtime, now.challenge, found, params.proofs)
        fee = _post_fee(runtime, reward, power, proven)
        unlocked = unlocked_balance(runtime, state)
        state, vesting, balance = state.penalize(runtime, runtime.epoch, fee, unlocked)
        deadlines = deadlines.update(runtime, now.index, deadline)
        return state.with_deadlines(runtime, deadlines), (proven, vesting, balance)

    _state, (proven, vesting, balance) = runtime.transaction(MinerState, prove)
    update_power(runtime, proven.delta)
    burn(runtime, vesting + balance)
    notify_pledge(runtime, -vesting)


def sectors_for_proof(sectors: Sectors, proven: Proven) -> list[SectorOnChainInfo]:
    """The sectors that the proof is about, a good one, of which there must be one, standing in for each faulty one."""
    stand_in = _must(sectors, next(iter(proven.good)))
    return [stand_in if number in proven.ignored else _must(sectors, number) for number in proven.sectors]


def _must(sectors: Sectors, number: int) -> SectorOnChainInfo:
    found = sectors.find(number)
    if found is None:
        raise StateFault(f"there is no sector {number}")
    return found


def verify_post(
    runtime: ActorRuntime, challenge: int, sectors: Iterable[SectorOnChainInfo], proofs: tuple[PostProof, ...]
) -> None:
    """End the call unless the proofs hold for the sectors, challenged with the beacon of an epoch."""
    miner, entropy = runtime.receiver_id, miner_entropy(runtime.receiver)
    randomness = runtime.beacon_randomness(Purpose.WINDOWED_POST_CHALLENGE_SEED, challenge, entropy)
    challenged = [ChallengedSector(each.seal_proof, int(each.number), each.sealed_cid) for each in sectors]
    with runtime.failing_as(ExitCode.ILLEGAL_ARGUMENT):
        runtime.syscalls.verify_post(WindowPostInfo(randomness, proofs, challenged, miner))


def _post_fee(runtime: ActorRuntime, reward: ThisEpochReward, power: CurrentTotalPower, proven: Proven) -> int:
    version = runtime.network_version
    if version >= NO_FEE_FROM:
        return 0
    undeclared = (proven.new_faulty + proven.retracted).adjusted
    # the ongoing fee is charged at the deadline's end, but not to what recovers here, so that pays it now
    return (
        undeclared_fault_fee(reward.smoothed, power.smoothed, undeclared, version)
        - declared_fault_fee(reward.smoothed, power.smoothed, undeclared, version)
        + declared_fault_fee(reward.smoothed, power.smoothed, proven.recovered.adjusted, version)
    )
