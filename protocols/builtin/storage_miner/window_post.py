"""SubmitWindowedPoSt: the proof, at each deadline, that a miner still stores the sectors that are due.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.smoothing import FilterEstimate
from thespis.protocols.builtin.storage_miner.calls import burn, epoch_reward, network_power, notify_pledge, update_power
from thespis.protocols.builtin.storage_miner.deadline import PostPartition
from thespis.protocols.builtin.storage_miner.declarations import check_deadline
from thespis.protocols.builtin.storage_miner.layouts import LAYOUTS
from thespis.protocols.builtin.storage_miner.money import declared_fault_fee, undeclared_fault_fee, unlocked_balance
from thespis.protocols.builtin.storage_miner.outcomes import Proven
from thespis.protocols.builtin.storage_miner.periods import current_deadline
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import MinerState
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
    """Proofs of partitions of a deadline, and the chain that they were made on: a ticket's epoch and randomness."""

    deadline: Unsigned
    partitions: tuple[PostPartition, ...]
    proofs: tuple[PostProof, ...]
    chain_commit_epoch: ChainEpoch
    chain_commit_rand: bytes


def submit_windowed_post(runtime: ActorRuntime, params: SubmitPostParams) -> None:
    """Prove partitions of the open deadline; faulty sectors that were declared recovered have power again.

    The proof must have been made on this chain, which the ticket of an epoch in the last window shows. Partitions may
    be proven in several messages; sectors that a proof leaves out are faulty, and up to network version 2 cost a fee
    at once.

    Source: v0.9.15 ``miner_actor.go``, SubmitWindowedPoSt.
    """
    policy, version = runtime.policy, runtime.network_version
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
        rules, expires_at = layout.deadline_rules(runtime, state, info, now.index), now.last + policy.fault_max_age
        deadline, proven = rules.record_proven(deadline, sectors, expires_at, params.partitions)
        if proven.good.runs:
            # the reference of this version opens the table anew
            verify_post(runtime, now.challenge, Sectors(runtime, state), proven, params.proofs)
        fee = 0 if version >= NO_FEE_FROM else _post_fee(reward.smoothed, power.smoothed, proven, version)
        unlocked = unlocked_balance(runtime, state)
        state, vesting, balance = state.penalize(runtime, runtime.epoch, fee, unlocked)
        deadlines = deadlines.update(runtime, now.index, deadline)
        return state.with_deadlines(runtime, deadlines), (proven, vesting, balance)

    _state, (proven, vesting, balance) = runtime.transaction(MinerState, prove)
    update_power(runtime, proven.delta)
    burn(runtime, vesting + balance)
    notify_pledge(runtime, -vesting)


def verify_post(
    runtime: ActorRuntime, challenge: int, sectors: Sectors, proven: Proven, proofs: tuple[PostProof, ...]
) -> None:
    """Abort unless the proofs hold for the sectors, challenged with the beacon of an epoch.

    A proof has a fixed number of sectors: the first good one, of which there must be one, stands in for each that is
    faulty or terminated, and is opened again in its place.

    Source: v0.9.15 ``miner_state.go``, LoadSectorInfosForProof; v2.3.6 ``sectors.go``, LoadForProof;
    ``miner_actor.go``, verifyWindowedPost.
    """

    def challenged(number: int) -> ChallengedSector:
        found = sectors.find(number)
        if found is None:
            raise StateFault(f"there is no sector {number}")
        return ChallengedSector(found.seal_proof, int(found.number), found.sealed_cid)

    stand_in = challenged(next(iter(proven.good)))
    opened = [stand_in if number in proven.ignored else challenged(number) for number in proven.sectors]
    miner, entropy = runtime.receiver_id, miner_entropy(runtime.receiver)
    randomness = runtime.beacon_randomness(Purpose.WINDOWED_POST_CHALLENGE_SEED, challenge, entropy)
    with runtime.failing_as(ExitCode.ILLEGAL_ARGUMENT):
        runtime.syscalls.verify_post(WindowPostInfo(randomness, proofs, opened, miner))


def _post_fee(reward: FilterEstimate, power: FilterEstimate, proven: Proven, version: int) -> int:
    """What skipped sectors cost more than declared ones, and recovered ones once more, up to network version 2.

    The fee of ongoing faults is charged at the deadline's end, but not for what recovers here, which pays it now.

    Source: v0.9.15 ``miner_actor.go``, SubmitWindowedPoSt.
    """
    undeclared = (proven.new_faulty + proven.retracted).adjusted
    return (
        undeclared_fault_fee(reward, power, undeclared, version)
        - declared_fault_fee(reward, power, undeclared, version)
        + declared_fault_fee(reward, power, proven.recovered.adjusted, version)
    )
