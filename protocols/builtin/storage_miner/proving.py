"""Proofs of spacetime, faults and recoveries (specs-actors v0.9.15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from thespis.protocols.builtin.miner_state import (
    NO_POWER,
    AnyMiner,
    Miner,
    MinerInfo,
    MinerState,
    PowerPair,
    SectorOnChainInfo,
)
from thespis.protocols.builtin.power import CurrentTotalPower
from thespis.protocols.builtin.reward import ThisEpochReward
from thespis.protocols.builtin.storage_miner.calls import burn, epoch_reward, network_power, notify_pledge, update_power
from thespis.protocols.builtin.storage_miner.deadline import PartitionSectors, PostPartition, Proven
from thespis.protocols.builtin.storage_miner.layouts import ADDRESSED_SECTORS_MAX, LAYOUTS, layout_of
from thespis.protocols.builtin.storage_miner.money import declared_fault_fee, undeclared_fault_fee, unlocked_balance
from thespis.protocols.builtin.storage_miner.periods import DeadlineInfo, current_deadline
from thespis.protocols.builtin.storage_miner.queues import NOTHING
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.consensus.randomness import Purpose, miner_entropy
from thespis.protocols.encoding.bitfield import Bitfield
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


@record
class Declaration(Record):
    """Sectors of a partition."""

    deadline: Unsigned
    partition: Unsigned
    sectors: Bitfield


@record
class Declarations(Record):
    """Faults, recoveries or terminations."""

    declarations: tuple[Declaration, ...]


def check_deadline(runtime: ActorRuntime, index: int) -> None:
    """End the call for a deadline that no proving period has."""
    if index >= runtime.policy.deadlines:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"deadline {index}; there are {runtime.policy.deadlines}")


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
        due = layout.due(runtime, state, info, now.index)
        deadline, proven = due.record_proven(deadline, sectors, now.last + policy.fault_max_age, params.partitions)
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


def by_place(runtime: ActorRuntime, declarations: tuple[Declaration, ...]) -> dict[int, dict[int, Bitfield]]:
    """Declared sectors by deadline and partition; ends the call for more than one message may name."""
    most = layout_of(runtime).partitions_max
    if runtime.actors_version and len(declarations) > most:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(declarations)} declarations; {most} are the most")
    places: dict[int, dict[int, Bitfield]] = {}
    for each in declarations:
        check_deadline(runtime, each.deadline)
        partitions = places.setdefault(int(each.deadline), {})
        index = int(each.partition)
        partitions[index] = partitions.get(index, NOTHING) | each.sectors
    count = sum(len(partitions) for partitions in places.values())
    sectors = sum(len(numbers) for partitions in places.values() for numbers in partitions.values())
    if count > most or sectors > ADDRESSED_SECTORS_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{count} partitions and {sectors} sectors are too many")
    return dict(sorted(places.items()))


def declaration_deadline(runtime: ActorRuntime, state: AnyMiner, index: int) -> DeadlineInfo:
    """The deadline that a declaration is about; ends the call for one that comes too late."""
    found = DeadlineInfo(runtime.policy, state.proving_period_start, index, runtime.epoch).next_not_elapsed()
    if found.fault_cutoff_passed:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a declaration for deadline {index} comes too late")
    return found


def declare_faults(runtime: ActorRuntime, params: Declarations) -> None:
    """Declare sectors faulty before their deadline: they lose their power, and pay less than if it is found out."""
    places, layout = by_place(runtime, params.declarations), layout_of(runtime)

    def declare(state: AnyMiner) -> tuple[AnyMiner, PowerPair]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        deadlines, sectors, delta = state.load_deadlines(runtime), Sectors(runtime, state), NO_POWER
        for index, wanted in places.items():
            target = declaration_deadline(runtime, state, index)
            due = layout.due(runtime, state, info, index)
            at = target.last + runtime.policy.fault_max_age
            deadline, change = due.declare_faults(deadlines.load(runtime, index), sectors, at, wanted)
            deadlines = deadlines.update(runtime, index, deadline)
            delta += change
        return state.with_deadlines(runtime, deadlines), delta

    _state, delta = runtime.transaction(layout.state, declare)
    update_power(runtime, delta)


def declare_faults_recovered(runtime: ActorRuntime, params: Declarations) -> None:
    """Promise that faulty sectors will be proven at their next deadline."""
    places = by_place(runtime, params.declarations)

    def declare(state: MinerState) -> tuple[MinerState, None]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        return with_recoveries(runtime, state, info, places), None

    runtime.transaction(MinerState, declare)


def with_recoveries(
    runtime: ActorRuntime, state: Miner, info: MinerInfo, places: Mapping[int, PartitionSectors]
) -> Miner:
    """The miner with declared recoveries."""
    layout = layout_of(runtime)
    deadlines, sectors = state.load_deadlines(runtime), Sectors(runtime, state)
    for index, wanted in places.items():
        declaration_deadline(runtime, state, index)
        due = layout.due(runtime, state, info, index)
        deadline = due.declare_recovered(deadlines.load(runtime, index), sectors, wanted)
        deadlines = deadlines.update(runtime, index, deadline)
    return state.with_deadlines(runtime, deadlines)
