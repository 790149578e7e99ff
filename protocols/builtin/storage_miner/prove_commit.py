"""ProveCommitSector: the proof of a sector that was committed to, handed to the power actor.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import MARKET, POWER
from thespis.protocols.builtin.market.calls import ComputeDataCommitmentParams
from thespis.protocols.builtin.methods import CID, COMPUTE_DATA_COMMITMENT, SUBMIT_POREP
from thespis.protocols.builtin.storage_miner.money import require_pledge
from thespis.protocols.builtin.storage_miner.pre_commit import seal_proof_earliest
from thespis.protocols.builtin.storage_miner.sectors import find_pre_committed
from thespis.protocols.builtin.storage_miner.state import MinerState, SectorPreCommitOnChainInfo
from thespis.protocols.consensus.randomness import Purpose, miner_entropy
from thespis.protocols.encoding.tuples import Record, Unsigned, record
from thespis.protocols.vm.exit_codes import ExitCode
from thespis.protocols.vm.world import SealVerifyInfo, SectorId

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class ProveCommitParams(Record):
    """The proof that a sector was sealed as it was committed to."""

    sector_number: Unsigned
    proof: bytes


def prove_commit_sector(runtime: ActorRuntime, params: ProveCommitParams) -> None:
    """Hand in the proof of a sector, as anyone may; it is checked at the end of the epoch, with all others.

    Source: v0.9.15 ``miner_actor.go``, ProveCommitSector.
    """
    runtime.accept_any_caller()
    state = runtime.read_state(MinerState)
    require_pledge(runtime, state)
    number = params.sector_number
    found = find_pre_committed(runtime, state, number)
    if found is None:
        runtime.abort(ExitCode.NOT_FOUND, f"sector {number} was not committed to")
    hand_in_proof(runtime, found, params.proof, runtime.policy.seal_duration_max, seal_proof_earliest(runtime))


def hand_in_proof(
    runtime: ActorRuntime, kept: SectorPreCommitOnChainInfo, proof: bytes, duration: int, earliest: int
) -> None:
    """Give the proof of a commitment to the power actor, with all that checking it takes.

    It comes within `duration` epochs of the commitment, with a ticket no older than `earliest`, and not before the
    epoch whose randomness says which nodes it opens: the miner must not know that when it commits.

    Source: ``miner_actor.go``, ProveCommitSector, getVerifyInfo, requestUnsealedSectorCID.
    """
    info, miner, entropy = kept.info, runtime.receiver_id, miner_entropy(runtime.receiver)
    due = kept.pre_commit_epoch + duration
    if runtime.epoch > due:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the proof of sector {info.sector_number} was due at {due}")
    interactive = kept.pre_commit_epoch + runtime.policy.pre_commit_challenge_delay
    if runtime.epoch <= interactive:
        runtime.abort(ExitCode.FORBIDDEN, f"the seed of the proof comes at epoch {interactive}")
    if info.seal_rand_epoch < earliest:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the ticket's epoch {info.seal_rand_epoch} is too old")
    asked = ComputeDataCommitmentParams(info.deal_ids, info.seal_proof).encode()
    code, returned = runtime.send(MARKET, COMPUTE_DATA_COMMITMENT, asked, 0)
    runtime.require_success(code, "the market did not tell the sector's data")
    to_verify = SealVerifyInfo(
        info.seal_proof,
        SectorId(Unsigned(miner), info.sector_number),
        info.deal_ids,
        runtime.ticket_randomness(Purpose.SEAL_RANDOMNESS, info.seal_rand_epoch, entropy),
        runtime.beacon_randomness(Purpose.INTERACTIVE_SEAL_CHALLENGE_SEED, interactive, entropy),
        proof,
        info.sealed_cid,
        CID.decode(returned),
    )
    code, _ = runtime.send(POWER, SUBMIT_POREP, to_verify.encode(), 0)
    runtime.require_success(code, "the power actor did not take the proof")
