"""The winning proof of spacetime: a block's maker answers a challenge about one of its sectors.

Which sector and which leaves follows from the newest beacon entry, so a miner that has thrown its sectors away cannot
make the blocks that its power wins (Lotus v1.4.0 ``chain/sync.go``, Syncer.VerifyWinningPoStProof, and
``chain/stmgr/utils.go``, GetSectorsForWinningPoSt; reference: formats, section 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thespis.protocols.builtin.storage_miner.state import SectorOnChainInfo
from thespis.protocols.chain.block import PoStProof
from thespis.protocols.consensus.randomness import Purpose, draw, miner_entropy
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import BlockProofError, DecodeError, ProofError
from thespis.protocols.proofs import challenges
from thespis.protocols.proofs.porep import comm_r, prover_id
from thespis.protocols.proofs.registry import NODE_BYTES, SECTOR_SIZES, SealProof
from thespis.protocols.proofs.trees import common_root
from thespis.protocols.proofs.vanilla import PostVanillaProof, ProvenSector, verify_post


@dataclass(frozen=True, slots=True)
class WinningChallenge:
    """The sector that is challenged, and which of its leaves must be shown."""

    sector: SectorOnChainInfo
    leaves: tuple[int, ...]

    @property
    def proof_type(self) -> int:
        """The registered winning proof of the sector's size."""
        return SECTOR_SIZES.index(SealProof(self.sector.seal_proof).shape.sector_bytes)


def winning_challenge(
    beacon: bytes, height: int, miner: Address, sectors: Sequence[SectorOnChainInfo]
) -> WinningChallenge:
    """The challenge that a block of a miner at a height answers; raises BlockProofError for a miner without sectors."""
    if not sectors:
        raise BlockProofError(f"miner {miner} has no sector to prove")
    randomness = draw(beacon, Purpose.WINNING_POST_CHALLENGE_SEED, height, miner_entropy(miner))
    place = challenges.winning_sector(prover_id(miner.actor_id), randomness, 0, len(sectors))
    sector = sectors[place]
    nodes = SealProof(sector.seal_proof).shape.nodes
    return WinningChallenge(sector, tuple(challenges.winning_leaves(randomness, int(sector.number), nodes)))


def check_winning_post(proofs: Sequence[PoStProof], challenge: WinningChallenge) -> None:
    """Raise BlockProofError unless a block's proofs answer the challenge."""
    if len(proofs) != 1 or int(proofs[0].proof_type) != challenge.proof_type:
        raise BlockProofError(f"{len(proofs)} winning proofs; one of type {challenge.proof_type} is due")
    number, commitment = int(challenge.sector.number), challenge.sector.sealed_cid.parts()[2]
    levels = SealProof(challenge.sector.seal_proof).shape.levels
    try:
        proof = PostVanillaProof.decode(proofs[0].proof_bytes)
        verify_post([ProvenSector(number, commitment)], levels, lambda _place: list(challenge.leaves), proof)
    except (ProofError, DecodeError) as error:
        raise BlockProofError(f"winning proof: {error}") from None


def prepare() -> None:
    """Load the compiled code and the constants that checking a proof takes, a second's work at its first use."""
    common_root((8,), [0], bytes(NODE_BYTES), bytes(7 * NODE_BYTES))
    comm_r(bytes(NODE_BYTES), bytes(NODE_BYTES))
