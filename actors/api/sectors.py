"""Sectors and promises of this node's miner; methods of ours, named after what Lotus' miner calls them."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import APPLICATION, WRONG_PARAMS, NodeView, RpcError, rpc
from thespis.actors.messages.sector_builder import (
    Deal,
    DealList,
    FinishSector,
    PledgeSector,
    ProveSectors,
    ReadDeals,
    ReadSealedPiece,
    ReadSectors,
    SealStaged,
    SectorList,
    SectorNumbers,
    SectorsProven,
    SectorStatus,
    StorePiece,
)
from thespis.protocols.encoding.piece_cid import piece_cid_v1, sealed_cid

WORK_DEADLINE_S = 24 * 3600.0
"""Reading a piece back labels a whole sector again where its layers are gone."""
RANDOMNESS_BYTES = 32


async def _ask(node: NodeView, role: str, body: Any, deadline: float = 10.0) -> Any:
    if not node.settings.miner:
        raise RpcError(APPLICATION, "this node has no miner and so no sectors; set mining.miner_address")
    return await node.ask(role, body, deadline)


@rpc("Thespis.SectorsList", "read")
async def sectors_list(node: NodeView) -> Any:
    """Every sector and how far it is."""
    found: SectorList = await _ask(node, "SectorBuilder", ReadSectors())
    return [_status_form(status) for status in found.sectors]


def _status_form(status: SectorStatus) -> dict[str, Any]:
    sector = status.sector
    return {
        "SectorNumber": sector.number,
        "Miner": sector.miner,
        "SealProof": sector.proof,
        "State": sector.state.value,
        "Reason": sector.reason,
        "Pieces": [
            {
                "Key": piece.key,
                "PayloadBytes": piece.payload_bytes,
                "PaddedBytes": piece.padded_bytes,
                "Offset": piece.offset if piece.offset >= 0 else None,
                "PieceCID": forms.cid_form(piece_cid_v1(piece.root)) if piece.root else None,
            }
            for piece in sector.pieces
        ],
        "Ticket": {"Value": forms.bytes_form(sector.ticket), "Epoch": sector.ticket_epoch},
        "CommD": forms.cid_form(piece_cid_v1(sector.comm_d)) if sector.comm_d else None,
        "CommR": forms.cid_form(sealed_cid(sector.comm_r)) if sector.comm_r else None,
        "Phase": status.phase,
        "Share": status.share,
        "BytesPerSecond": status.bytes_per_s,
        "SecondsLeft": status.eta_s if status.eta_s >= 0 else None,
    }


@rpc("Thespis.SectorsSeal", "admin", forms.optional_integer)
async def sectors_seal(node: NodeView, number: int | None) -> Any:
    """Seal all that is staged, or one sector; returns which are sealed for it."""
    found: SectorNumbers = await _ask(node, "SectorBuilder", SealStaged(number))
    return list(found.numbers)


@rpc("Thespis.SectorsPledge", "admin")
async def sectors_pledge(node: NodeView) -> Any:
    """Seal a sector without pieces; returns its number."""
    found: SectorNumbers = await _ask(node, "SectorBuilder", PledgeSector())
    return found.numbers[0]


@rpc("Thespis.SectorsFinish", "admin", forms.integer)
async def sectors_finish(node: NodeView, number: int) -> Any:
    """Remove what only proofs of a sector's sealing need."""
    await _ask(node, "SectorBuilder", FinishSector(number), WORK_DEADLINE_S)


@rpc("Thespis.SectorsProve", "read", forms.integers, forms.binary)
async def sectors_prove(node: NodeView, numbers: tuple[int, ...], randomness: bytes) -> Any:
    """A window proof of spacetime over sectors, and the faults among them."""
    if len(randomness) != RANDOMNESS_BYTES:
        raise RpcError(WRONG_PARAMS, f"randomness of {len(randomness)} bytes; it has {RANDOMNESS_BYTES}")
    found: SectorsProven = await _ask(node, "SectorBuilder", ProveSectors(numbers, randomness), WORK_DEADLINE_S)
    return {
        "Proof": forms.bytes_form(found.proof),
        "Faults": [{"SectorNumber": fault.sector, "Reason": fault.reason} for fault in found.faults],
    }


@rpc("Thespis.PieceRead", "admin", forms.text, forms.text)
async def piece_read(node: NodeView, key: str, target: str) -> Any:
    """Write a sealed piece to a file of the node's machine."""
    await _ask(node, "SectorBuilder", ReadSealedPiece(key, target), WORK_DEADLINE_S)


@rpc("Thespis.DealsStore", "admin", forms.text, forms.text, forms.integer)
async def deals_store(node: NodeView, key: str, source: str, payload_bytes: int) -> Any:
    """Promise to store a file of the node's machine, which holds exactly so many bytes."""
    deal: Deal = await _ask(node, "StorageMiner", StorePiece(key, source, payload_bytes))
    return _deal_form(deal)


@rpc("Thespis.DealsList", "read")
async def deals_list(node: NodeView) -> Any:
    """Every promise and how far it is kept."""
    found: DealList = await _ask(node, "StorageMiner", ReadDeals())
    return [_deal_form(deal) for deal in found.deals]


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
