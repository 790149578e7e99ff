"""This node's miner of blocks; methods of ours, Lotus has ``MineOne`` on test networks only."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import NodeView, rpc
from thespis.actors.messages.mining_scheduler import MineOnce, ReadMining, StartMining, StopMining


@rpc("MineOne", "write")
async def mine_one(node: NodeView) -> Any:
    """Mine one block at the first epoch that is won; ours, Lotus has it only on test networks."""
    made = await node.ask(MineOnce(100))
    return forms.cid_form(made)


@rpc("Thespis.MiningStart", "write")
async def mining_start(node: NodeView) -> Any:
    """Mine every epoch that is won."""
    await node.ask(StartMining())


@rpc("Thespis.MiningStop", "write")
async def mining_stop(node: NodeView) -> Any:
    """Stop mining."""
    await node.ask(StopMining())


@rpc("Thespis.MiningStatus", "read")
async def mining_status(node: NodeView) -> Any:
    """How mining goes."""
    status = await node.ask(ReadMining())
    return {
        "Miner": status.miner,
        "Mining": status.mining,
        "BlocksMined": status.blocks_mined,
        "RoundsWon": status.rounds_won,
        "RoundsLost": status.rounds_lost,
        "LastHeight": status.last_height,
        "LastError": status.last_error,
    }
