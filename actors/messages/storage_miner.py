"""What the StorageMiner is asked."""

from __future__ import annotations

import enum

from thespis.actors.roles import STORAGE_MINER
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.message import message
from thespis.runtime.actor.pages import Page
from thespis.runtime.sectors.errors import SectorError


class DealState(enum.Enum):
    """How far what was promised to a client is."""

    ACCEPTED = "accepted"
    STAGED = "staged"
    SEALED = "sealed"
    FAILED = "failed"


@message
class Deal:
    """A piece that this miner promised to store; `key` is how the client names it."""

    key: str
    source: str
    payload_bytes: int
    state: DealState = DealState.ACCEPTED
    sector: int = -1
    root: bytes = b""
    reason: str = ""


@message
class StorePiece(Ask[Deal], to=STORAGE_MINER, raises=(SectorError,), within_s=10.0):
    """Promise to store a piece; answered once the promise is durable."""

    key: str
    source: str
    payload_bytes: int


@message
class ReadDeals(Ask[Page[Deal]], to=STORAGE_MINER, within_s=10.0):
    """Every deal, by key."""

    after: bytes = b""
