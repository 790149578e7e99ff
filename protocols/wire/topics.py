"""Gossip topics and what their messages are (reference: formats, sections 5.2 and 5.3)."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from thespis.protocols.chain.block import BlockMessage
from thespis.protocols.chain.message import MESSAGE_BYTES_MAX, SignedMessage
from thespis.protocols.consensus.block_messages import BLOCK_MESSAGES_MAX, check_commitment
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.errors import BlockMessagesError, WireError

BLOCKS_REMEMBERED = 16
BLOCK_BYTES_MAX = (1 << 20) - (32 << 10)


def blocks_topic(network: str) -> str:
    """Where blocks are gossiped."""
    return f"/fil/blocks/{network}"


def messages_topic(network: str) -> str:
    """Where messages are gossiped."""
    return f"/fil/msgs/{network}"


def kademlia_prefix(network: str) -> str:
    """The prefix of the peer routing protocol."""
    return f"/fil/kad/{network}"


def message_id(data: bytes) -> bytes:
    """How gossip tells messages apart: by content, so that a repeat is one whoever sends it.

    Source: Lotus v1.4.0 ``node/modules/lp2p/pubsub.go``, HashMsgId.
    """
    return hashlib.blake2b(data, digest_size=32).digest()


@lru_cache(maxsize=BLOCKS_REMEMBERED)
def parse_block(data: bytes) -> BlockMessage:
    """A gossiped block, as far as bytes alone can tell; raises WireError or CborError."""
    if len(data) > BLOCK_BYTES_MAX:
        raise WireError(f"block of {len(data)} bytes; the bound is {BLOCK_BYTES_MAX}")
    block = BlockMessage.decode(data, dialect=Dialect.CHAIN)
    header = block.header
    if header is None:
        raise WireError("block without a header")
    count = len(block.bls_messages) + len(block.secpk_messages)
    if count > BLOCK_MESSAGES_MAX:
        raise WireError(f"block of {count} messages; the bound is {BLOCK_MESSAGES_MAX}")
    if header.block_sig is None:
        raise WireError("block without a signature")
    if header.election_proof is None or header.election_proof.win_count < 1:
        raise WireError("block without a winning election proof")
    try:
        check_commitment(header, block.bls_messages, block.secpk_messages)
    except BlockMessagesError as error:
        raise WireError(str(error)) from None
    return block


def parse_message(data: bytes) -> SignedMessage:
    """A gossiped message within its bounds; raises WireError or CborError."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise WireError(f"message of {len(data)} bytes; the bound is {MESSAGE_BYTES_MAX}")
    return SignedMessage.decode(data, dialect=Dialect.CHAIN)
