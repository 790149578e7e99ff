"""Whether a block header is valid over its parent: one rule after the other, each with its own error.

The cheap rules come first and the signature last, so that an error names the field that is wrong and not only that the
signature does not cover it. What must be known of the chain is given as a context; nothing is read here
(Lotus v1.4.0 ``chain/sync.go``, Syncer.ValidateBlock; reference: formats, section 6).
"""

from __future__ import annotations

from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.consensus.beacon import check_entries
from thespis.protocols.consensus.epoch import EpochContext
from thespis.protocols.crypto import bls
from thespis.protocols.crypto.signature import SignatureType, check_signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import (
    BlockBaseFeeError,
    BlockElectionError,
    BlockFutureError,
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


def check_time(header: BlockHeader, profile: NetworkProfile, now_s: float) -> None:
    """Raise BlockFutureError for a block whose time has not come: the one rule that depends on when it is asked.

    A block that comes early is not bad: it is valid later, and its sender's clock may be fast by a little. `now_s` is
    in Unix seconds (Lotus v1.4.0 ``chain/sync.go``, Syncer.ValidateBlock, with build.AllowableClockDriftSecs).
    """
    if header.timestamp > now_s + profile.allowable_clock_drift_s:
        raise BlockFutureError(f"timestamp {header.timestamp} is {header.timestamp - now_s:.1f} s in the future")


def validate_header(header: BlockHeader, context: EpochContext) -> None:
    """Raise the InvalidBlockError of the first rule that the header breaks; `context` is of its miner and height."""
    assert (header.miner, header.height) == (context.miner, context.height), "the context of another block"
    parent = context.parent
    if not context.eligible:
        raise BlockElectionError(f"miner {header.miner} has no power to mine with at height {header.height}")
    if header.parents != parent.key:
        raise BlockParentsError(f"parents are not the tipset at height {parent.height} in the order of its tickets")
    if header.height <= parent.height:
        raise BlockParentsError(f"height {header.height} is not above its parent's {parent.height}")
    if header.timestamp != context.due_timestamp_s:
        raise BlockTimestampError(
            f"timestamp {header.timestamp}; height {header.height} is due at {context.due_timestamp_s}"
        )
    if header.parent_weight != context.parent_weight:
        raise BlockWeightError(f"parent weight {header.parent_weight}; it is {context.parent_weight}")
    if header.parent_base_fee != context.base_fee:
        raise BlockBaseFeeError(f"base fee {header.parent_base_fee}; it is {context.base_fee}")
    if header.parent_state_root != context.parent_state_root:
        raise BlockStateRootError(f"parent state root {header.parent_state_root}; it is {context.parent_state_root}")
    if header.parent_message_receipts != context.parent_message_receipts:
        raise BlockReceiptsError(
            f"parent receipts {header.parent_message_receipts}; they are {context.parent_message_receipts}"
        )
    check_entries(context.profile.beacon, header.beacon_entries, header.height, parent.height, context.previous_beacon)
    _look_at_signatures(header, context)
    _check_draws(header, context)
    if header.block_sig is None:
        raise BlockSignatureError("the block is not signed")
    try:
        check_signature(header.block_sig, context.worker, header.signing_bytes())
    except SignatureError as error:
        raise BlockSignatureError(str(error)) from None


def _look_at_signatures(header: BlockHeader, context: EpochContext) -> None:
    """Verify the miner's three signatures in one; the rules ask for each by itself, and if all are good it is known."""
    ticket, proof, signature = header.ticket, header.election_proof, header.block_sig
    if ticket is None or proof is None or signature is None or signature.type is not SignatureType.BLS:
        return
    signed = (
        (context.ticket_randomness(header.beacon_entries), ticket.vrf_proof),
        (context.election_randomness(header.beacon_entries), proof.vrf_proof),
        (header.signing_bytes(), signature.data),
    )
    bls.verify_together(context.worker.payload, signed)


def _check_draws(header: BlockHeader, context: EpochContext) -> None:
    """Ticket, election and number of wins: each is a VRF output over randomness that the miner cannot choose."""
    if header.ticket is None:
        raise BlockTicketError("the block has no ticket")
    randomness = context.ticket_randomness(header.beacon_entries)
    _check_vrf(context.worker, randomness, header.ticket.vrf_proof, BlockTicketError)
    proof = header.election_proof
    if proof is None:
        raise BlockElectionError("the block has no election proof")
    randomness = context.election_randomness(header.beacon_entries)
    _check_vrf(context.worker, randomness, proof.vrf_proof, BlockElectionError)
    wins = context.wins(proof.vrf_proof)
    if wins < 1 or proof.win_count != wins:
        raise BlockWinCountError(f"win count {proof.win_count}; the proof wins {wins} times")


def _check_vrf(
    worker: Address, randomness: bytes, proof: bytes, error_class: type[BlockTicketError | BlockElectionError]
) -> None:
    try:
        valid = bls.verify(worker.payload, randomness, proof)
    except SignatureError as error:
        raise error_class(f"VRF proof: {error}") from None
    if not valid:
        raise error_class(f"VRF proof is not of {worker} over this epoch's randomness")
