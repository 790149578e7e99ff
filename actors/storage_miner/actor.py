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
    SOURCE_BYTES_MAX,
    AddPiece,
    Sector,
    SectorResultTaken,
    SectorSealed,
    SectorSealFailed,
)
from thespis.actors.messages.storage_miner import Deal, DealState, ReadDeals, StorePiece
from thespis.protocols.errors import ChainError, ProtocolError
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.actor.pages import Page, page_of
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError, RemoteError
from thespis.runtime.sectors.errors import SectorError
from thespis.runtime.sectors.jobs import PIECE_KEY_CHARACTERS_MAX
from thespis.runtime.store.interface import METADATA, Put, Store

logger = logging.getLogger(__name__)

DEALS_MAX = 100_000
RETRY_S = 2.0
_DEAL = b"deal/"


class StorageMiner(Subsystem[None]):
    """Promises of one miner."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self._deals: dict[str, Deal] = {}

    async def start(self, settings: None) -> None:  # noqa: ARG002
        """Read the promises and take up those that are not kept yet."""
        self.store = self.opened(self.environment.open_store("deals"))
        read = (REGISTRY.decode(data) for _key, data in self.store.scan(METADATA, _DEAL))
        self._deals = {deal.key: deal for deal in read}
        for deal in list(self._deals.values()):
            if deal.state is DealState.ACCEPTED:
                self.spawn(self._stage(deal))

    @answers(StorePiece)
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
        if len(order.source.encode()) > SOURCE_BYTES_MAX:
            raise SectorError(
                f"a source of {len(order.source.encode())} bytes; its name has at most {SOURCE_BYTES_MAX}"
            )
        if len(self._deals) >= DEALS_MAX:
            raise SectorError(f"{DEALS_MAX} deals are kept; this miner takes no more")
        deal = self._write(Deal(order.key, order.source, order.payload_bytes))
        self.spawn(self._stage(deal))
        return deal

    @answers(ReadDeals)
    def read_deals(self, request: ReadDeals) -> Page[Deal]:
        """Every deal by key."""
        keyed = ((key.encode(), deal) for key, deal in self._deals.items())
        return page_of(keyed, request.after, lambda deal: len(REGISTRY.encode(deal)))

    async def _stage(self, deal: Deal) -> None:
        """Have a piece put into a sector, however often the SectorBuilder is restarted meanwhile."""
        order = AddPiece(deal.key, deal.source, deal.payload_bytes)
        while self._deals[deal.key].state is DealState.ACCEPTED:
            try:
                added = await self.ask(order)
            except ChainError as error:
                logger.warning("deal %s waits: %s", deal.key, error)
            except (SectorError, ProtocolError, RemoteError) as error:
                self._change(
                    deal.key, DealState.FAILED, reason=error.detail if isinstance(error, RemoteError) else str(error)
                )
                return
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
        self.tell(SectorResultTaken(sector.number, sector.state))

    def _change(self, key: str, state: DealState, **changes: Any) -> None:
        self._write(dataclasses.replace(self._deals[key], state=state, **changes))

    def _write(self, deal: Deal) -> Deal:
        self.store.write([Put(METADATA, _DEAL + deal.key.encode(), REGISTRY.encode(deal))])
        self._deals[deal.key] = deal
        return deal
