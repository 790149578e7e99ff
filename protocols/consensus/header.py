"""Whether a block header is valid over its parent: one rule after the other, each with its own error.

The cheap rules come first and the signature last, so that an error names the field that is wrong and not only that the
signature does not cover it. What must be known of the chain is given as a context; nothing is read here
(Lotus: ``chain/consensus/filcns``; reference: formats, section 6).
"""

from __future__ import annotations

from dataclasses import dataclass

from thespis.protocols.chain.block import BeaconEntry, BlockHeader
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.beacon import check_entries
from thespis.protocols.consensus.election import win_count
from thespis.protocols.consensus.randomness import Purpose, draw, miner_entropy
from thespis.protocols.consensus.weight import chain_weight
from thespis.protocols.crypto import bls
from thespis.protocols.crypto.signature import SignatureType, check_signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import (
    BlockBaseFeeError,
    BlockElectionError,
    BlockParentsError,
    BlockReceiptsError,
    BlockSignatureError,
    BlockStateRootError,
    BlockTicketError,
    BlockTimestampError,
    BlockWeightError,
    BlockWinCountError,
    SignatureError,
)
from thespis.protocols.networks.profile import NetworkProfile


@dataclass(frozen=True, slots=True)
class HeaderContext:
    """What the chain says about the place where a header wants to stand; powers in bytes, fees in attoFIL."""

    parent: Tipset
    parent_state_root: Cid
    parent_message_receipts: Cid
    parent_network_power: int
    base_fee: int
    worker: Address
    miner_power: int
    total_power: int
    previous_beacon: BeaconEntry


def validate_header(header: BlockHeader, context: HeaderContext, profile: NetworkProfile) -> None:
    """Raise the InvalidBlockError of the first rule that the header breaks."""
    parent = context.parent
    if header.parents != parent.key:
        raise BlockParentsError(f"parents are not the tipset at height {parent.height} in the order of its tickets")
    if header.height <= parent.height:
        raise BlockParentsError(f"height {header.height} is not above its parent's {parent.height}")
    due_s = parent.minimum_timestamp + profile.block_delay_s * (header.height - parent.height)
    if header.timestamp != due_s:
        raise BlockTimestampError(f"timestamp {header.timestamp}; height {header.height} is due at {due_s}")
    wins = [block.election_proof.win_count for block in parent.blocks if block.election_proof]
    weight = chain_weight(parent.parent_weight, wins, context.parent_network_power)
    if header.parent_weight != weight:
        raise BlockWeightError(f"parent weight {header.parent_weight}; it is {weight}")
    if header.parent_base_fee != context.base_fee:
        raise BlockBaseFeeError(f"base fee {header.parent_base_fee}; it is {context.base_fee}")
    if header.parent_state_root != context.parent_state_root:
        raise BlockStateRootError(f"parent state root {header.parent_state_root}; it is {context.parent_state_root}")
    if header.parent_message_receipts != context.parent_message_receipts:
        raise BlockReceiptsError(
            f"parent receipts {header.parent_message_receipts}; they are {context.parent_message_receipts}"
        )
    check_entries(profile.beacon, header.beacon_entries, header.height, parent.height, context.previous_beacon)
    _look_at_signatures(header, context, profile)
    _check_draws(header, context, profile)
    if header.block_sig is None:
        raise BlockSignatureError("the block is not signed")
    try:
        check_signature(header.block_sig, context.worker, header.signing_bytes())
    except SignatureError as error:
        raise BlockSignatureError(str(error)) from None


def _drawn(header: BlockHeader, context: HeaderContext, profile: NetworkProfile) -> tuple[bytes, bytes]:
    """The randomness that the ticket and the election proof are of; the miner cannot choose it."""
    newest = header.beacon_entries[-1] if header.beacon_entries else context.previous_beacon
    entropy = miner_entropy(header.miner)
    ticket_entropy = entropy
    if header.height > profile.upgrade_smoke_height and context.parent.minimum_ticket is not None:
        ticket_entropy += context.parent.minimum_ticket.vrf_proof
    ticket = draw(newest.data, Purpose.TICKET_PRODUCTION, header.height - 1, ticket_entropy)
    return ticket, draw(newest.data, Purpose.ELECTION_PROOF_PRODUCTION, header.height, entropy)


def _look_at_signatures(header: BlockHeader, context: HeaderContext, profile: NetworkProfile) -> None:
    """Verify the miner's three signatures in one; the rules ask for each by itself, and if all are good it is known."""
    ticket, proof, signature = header.ticket, header.election_proof, header.block_sig
    if ticket is None or proof is None or signature is None or signature.type is not SignatureType.BLS:
        return
    for_ticket, for_election = _drawn(header, context, profile)
    signed = ((for_ticket, ticket.vrf_proof), (for_election, proof.vrf_proof), (header.signing_bytes(), signature.data))
    bls.verify_together(context.worker.payload, signed)


def _check_draws(header: BlockHeader, context: HeaderContext, profile: NetworkProfile) -> None:
    """Ticket, election and number of wins: each is a VRF output over randomness that the miner cannot choose."""
    for_ticket, for_election = _drawn(header, context, profile)
    if header.ticket is None:
        raise BlockTicketError("the block has no ticket")
    _check_vrf(context.worker, for_ticket, header.ticket.vrf_proof, BlockTicketError)
    proof = header.election_proof
    if proof is None:
        raise BlockElectionError("the block has no election proof")
    _check_vrf(context.worker, for_election, proof.vrf_proof, BlockElectionError)
    wins = win_count(proof.vrf_proof, context.miner_power, context.total_power)
    if wins < 1 or proof.win_count != wins:
        raise BlockWinCountError(f"win count {proof.win_count}; the proof wins {wins} times")


def _check_vrf(
    worker: Address, base: bytes, proof: bytes, error_class: type[BlockTicketError | BlockElectionError]
) -> None:
    try:
        valid = bls.verify(worker.payload, base, proof)
    except SignatureError as error:
        raise error_class(f"VRF proof: {error}") from None
    if not valid:
        raise error_class(f"VRF proof is not of {worker} over this epoch's randomness")
