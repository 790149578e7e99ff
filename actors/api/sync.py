"""``Filecoin.Sync*``: how syncing goes, and what it takes."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import NodeView, rpc
from thespis.actors.messages.msg_pool import GetMessages
from thespis.actors.messages.syncer import MarkBad, ReadBad, ReadSync, SetCheckpoint, SubmitBlock
from thespis.protocols.chain.block import BlockMessage
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ChainError
from thespis.runtime.actor.pages import all_pages

STAGES = {"idle": 4, "headers": 1, "messages": 3}
"""Lotus' numbers of sync stages: complete, header sync, message sync (v1.36.0 ``api/api_full.go``; 5 is an error)."""


@rpc("SyncState", "read")
async def sync_state(node: NodeView) -> Any:
    """How syncing goes, as Lotus' one worker."""
    status = await node.ask(ReadSync())
    head = forms.tipset_form(node.tipset(()))
    active = {
        "WorkerID": 1,
        "Base": head,
        "Target": head,
        "Stage": STAGES[status.stage],
        "Height": status.height,
        "Start": "0001-01-01T00:00:00Z",
        "End": "0001-01-01T00:00:00Z",
        "Message": status.fault or status.error,
    }
    return {"ActiveSyncs": [active], "VMApplied": 0}


@rpc("Thespis.SyncStatus", "read")
async def sync_status(node: NodeView) -> Any:
    """How syncing goes: stage, heights, the clock's own epoch, epochs per second, seconds left (-1: unknown)."""
    status = await node.ask(ReadSync())
    return {
        "Stage": status.stage,
        "Height": status.height,
        "Target": status.target,
        "Epoch": node.chain.genesis.profile.epoch_at(node.environment.clock.unix_s()),
        "Rate": status.rate,
        "RemainingSeconds": status.remaining_s,
        "Error": status.fault or status.error,
        "BadBlocks": status.bad_blocks,
    }


@rpc("SyncSubmitBlock", "write", forms.block_message)
async def sync_submit(node: NodeView, block: BlockMessage) -> Any:
    """Take a block whose messages the pool or the store has."""
    wanted = (*block.bls_messages, *block.secpk_messages)
    waiting = await all_pages(node.ask, GetMessages(wanted))
    found: dict[Cid, bytes] = {cid: node.chain.blocks.get(cid) for cid in wanted if node.chain.blocks.has(cid)}
    for signed in waiting:
        found[signed.cid()], found[signed.message.cid()] = signed.encode(), signed.message.encode()
    missing = [str(cid) for cid in wanted if cid not in found]
    if missing:
        count, first = len(missing), missing[0]
        raise ChainError(f"{count} messages are neither in the pool nor in the store, {first} first; push them before")
    bls = tuple(Message.decode(found[cid]) for cid in block.bls_messages)
    secpk = tuple(SignedMessage.decode(found[cid]) for cid in block.secpk_messages)
    await node.ask(SubmitBlock(block, bls, secpk))


@rpc("SyncCheckpoint", "admin", forms.key)
async def sync_checkpoint(node: NodeView, key: TipsetKey) -> Any:
    """Never leave a tipset."""
    await node.ask(SetCheckpoint(node.tipset(key).key))


@rpc("SyncMarkBad", "admin", forms.cid)
async def sync_mark_bad(node: NodeView, cid: Cid) -> Any:
    """Refuse a block."""
    await node.ask(MarkBad(cid, "manually marked bad"))


@rpc("SyncUnmarkBad", "admin", forms.cid)
async def sync_unmark_bad(node: NodeView, cid: Cid) -> Any:
    """Stop refusing a block."""
    await node.ask(MarkBad(cid, ""))


@rpc("SyncCheckBad", "read", forms.cid)
async def sync_check_bad(node: NodeView, cid: Cid) -> Any:
    """Why a block is refused; empty when it is not."""
    return await node.ask(ReadBad(cid))
