"""What the SectorBuilder and the StorageMiner are told, asked, and tell."""

from __future__ import annotations

import enum

from thespis.actors.messages import forms as _forms  # noqa: F401  (CIDs and addresses get their wire form there)
from thespis.runtime.actor.message import message
from thespis.runtime.sectors.jobs import Fault, Piece


class SectorState(enum.Enum):
    """How far a sector is."""

    STAGING = "staging"
    """It takes pieces."""
    PACKED = "packed"
    """It takes no more, and is sealed once its last piece is read."""
    SEALING = "sealing"
    SEALED = "sealed"
    FAILED = "failed"
    """It says why; sealing it again goes on where it stopped."""


@message
class Sector:
    """One sector as the SectorBuilder keeps it; `told` is whether whom it concerns has acknowledged how it ended."""

    number: int
    proof: int
    miner: int
    state: SectorState = SectorState.STAGING
    pieces: tuple[Piece, ...] = ()
    ticket: bytes = b""
    ticket_epoch: int = 0
    comm_d: bytes = b""
    comm_r: bytes = b""
    reason: str = ""
    told: bool = False


# -- the SectorBuilder ---------------------------------------------------------------------------------------


@message
class AddPiece:
    """Put so many bytes of a source into a sector; adding the same key again is the same piece."""

    key: str
    source: str
    payload_bytes: int


@message
class PieceAdded:
    """Which sector a piece is in, durably."""

    sector: int
    piece: Piece


@message
class SealStaged:
    """Seal every sector that has pieces, or one sector by number, which may have failed before."""

    sector: int | None = None


@message
class SectorNumbers:
    """Sectors that are being sealed for it."""

    numbers: tuple[int, ...]


@message
class PledgeSector:
    """Seal a sector without pieces; answered with SectorNumbers."""


@message
class SectorResultTaken:
    """A sector's end was noted durably; it need not be told again."""

    sector: int
    state: SectorState


@message
class ReadSectors:
    """Every sector and how far it is."""


@message
class SectorStatus:
    """One sector; `share` of its sealing from 0 to 1, rate in bytes a second, ETA in seconds and -1 for unknown."""

    sector: Sector
    phase: str
    share: float
    bytes_per_s: float
    eta_s: float


@message
class SectorList:
    """Every sector by number."""

    sectors: tuple[SectorStatus, ...]


@message
class ProveSectors:
    """A window proof over sectors; answered with SectorsProven."""

    numbers: tuple[int, ...]
    randomness: bytes


@message
class SectorsProven:
    """The proof over the sectors without fault, and the faults."""

    proof: bytes
    faults: tuple[Fault, ...]


@message
class ProveSectorSeal:
    """A proof that a sector was sealed, to a seed of the chain; answered with SealProven."""

    sector: int
    seed: bytes


@message
class SealProven:
    """The proof."""

    proof: bytes


@message
class ReadSealedPiece:
    """Write a sealed piece to a file; answered with Done."""

    key: str
    target: str


@message
class FinishSector:
    """Keep of a sector only what proofs of spacetime need; answered with Done."""

    sector: int


@message
class SectorSealed:
    """A sector is sealed; told again until it is acknowledged."""

    sector: Sector


@message
class SectorSealFailed:
    """A sector could not be sealed, and says why; told again until it is acknowledged."""

    sector: Sector


# -- the StorageMiner ----------------------------------------------------------------------------------------


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
class StorePiece:
    """Promise to store a piece; answered with Deal once the promise is durable."""

    key: str
    source: str
    payload_bytes: int


@message
class ReadDeals:
    """Every deal."""


@message
class DealList:
    """Deals by key."""

    deals: tuple[Deal, ...]
