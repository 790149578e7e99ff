"""The StorageMiner: keeps what was promised to clients, has it stored, and notes how each promise ended.

A promise is durable before it is given, and taken up again after every restart. How a sector ended is noted durably
before it is acknowledged; it is told until then (reference: seed-node, behaviour 156). Proposals over the network and
the messages that put sectors on chain are not here yet (README: what works today).
"""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from thespis.actors.messages.sector_builder import (
    AddPiece,
    Deal,
    DealList,
    DealState,
    PieceAdded,
    ReadDeals,
    Sector,
    SectorResultTaken,
    SectorSealed,
    SectorSealFailed,
    StorePiece,
)
from thespis.actors.node.settings import NodeSettings
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.actor.subsystem import Subsystem, handles
from thespis.runtime.errors import AskError, RemoteError
from thespis.runtime.sectors.errors import SectorError
from thespis.runtime.sectors.jobs import PIECE_KEY_CHARACTERS_MAX
from thespis.runtime.store.interface import METADATA, Put, Store

logger = logging.getLogger(__name__)

DEALS_MAX = 100_000
ADD_DEADLINE_S = 6 * 3600.0
"""Copying 64 GiB takes minutes; the piece may have to wait for a worker."""
RETRY_S = 2.0
_WAITS_FOR_CHAIN = "ChainError"
_DEAL = b"deal/"


class StorageMiner(Subsystem):
    """Promises of one miner."""

    def __init__(self) -> None:
        super().__init__()
        self._store: Store | None = None
        self._deals: dict[str, Deal] = {}

    @property
    def store(self) -> Store:
        """The store, open between start and stop."""
        assert self._store is not None
        return self._store

    async def start(self, settings: Any) -> None:
        """Read the promises and take up those that are not kept yet."""
        assert isinstance(settings, NodeSettings)
        self._store = self.environment.open_store("deals")
        read = (REGISTRY.decode(data) for _key, data in self.store.scan(METADATA, _DEAL))
        self._deals = {deal.key: deal for deal in read}
        for deal in list(self._deals.values()):
            if deal.state is DealState.ACCEPTED:
                self.spawn(self._stage(deal))

    async def stop(self) -> None:
        """Close the store."""
        self.store.close()

    @handles(StorePiece)
    def store_piece(self, order: StorePiece) -> Deal:
        """Promise to store a piece; the same order again is the same promise, or a new one if it could not be read.

        Raises SectorError for a key that another piece has, and beyond the bound.
        """
        known = self._deals.get(order.key)
        if known is not None:
            if (known.source, known.payload_bytes) != (order.source, order.payload_bytes):
                raise SectorError(f"deal {order.key!r} is about {known.source} already; use another key")
            if known.state is not DealState.FAILED or known.sector >= 0:
                return known
        if not 1 <= len(order.key) <= PIECE_KEY_CHARACTERS_MAX:
            raise SectorError(f"a deal key of {len(order.key)} characters; it has 1 to {PIECE_KEY_CHARACTERS_MAX}")
        if len(self._deals) >= DEALS_MAX:
            raise SectorError(f"{DEALS_MAX} deals are kept; this miner takes no more")
        deal = self._write(Deal(order.key, order.source, order.payload_bytes))
        self.spawn(self._stage(deal))
        return deal

    @handles(ReadDeals)
    def read_deals(self, _request: ReadDeals) -> DealList:
        """Every deal by key."""
        return DealList(tuple(deal for _key, deal in sorted(self._deals.items())))

    async def _stage(self, deal: Deal) -> None:
        """Have a piece put into a sector, however often the SectorBuilder is restarted meanwhile."""
        order = AddPiece(deal.key, deal.source, deal.payload_bytes)
        while self._deals[deal.key].state is DealState.ACCEPTED:
            try:
                added: PieceAdded = await self.ask("SectorBuilder", order, deadline=ADD_DEADLINE_S)
            except RemoteError as error:
                if error.kind != _WAITS_FOR_CHAIN:
                    self._change(deal.key, DealState.FAILED, reason=error.detail)
                    return
                logger.warning("deal %s waits: %s", deal.key, error.detail)
            except AskError as error:
                logger.info("deal %s: %s", deal.key, error)
            else:
                if self._deals[deal.key].state is DealState.ACCEPTED:
                    self._change(deal.key, DealState.STAGED, sector=added.sector, root=added.piece.root)
                return
            await self.sleep(RETRY_S)

    @handles(SectorSealed)
    def sector_sealed(self, event: SectorSealed) -> None:
        """Note that the deals of a sector are kept."""
        self._note(event.sector, DealState.SEALED)

    @handles(SectorSealFailed)
    def sector_seal_failed(self, event: SectorSealFailed) -> None:
        """Note why the deals of a sector are not kept; sealing it again may still keep them."""
        self._note(event.sector, DealState.FAILED)

    def _note(self, sector: Sector, state: DealState) -> None:
        for piece in sector.pieces:
            if piece.key in self._deals:
                self._change(piece.key, state, sector=sector.number, root=piece.root, reason=sector.reason)
        self.tell("SectorBuilder", SectorResultTaken(sector.number, sector.state))

    def _change(self, key: str, state: DealState, **changes: Any) -> None:
        self._write(dataclasses.replace(self._deals[key], state=state, **changes))

    def _write(self, deal: Deal) -> Deal:
        self.store.write([Put(METADATA, _DEAL + deal.key.encode(), REGISTRY.encode(deal))])
        self._deals[deal.key] = deal
        return deal
