"""Whether the messages of a block are those its header commits to, and signed by whom they name.

The BLS messages of a block share one aggregate signature over their CIDs; secp256k1 messages carry their own. Senders
may be ids on chain, so the caller gives their key addresses (reference: formats, sections 4 and 5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from thespis.protocols.chain.block import BlockHeader, save_message_meta
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto import bls
from thespis.protocols.crypto.signature import SignatureType
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockMessagesError, SignatureError
from thespis.protocols.ipld.blockstore import MemoryBlockstore

BLOCK_MESSAGES_MAX = 10_000

KeyOf = Callable[[Address], Address]
"""Finds the key address of a sender; raises when it has none."""


def check_block_messages(
    header: BlockHeader, bls_messages: Sequence[Message], secpk_messages: Sequence[SignedMessage], key_of: KeyOf
) -> None:
    """Raise BlockMessagesError unless the header commits to these messages and all their signatures are valid."""
    if len(bls_messages) + len(secpk_messages) > BLOCK_MESSAGES_MAX:
        raise BlockMessagesError(
            f"{len(bls_messages) + len(secpk_messages)} messages; a block has at most {BLOCK_MESSAGES_MAX}"
        )
    check_commitment(header, [message.cid() for message in bls_messages], [message.cid() for message in secpk_messages])
    _check_aggregate(header, bls_messages, key_of)
    for message in secpk_messages:
        try:
            message.check_signature(key_of(message.message.sender))
        except SignatureError as error:
            raise BlockMessagesError(f"message {message.cid()}: {error}") from None


def check_commitment(header: BlockHeader, bls_messages: Sequence[Cid], secpk_messages: Sequence[Cid]) -> None:
    """Raise BlockMessagesError unless the header commits to these messages.

    Whoever sends others than those says nothing about the block: it must never count as bad for that.
    """
    root = save_message_meta(MemoryBlockstore(), list(bls_messages), list(secpk_messages))
    if root != header.messages:
        raise BlockMessagesError(f"the header commits to messages {header.messages}; these make {root}")


def _check_aggregate(header: BlockHeader, messages: Sequence[Message], key_of: KeyOf) -> None:
    aggregate = header.bls_aggregate
    if aggregate is None or aggregate.type is not SignatureType.BLS:
        raise BlockMessagesError("the block has no BLS aggregate; without messages it is the infinity point")
    pairs = []
    for message in messages:
        key = key_of(message.sender)
        if key.protocol is not AddressProtocol.BLS:
            raise BlockMessagesError(
                f"message {message.cid()} stands among the BLS messages, its sender's key is {key}"
            )
        pairs.append((key.payload, message.signing_bytes()))
    try:
        valid = bls.verify_aggregate(pairs, aggregate.data)
    except SignatureError as error:
        raise BlockMessagesError(f"BLS aggregate: {error}") from None
    if not valid:
        raise BlockMessagesError(f"the BLS aggregate is not of the block's {len(messages)} BLS messages")
