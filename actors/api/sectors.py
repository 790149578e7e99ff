"""Sectors of this node's miner; methods of ours, named after what Lotus' miner calls them."""

from __future__ import annotations

from typing import Any, TypeVar

from thespis.actors.api import forms
from thespis.actors.api.registry import APPLICATION, WRONG_PARAMS, NodeView, RpcError, rpc
from thespis.actors.messages.sector_builder import (
    FinishSector,
    PledgeSector,
    ProveSectors,
    ReadSealedPiece,
    ReadSectors,
    SealStaged,
    SectorStatus,
)
from thespis.protocols.encoding.piece_cid import piece_cid_v1, sealed_cid
from thespis.runtime.actor.conversation import Ask

RANDOMNESS_BYTES = 32
R = TypeVar("R")


def must_mine(node: NodeView) -> None:
    """Go on in a node with a miner, which alone has what storage takes; raises RpcError in another."""
    if not node.settings.miner:
        raise RpcError(APPLICATION, "this node has no miner and so no sectors; set mining.miner_address")


async def ask_miner(node: NodeView, question: Ask[R]) -> R:
    """Ask a subsystem that only a node with a miner has."""
    must_mine(node)
    return await node.ask(question)


@rpc("Thespis.SectorsList", "read")
async def sectors_list(node: NodeView) -> Any:
    """Every sector and how far it is."""
    must_mine(node)
    return await node.listing(ReadSectors(), _status_form)


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
    found = await ask_miner(node, SealStaged(number))
    return list(found)


@rpc("Thespis.SectorsPledge", "admin")
async def sectors_pledge(node: NodeView) -> Any:
    """Seal a sector without pieces; returns its number."""
    return await ask_miner(node, PledgeSector())


@rpc("Thespis.SectorsFinish", "admin", forms.integer)
async def sectors_finish(node: NodeView, number: int) -> Any:
    """Remove what only proofs of a sector's sealing need."""
    await ask_miner(node, FinishSector(number))


@rpc("Thespis.SectorsProve", "admin", forms.integers, forms.binary)
async def sectors_prove(node: NodeView, numbers: tuple[int, ...], randomness: bytes) -> Any:
    """A window proof of spacetime over sectors, and the faults among them."""
    if len(randomness) != RANDOMNESS_BYTES:
        raise RpcError(WRONG_PARAMS, f"randomness of {len(randomness)} bytes; it has {RANDOMNESS_BYTES}")
    found = await ask_miner(node, ProveSectors(numbers, randomness))
    return {
        "Proof": forms.bytes_form(found.proof),
        "Faults": [{"SectorNumber": fault.sector, "Reason": fault.reason} for fault in found.faults],
    }


@rpc("Thespis.PieceRead", "admin", forms.text, forms.text)
async def piece_read(node: NodeView, key: str, target: str) -> Any:
    """Write a sealed piece to a file of the node's machine."""
    await ask_miner(node, ReadSealedPiece(key, target))
