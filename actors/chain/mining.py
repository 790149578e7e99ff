"""Making a block: whether a miner wins, and the block it then makes.

Everything secret is done by whoever holds the worker's key; here are only the bytes to sign and what is made of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from thespis.actors.chain.reader import BlockMessages, ChainReader
from thespis.protocols.builtin.queries.actors import key_address
from thespis.protocols.builtin.queries.miner import miner_info
from thespis.protocols.chain.block import BeaconEntry, BlockHeader, ElectionProof, PoStProof, Ticket, save_message_meta
from thespis.protocols.chain.message import SignedMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.beacon import entries_due
from thespis.protocols.consensus.election import win_count
from thespis.protocols.consensus.randomness import Purpose, draw, miner_entropy
from thespis.protocols.crypto import bls
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.errors import ChainError
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.networks.profile import ProofPolicy

if TYPE_CHECKING:
    from thespis.protocols.consensus.winning_post import WinningChallenge
    from thespis.protocols.proofs.vanilla import SectorPostProof


@dataclass(frozen=True, slots=True)
class MiningBase:
    """What a miner needs to know to try an epoch over a tipset."""

    miner: Address
    parent: Tipset
    height: int
    worker: Address
    power: int
    total_power: int
    beacon_entries: tuple[BeaconEntry, ...]
    newest_beacon: BeaconEntry
    base_fee: int
    eligible: bool


def mining_base(reader: ChainReader, miner: Address, parent: Tipset, height: int) -> MiningBase:
    """Gather it; raises ChainError when the miner is not on the chain."""
    profile = reader.genesis.profile
    if height <= parent.height:
        raise ChainError(f"height {height} is not above the parent's {parent.height}")
    lookback = reader.lookback_state(parent, height)
    power = reader.election_power(parent, height, miner)
    worker = key_address(reader.blocks, lookback, miner_info(reader.blocks, lookback, miner).worker)
    previous = reader.beacon_before(parent)
    entries = entries_due(profile.beacon, height, parent.height, previous)
    return MiningBase(
        miner=miner,
        parent=parent,
        height=height,
        worker=worker,
        power=power.miner,
        total_power=power.total,
        beacon_entries=entries,
        newest_beacon=entries[-1] if entries else previous,
        base_fee=reader.base_fee(parent),
        eligible=power.eligible,
    )


def election_input(base: MiningBase) -> bytes:
    """What the worker signs to take part in an election."""
    entropy = miner_entropy(base.miner)
    return draw(base.newest_beacon.data, Purpose.ELECTION_PROOF_PRODUCTION, base.height, entropy)


def election_wins(base: MiningBase, vrf_proof: bytes) -> int:
    """How often a proof wins; a miner that is not eligible never does."""
    return win_count(vrf_proof, base.power, base.total_power) if base.eligible else 0


def storage_challenge(reader: ChainReader, base: MiningBase) -> WinningChallenge:
    """What the block must open of the miner's sectors; raises ChainError on a network whose proofs are others."""
    from thespis.protocols.consensus.winning_post import winning_challenge  # compiled code: only who mines pays for it

    profile = reader.genesis.profile
    if profile.proofs is not ProofPolicy.VANILLA:
        raise ChainError(f"network {profile.name} asks for {profile.proofs.value} proofs, which this node cannot make")
    sectors = reader.provable_sectors(base.parent, base.height, base.miner)
    return winning_challenge(base.newest_beacon.data, base.height, base.miner, sectors)


def storage_proof(challenge: WinningChallenge, opened: SectorPostProof) -> PoStProof:
    """The proof as a block carries it."""
    from thespis.protocols.proofs.vanilla import PostVanillaProof

    return PoStProof(challenge.proof_type, PostVanillaProof((opened,)).encode())


def ticket_input(reader: ChainReader, base: MiningBase) -> bytes:
    """What the worker signs for the block's ticket."""
    entropy = miner_entropy(base.miner)
    if base.height > reader.genesis.profile.upgrade_smoke_height and base.parent.minimum_ticket is not None:
        entropy += base.parent.minimum_ticket.vrf_proof
    return draw(base.newest_beacon.data, Purpose.TICKET_PRODUCTION, base.height - 1, entropy)


def unsigned_block(
    reader: ChainReader,
    base: MiningBase,
    election: ElectionProof,
    ticket: Ticket,
    messages: Sequence[SignedMessage],
    proof: PoStProof,
) -> tuple[BlockHeader, BlockMessages]:
    """The block that lacks only its signature, and its messages sorted by kind."""
    profile = reader.genesis.profile
    execution = reader.execution(base.parent.key)
    bls_signed = [signed for signed in messages if signed.signature.type is SignatureType.BLS]
    secpk = [signed for signed in messages if signed.signature.type is not SignatureType.BLS]
    aggregate = bls.aggregate([signed.signature.data for signed in bls_signed])
    meta = save_message_meta(
        MemoryBlockstore(), [signed.message.cid() for signed in bls_signed], [signed.cid() for signed in secpk]
    )
    due_s = base.parent.minimum_timestamp + profile.block_delay_s * (base.height - base.parent.height)
    header = BlockHeader(
        miner=base.miner,
        ticket=ticket,
        election_proof=election,
        beacon_entries=base.beacon_entries,
        win_post_proof=(proof,),
        parents=base.parent.key,
        parent_weight=BigInteger(execution.weight),
        height=ChainEpoch(base.height),
        parent_state_root=execution.state_root,
        parent_message_receipts=execution.receipts_root,
        messages=meta,
        bls_aggregate=Signature(SignatureType.BLS, aggregate),
        timestamp=Unsigned(due_s),
        block_sig=None,
        fork_signaling=Unsigned(0),
        parent_base_fee=TokenAmount(base.base_fee),
    )
    return header, BlockMessages(tuple(signed.message for signed in bls_signed), tuple(secpk))


def signed_block(header: BlockHeader, signature: Signature) -> BlockHeader:
    """The finished block."""
    return dataclasses.replace(header, block_sig=signature)
