"""``Filecoin.Mpool*``: messages that wait for a block."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import APPLICATION, NodeView, RpcError, rpc
from thespis.actors.messages.msg_pool import (
    AddMessage,
    ListMessages,
    NextNonce,
    RemoveMessage,
    ReplaceMessage,
    SelectMessages,
    SendMessage,
    WhyWaiting,
)
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid


@rpc("MpoolGetNonce", "read", forms.address)
async def pool_nonce(node: NodeView, address: Address) -> Any:
    """The next nonce of a sender."""
    return await node.ask(NextNonce(address))


@rpc("MpoolPush", "write", forms.signed)
async def pool_push(node: NodeView, signed: SignedMessage) -> Any:
    """Take a signed message."""
    added = await node.ask(AddMessage(signed, True))
    return forms.cid_form(added.cid)


@rpc("MpoolPushUntrusted", "write", forms.signed)
async def pool_push_untrusted(node: NodeView, signed: SignedMessage) -> Any:
    """Take a signed message of a stranger: it is not kept over a restart."""
    added = await node.ask(AddMessage(signed, False, True))
    return forms.cid_form(added.cid)


@rpc("MpoolPushMessage", "sign", forms.message, forms.send_spec)
async def pool_push_message(node: NodeView, message: Message, max_fee: int) -> Any:
    """Complete, sign and take a message; which nonce it gets is the node's to say, and none is to be given.

    Nothing tells a second try from a second message: a caller that got no answer looks for the first before it sends
    again (``MpoolPending``, ``StateSearchMsg``). A key for that will stand in the send spec (Lotus: ``MsgUuid``).
    """
    if message.nonce:
        raise RpcError(APPLICATION, f"MpoolPushMessage expects message nonce to be 0, was {message.nonce}")
    sent = await node.ask(SendMessage(message, max_fee))
    return forms.signed_form(sent)


@rpc("MpoolPending", "read", forms.key)
async def pool_pending(node: NodeView, _key: TipsetKey) -> Any:
    """What waits."""
    return await node.listing(ListMessages(), forms.signed_form)


@rpc("MpoolSelect", "read", forms.key, forms.anything)
async def pool_select(node: NodeView, key: TipsetKey, _quality: Any) -> Any:
    """What the next block would take."""
    tipset = node.tipset(key)
    chosen = await node.ask(SelectMessages(tipset.key, node.chain.base_fee(tipset)))
    return [forms.signed_form(signed) for signed in chosen]


@rpc("MpoolSub", "read")
async def pool_subscribe(node: NodeView) -> Any:
    """A channel of messages that come and go."""
    return node.open_channel("mpool")


@rpc("Thespis.MpoolRemove", "write", forms.cid)
async def pool_remove(node: NodeView, cid: Cid) -> Any:
    """Drop a message from this node's pool."""
    await node.ask(RemoveMessage(cid))


@rpc("Thespis.MpoolReplace", "sign", forms.cid, forms.amount, forms.amount)
async def pool_replace(node: NodeView, cid: Cid, premium: int, fee_cap: int) -> Any:
    """Have a waiting message signed anew for better pay; a premium or fee cap of 0 is estimated."""
    replaced = await node.ask(ReplaceMessage(cid, premium, fee_cap))
    return forms.signed_form(replaced)


@rpc("Thespis.MpoolWhy", "read", forms.cid)
async def pool_why(node: NodeView, cid: Cid) -> Any:
    """Why a message waits, and what to do."""
    explained = await node.ask(WhyWaiting(cid))
    return {"Reason": explained.reason, "Remedy": explained.remedy}
