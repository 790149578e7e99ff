"""Checking the proofs that miners send as messages, on networks whose proofs are openings of Merkle trees.

Where the reference checks SNARKs: Lotus v1.4.0 ``chain/vm/syscalls.go``, VerifySeal and VerifyPoSt.
"""

from __future__ import annotations

from thespis.protocols.encoding.piece_cid import commitment_of
from thespis.protocols.errors import CidError, DecodeError, ProofError
from thespis.protocols.proofs.challenges import window_leaves
from thespis.protocols.proofs.porep import Replication
from thespis.protocols.proofs.registry import SealProof
from thespis.protocols.proofs.vanilla import PostVanillaProof, ProvenSector, SealVanillaProof, verify_post, verify_seal
from thespis.protocols.vm.world import SealVerifyInfo, WindowPostInfo


def seal_is_valid(info: SealVerifyInfo) -> bool:
    """Whether a sector was sealed as said; whatever cannot be read is not."""
    try:
        sector, comm_d = info.sector_id, commitment_of(info.unsealed_cid)
        replication = Replication(
            SealProof(info.seal_proof), int(sector.miner), int(sector.number), info.randomness, comm_d
        )
        proof = SealVanillaProof.decode(info.proof)
        verify_seal(replication, info.sealed_cid.parts()[2], info.interactive_randomness, proof)
    except (CidError, DecodeError, ProofError):
        return False
    return True


def window_post_is_valid(info: WindowPostInfo) -> bool:
    """Whether the sectors of a window proof are still stored; whatever cannot be read is not."""
    if len(info.proofs) != 1 or not info.sectors:
        return False
    try:
        kind = SealProof(info.sectors[0].seal_proof)
        proven = [ProvenSector(each.number, each.sealed_cid.parts()[2]) for each in info.sectors]

        def leaves(place: int) -> list[int]:
            return list(window_leaves(info.randomness, proven[place].number, place, kind.shape.nodes, kind.api))

        verify_post(proven, kind.shape.levels, leaves, PostVanillaProof.decode(info.proofs[0].proof_bytes))
    except (CidError, DecodeError, ProofError):
        return False
    return True
