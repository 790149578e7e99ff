"""Making a block: what its miner's worker must sign and prove, and the block that comes of it.

Everything secret is done by whoever holds the worker's key; here are only the bytes to sign and what is made of them.
The draws are the context's: `EpochContext.election_randomness` and `ticket_randomness`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from thespis.protocols.builtin.storage_miner.state import SectorOnChainInfo
from thespis.protocols.chain.block import (
    BeaconEntry,
    BlockHeader,
    BlockMessages,
    ElectionProof,
    PoStProof,
    Ticket,
    save_message_meta,
)
from thespis.protocols.chain.message import SignedMessage
from thespis.protocols.consensus.epoch import EpochContext
from thespis.protocols.crypto import bls
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.errors import ChainError
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.networks.profile import ProofPolicy

if TYPE_CHECKING:
    from thespis.protocols.consensus.winning_post import WinningChallenge
    from thespis.protocols.proofs.vanilla import SectorPostProof


def storage_challenge(
    context: EpochContext, entries: tuple[BeaconEntry, ...], sectors: Sequence[SectorOnChainInfo]
) -> WinningChallenge:
    """The challenge that the block must answer, about one of `sectors`: those that the miner could prove.

    Raises ChainError on a network whose proofs are others, BlockProofError for a miner without sectors
    (Lotus v1.4.0 ``chain/gen/gen.go``, IsRoundWinner and ComputeProof; ``chain/stmgr/utils.go``,
    GetSectorsForWinningPoSt).
    """
    from thespis.protocols.consensus.winning_post import winning_challenge  # compiled code: only who mines pays for it

    profile = context.profile
    if profile.proofs is not ProofPolicy.VANILLA:
        raise ChainError(f"network {profile.name} asks for {profile.proofs.value} proofs, which this node cannot make")
    return winning_challenge(context.newest_beacon(entries).data, context.height, context.miner, sectors)


def storage_proof(challenge: WinningChallenge, opened: SectorPostProof) -> PoStProof:
    """The proof as a block carries it."""
    from thespis.protocols.proofs.vanilla import PostVanillaProof

    return PoStProof(challenge.proof_type, PostVanillaProof((opened,)).encode())


def unsigned_block(
    context: EpochContext,
    entries: tuple[BeaconEntry, ...],
    election: ElectionProof,
    ticket: Ticket,
    messages: Sequence[SignedMessage],
    proof: PoStProof,
) -> tuple[BlockHeader, BlockMessages]:
    """The block that lacks only its signature, and its messages sorted by kind.

    BLS messages lose their own signatures to the aggregate (Lotus v1.4.0 ``chain/gen/mining.go``, MinerCreateBlock).
    """
    bls_signed = [signed for signed in messages if signed.signature.type is SignatureType.BLS]
    secpk = [signed for signed in messages if signed.signature.type is not SignatureType.BLS]
    aggregate = bls.aggregate([signed.signature.data for signed in bls_signed])
    meta = save_message_meta(
        MemoryBlockstore(), [signed.message.cid() for signed in bls_signed], [signed.cid() for signed in secpk]
    )
    header = BlockHeader(
        miner=context.miner,
        ticket=ticket,
        election_proof=election,
        beacon_entries=entries,
        win_post_proof=(proof,),
        parents=context.parent.key,
        parent_weight=BigInteger(context.parent_weight),
        height=ChainEpoch(context.height),
        parent_state_root=context.parent_state_root,
        parent_message_receipts=context.parent_message_receipts,
        messages=meta,
        bls_aggregate=Signature(SignatureType.BLS, aggregate),
        timestamp=Unsigned(context.due_timestamp_s),
        block_sig=None,
        fork_signaling=Unsigned(0),
        parent_base_fee=TokenAmount(context.base_fee),
    )
    return header, BlockMessages(tuple(signed.message for signed in bls_signed), tuple(secpk))


def signed_block(header: BlockHeader, signature: Signature) -> BlockHeader:
    """The finished block."""
    return dataclasses.replace(header, block_sig=signature)
