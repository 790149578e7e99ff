"""Pieces that this node's miner promised to store; methods of ours."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import NodeView, rpc
from thespis.actors.api.sectors import ask_miner, must_mine
from thespis.actors.messages.storage_miner import Deal, ReadDeals, StorePiece
from thespis.protocols.encoding.piece_cid import piece_cid_v1


@rpc("Thespis.DealsStore", "admin", forms.text, forms.text, forms.integer)
async def deals_store(node: NodeView, key: str, source: str, payload_bytes: int) -> Any:
    """Promise to store a file of the node's machine, which holds exactly so many bytes."""
    deal = await ask_miner(node, StorePiece(key, source, payload_bytes))
    return _deal_form(deal)


@rpc("Thespis.DealsList", "write")
async def deals_list(node: NodeView) -> Any:
    """Every promise and how far it is kept; not for everyone, for it says where files are on the node's machine."""
    must_mine(node)
    return await node.listing(ReadDeals(), _deal_form)


def _deal_form(deal: Deal) -> dict[str, Any]:
    return {
        "Key": deal.key,
        "Source": deal.source,
        "PayloadBytes": deal.payload_bytes,
        "State": deal.state.value,
        "SectorNumber": deal.sector if deal.sector >= 0 else None,
        "PieceCID": forms.cid_form(piece_cid_v1(deal.root)) if deal.root else None,
        "Reason": deal.reason,
    }
