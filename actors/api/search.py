"""``Filecoin.StateSearchMsg`` and ``StateWaitMsg``: where a message is on chain, or what took its place.

A sender may have replaced a message on its nonce. If the replacement asks for the same and pays otherwise, its receipt
answers for both; any other message with that nonce means that this one never comes (Lotus v1.4.0
``chain/stmgr/stmgr.go``, WaitForMessage, SearchForMessage and tipsetExecutedMessage; v1.11.0
``chain/stmgr/searchwait.go`` for ``allowReplaced``).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.chain import known_message
from thespis.actors.api.records import item_form
from thespis.actors.api.registry import NodeView, ReadView, rpc
from thespis.actors.chain.search import Executed, asks_the_same, find_message, find_nonce
from thespis.protocols.builtin.registry import method_of
from thespis.protocols.chain.message import Message
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ChainError

WAIT_POLL_SHARE = 0.25
"""Of an epoch, between two looks at the chain."""


class MessageReplacedError(ChainError):
    """Another message used the nonce, so this one is never mined."""


def _lookup(node: ReadView, found: Executed) -> dict[str, Any]:
    following = _following(node, found.tipset)
    return {
        "Message": forms.cid_form(found.cid),
        "Receipt": forms.receipt_form(found.receipt),
        "ReturnDec": _answer(node, found),
        "TipSet": forms.key_form(following.key),
        "Height": following.height,
    }


def _answer(node: ReadView, found: Executed) -> Any:
    """What a message returned, with field names; null where that is nothing or it failed."""
    actor = node.chain.state_after(found.tipset).get(found.message.to)
    method = method_of(actor.code, found.message.method) if actor else None
    if method is None or method.returns is None or found.receipt.exit_code:
        return None
    return item_form(method.returns, method.returns.decode(found.receipt.return_value))


def _following(node: ReadView, tipset: Tipset) -> Tipset:
    """The tipset that carries the receipts, as Lotus names it; the same one while there is none above."""
    head = node.chain.head()
    if head.height <= tipset.height:
        return tipset
    return node.chain.at_height(tipset.height + 1, head, earlier=False)


def _executed(node: ReadView, cid: Cid, message: Message | None, start: Tipset, lowest: int) -> Executed | None:
    """The message on chain, or the one that used its nonce."""
    found = find_message(node.chain, cid, start, lowest)
    if found is not None or message is None:
        return found
    return find_nonce(node.chain, message.sender, message.nonce, start, lowest)


def _accepted(cid: Cid, message: Message | None, found: Executed, *, replaced: bool) -> Executed:
    """What was found, if it answers for the message that was asked for."""
    if found.cid == cid or (replaced and message is not None and asks_the_same(message, found.message)):
        return found
    raise MessageReplacedError(
        f"message {found.cid} at height {found.tipset.height} used nonce {found.message.nonce} of "
        f"{found.message.sender}, so {cid} is never mined; "
        + ("it asks for something else" if replaced else "it is no replacement that was asked for (allowReplaced)")
    )


def _lowest(start: Tipset, limit: int) -> int:
    return max(0, start.height - limit) if limit >= 0 else 0


@rpc("StateSearchMsg", "read", forms.key, forms.cid, forms.integer, forms.boolean, also=(forms.cid,))
async def search_message(node: NodeView, *arguments: Any) -> Any:
    """Where a message is on chain, at most `limit` epochs (-1: any) below a tipset; null while its nonce is free."""
    key, cid, limit, replaced = arguments if len(arguments) > 1 else ((), arguments[0], -1, True)
    message, start = await known_message(node, cid), node.tipset(key)

    def look(view: ReadView) -> Any:
        found = _executed(view, cid, message, start, _lowest(start, limit))
        return None if found is None else _lookup(view, _accepted(cid, message, found, replaced=replaced))

    return await node.beside(look, quick=False)


@rpc("StateWaitMsg", "read", forms.cid, forms.natural, forms.integer, forms.boolean, also=(forms.cid, forms.natural))
async def wait_message(node: NodeView, cid: Cid, confidence: int, limit: int = -1, replaced: bool = True) -> Any:
    """Wait until a message is on chain with `confidence` epochs above it, for as long as the caller does.

    It ends by itself only with the chain's word: the message is there, or another has its nonce. Raises ChainError for
    a message that this node has never seen, for nothing says that it will come.
    """
    message = await known_message(node, cid)
    if message is None:
        raise ChainError(
            f"this node has never seen message {cid}; check the CID, or ask the node that it was sent from"
        )
    lowest, seen = _lowest(node.tipset(()), limit), None
    while True:
        head = node.tipset(())
        if head.key != seen:
            seen = head.key
            look = partial(_settled, cid=cid, message=message, head=head, lowest=lowest, confidence=confidence)
            found = await node.beside(look, quick=False)
            if found is not None:
                return _lookup(node, _accepted(cid, message, found, replaced=replaced))
        await node.sleep(node.chain.genesis.profile.block_delay_s * WAIT_POLL_SHARE)


def _settled(node: ReadView, cid: Cid, message: Message, head: Tipset, lowest: int, confidence: int) -> Executed | None:
    """The message on chain, or the one that used its nonce, once so many epochs stand above it."""
    found = _executed(node, cid, message, head, lowest)
    return found if found is not None and head.height >= found.tipset.height + confidence else None
