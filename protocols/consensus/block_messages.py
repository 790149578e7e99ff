"""Which messages may stand in a block: allowed by their form, due by their nonces, committed to, and signed.

The BLS messages of a block share one aggregate signature over their CIDs; secp256k1 messages carry their own. Senders
may be ids on chain, so the caller gives their key addresses (Lotus v1.4.0 ``chain/sync.go``, Syncer.checkBlockMessages;
reference: formats, sections 4 and 5).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from thespis.protocols.builtin.codes import name_of
from thespis.protocols.chain.block import BlockHeader, BlockMessages, save_message_meta
from thespis.protocols.chain.message import BLOCK_GAS_LIMIT, Message, SignedMessage, check_for_inclusion
from thespis.protocols.crypto import bls
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockMessagesError, InvalidMessageError, SignatureError
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.steps import Steps, at_once
from thespis.protocols.vm.gas import PRICES_V0
from thespis.protocols.vm.interpreter import BlockToApply
from thespis.protocols.vm.state_tree import Actor, StateTree

BLOCK_MESSAGES_MAX = 10_000
"""Lotus v1.4.0 ``build/params_shared_vals.go``, BlockMessageLimit."""

KeyOf = Callable[[Address], Address]
"""Finds the key address of a sender; raises when it has none."""


def may_send(actor: Actor | None) -> bool:
    """Whether an actor sends messages of its own: accounts do, who have a key, and nobody else."""
    return actor is not None and name_of(actor.code) == "account"


def check_eligible(item: Message | SignedMessage, network_version: int) -> None:
    """Raise InvalidMessageError unless a block of this network version may hold a message, whatever the state.

    Its gas limit must pay at least for standing on chain, by its length there: without its signature for a BLS message,
    which is aggregated away (Lotus v1.4.0 ``chain/types/message.go``, Message.ValidForBlockInclusion).
    """
    if isinstance(item, SignedMessage):
        message, length = item.message, item.chain_length()
    else:
        message, length = item, len(item.encode())
    check_for_inclusion(message, PRICES_V0.on_chain_message(length), network_version)


def check_senders(messages: BlockMessages, state: StateTree, network_version: int) -> None:
    """Raise BlockMessagesError unless each message is eligible, each sender's nonces follow on, and all fit the block.

    `state` is the one after the block's parent. Blocks are bounded by the sum of gas limits, so that no block takes
    longer to execute than its epoch. Balances are not looked at: who cannot pay fails when the message is executed, at
    the cost of the block's miner (Lotus v1.4.0 ``chain/sync.go``, Syncer.checkBlockMessages, checkMsg).
    """
    nonces: dict[Address, int] = {}
    gas = 0
    items: tuple[Message | SignedMessage, ...] = (*messages.bls, *messages.secpk)
    for item in items:
        message = item.message if isinstance(item, SignedMessage) else item
        try:
            check_eligible(item, network_version)
        except InvalidMessageError as error:
            raise BlockMessagesError(f"message {item.cid()}: {error}") from None
        gas += message.gas_limit
        if gas > BLOCK_GAS_LIMIT:
            raise BlockMessagesError(f"the messages' gas limits sum to more than {BLOCK_GAS_LIMIT}")
        sender = state.resolve(message.sender)
        if sender not in nonces or sender is None:
            actor = state.get(message.sender)
            if actor is None or sender is None or not may_send(actor):
                raise BlockMessagesError(f"message {item.cid()}: the sender {message.sender} is no account")
            nonces[sender] = actor.nonce
        if message.nonce != nonces[sender]:
            raise BlockMessagesError(f"message {item.cid()}: nonce {message.nonce}, {nonces[sender]} is due")
        nonces[sender] += 1


def tipset_messages(blocks: Sequence[BlockToApply]) -> list[BlockToApply]:
    """What of the messages in a tipset's blocks is executed: of each sender, only nonces that follow one another.

    Each block is valid by itself; together they may hold a message twice, or two of one nonce. The first of a sender
    has the nonce that is due, for its block is valid; any other that does not follow the one before is passed over, so
    that it costs nobody anything. Senders are told apart by the address that the message names, so who is named by key
    in one block and by id in another counts as two; that holds before network version 13, as all that this node has do
    (Lotus v1.4.0 ``chain/store/store.go``, ChainStore.BlockMsgsForTipset).
    """
    due: dict[Address, int] = {}

    def follows(message: Message) -> bool:
        if message.nonce != due.setdefault(message.sender, message.nonce):
            return False
        due[message.sender] += 1
        return True

    return [
        dataclasses.replace(
            block,
            bls_messages=[message for message in block.bls_messages if follows(message)],
            secpk_messages=[signed for signed in block.secpk_messages if follows(signed.message)],
        )
        for block in blocks
    ]


def check_block_messages(
    header: BlockHeader, bls_messages: Sequence[Message], secpk_messages: Sequence[SignedMessage], key_of: KeyOf
) -> None:
    """Raise BlockMessagesError unless the header commits to these messages and all their signatures are valid."""
    at_once(checking_block_messages(header, bls_messages, secpk_messages, key_of))


def checking_block_messages(
    header: BlockHeader, bls_messages: Sequence[Message], secpk_messages: Sequence[SignedMessage], key_of: KeyOf
) -> Steps[None]:
    """As `check_block_messages`, with a pause after each signature."""
    if len(bls_messages) + len(secpk_messages) > BLOCK_MESSAGES_MAX:
        raise BlockMessagesError(
            f"{len(bls_messages) + len(secpk_messages)} messages; a block has at most {BLOCK_MESSAGES_MAX}"
        )
    check_commitment(header, [message.cid() for message in bls_messages], [message.cid() for message in secpk_messages])
    yield from _checking_aggregate(header, bls_messages, key_of)
    for message in secpk_messages:
        yield
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


def _checking_aggregate(header: BlockHeader, messages: Sequence[Message], key_of: KeyOf) -> Steps[None]:
    """Raise BlockMessagesError unless the aggregate is of the BLS messages; the reference looks at its bytes only.

    Where there are no messages nobody looks at the aggregate, so any will do; there must be one (Lotus v1.4.0
    ``chain/sync.go``, blockSanityChecks, verifyBlsAggregate).
    """
    aggregate = header.bls_aggregate
    if aggregate is None:
        raise BlockMessagesError("the block has no BLS aggregate; without messages any will do, such as the infinity")
    if not messages:
        return
    pairs = []
    for message in messages:
        key = key_of(message.sender)
        if key.protocol is not AddressProtocol.BLS:
            raise BlockMessagesError(
                f"message {message.cid()} stands among the BLS messages, its sender's key is {key}"
            )
        pairs.append((key.payload, message.signing_bytes()))
    try:
        valid = yield from bls.verifying_aggregate(pairs, aggregate.data)
    except SignatureError as error:
        raise BlockMessagesError(f"BLS aggregate: {error}") from None
    if not valid:
        raise BlockMessagesError(f"the BLS aggregate is not of the block's {len(messages)} BLS messages")
