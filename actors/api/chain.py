"""``Filecoin.Chain*``: tipsets, blocks and messages."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import NodeView, ReadView, rpc
from thespis.actors.chain.search import stored_message
from thespis.actors.messages.msg_pool import GetMessages
from thespis.protocols.chain.message import Message
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ChainError
from thespis.protocols.vm.interpreter import load_receipts


@rpc("ChainHead", "read", quick=True)
def chain_head(node: ReadView) -> Any:
    """The head."""
    return forms.tipset_form(node.tipset(()))


@rpc("ChainNotify", "read")
async def chain_notify(node: NodeView) -> Any:
    """A channel of head changes."""
    return node.open_channel("chain")


@rpc("ChainGetGenesis", "read", quick=True)
def chain_genesis(node: ReadView) -> Any:
    """The genesis tipset."""
    return forms.tipset_form(node.chain.tipset((node.chain.genesis.cid,)))


@rpc("ChainGetTipSet", "read", forms.key, quick=True)
def chain_tipset(node: ReadView, key: TipsetKey) -> Any:
    """A tipset by key."""
    return forms.tipset_form(node.tipset(key))


@rpc("ChainGetTipSetByHeight", "read", forms.integer, forms.key)
def chain_tipset_by_height(node: ReadView, height: int, key: TipsetKey) -> Any:
    """The tipset at a height, or the one before a null round."""
    return forms.tipset_form(node.chain.at_height(height, node.tipset(key)))


@rpc("ChainGetTipSetAfterHeight", "read", forms.integer, forms.key)
def chain_tipset_after_height(node: ReadView, height: int, key: TipsetKey) -> Any:
    """The tipset at a height, or the one after a null round."""
    return forms.tipset_form(node.chain.at_height(height, node.tipset(key), earlier=False))


@rpc("ChainTipSetWeight", "read", forms.key)
def chain_weight(node: ReadView, key: TipsetKey) -> Any:
    """The weight of the chain that ends in a tipset."""
    return str(node.chain.weight_after(node.tipset(key)))


@rpc("ChainGetBlock", "read", forms.cid, quick=True)
def chain_block(node: ReadView, cid: Cid) -> Any:
    """A block header."""
    return forms.header_form(node.chain.header(cid))


@rpc("ChainGetBlockMessages", "read", forms.cid)
def chain_block_messages(node: ReadView, cid: Cid) -> Any:
    """A block's messages."""
    messages = node.chain.block_messages(node.chain.header(cid))
    return {
        "BlsMessages": [forms.message_form(message) for message in messages.bls],
        "SecpkMessages": [forms.signed_form(signed) for signed in messages.secpk],
        "Cids": [forms.cid_form(each) for each in messages.chain_cids()],
    }


def _listed(messages: list[tuple[Cid, Message]]) -> Any:
    return ({"Cid": forms.cid_form(cid), "Message": forms.message_form(message, cid)} for cid, message in messages)


@rpc("ChainGetMessagesInTipset", "read", forms.key)
def chain_messages_in_tipset(node: ReadView, key: TipsetKey) -> Any:
    """A tipset's messages."""
    return _listed(node.chain.applied_messages(node.tipset(key)))


@rpc("ChainGetParentMessages", "read", forms.cid)
def chain_parent_messages(node: ReadView, cid: Cid) -> Any:
    """The messages of a block's parent tipset."""
    header = node.chain.header(cid)
    return _listed(node.chain.applied_messages(node.chain.tipset(header.parents))) if header.parents else []


@rpc("ChainGetParentReceipts", "read", forms.cid)
def chain_parent_receipts(node: ReadView, cid: Cid) -> Any:
    """The receipts of `ChainGetParentMessages`."""
    header = node.chain.header(cid)
    return [forms.receipt_form(receipt) for receipt in load_receipts(node.chain.blocks, header.parent_message_receipts)]


@rpc("ChainGetMessage", "read", forms.cid)
async def chain_message(node: NodeView, cid: Cid) -> Any:
    """A message by CID, on chain or waiting."""
    message = await known_message(node, cid)
    if message is None:
        raise ChainError(f"there is no message {cid}")
    return forms.message_form(message, cid)


async def known_message(node: NodeView, cid: Cid) -> Message | None:
    """A message that this node has seen: in a block of any chain, waiting, or gone from the pool not long ago."""
    stored = stored_message(node.chain, cid)
    if stored is not None:
        return stored
    waiting, _after = await node.ask(GetMessages((cid,)))
    return waiting[0].message if waiting else None


@rpc("ChainReadObj", "read", forms.cid, quick=True)
def chain_read(node: ReadView, cid: Cid) -> Any:
    """A block of the store as bytes."""
    return forms.bytes_form(node.chain.blocks.get(cid))


@rpc("ChainHasObj", "read", forms.cid, quick=True)
def chain_has(node: ReadView, cid: Cid) -> Any:
    """Whether the store has a block."""
    return node.chain.blocks.has(cid)


@rpc("ChainGetPath", "read", forms.key, forms.key)
def chain_path(node: ReadView, start: TipsetKey, end: TipsetKey) -> Any:
    """The changes that lead from one tipset to another."""
    most = 2 * node.chain.genesis.profile.finality_epochs
    reverted, applied = node.chain.path(node.tipset(start), node.tipset(end), most)
    changes = (("revert", reverted), ("apply", applied))
    return (
        {"Type": kind, "Val": forms.tipset_form(node.chain.tipset(each))} for kind, keys in changes for each in keys
    )
