"""What the SectorBuilder and its workers are told and asked, and what the SectorBuilder tells."""

from __future__ import annotations

import enum

from thespis.actors.roles import SEAL_WORKER, SECTOR_BUILDER
from thespis.protocols.errors import ProtocolError
from thespis.runtime.actor.conversation import Ask, Event, Tell
from thespis.runtime.actor.message import message
from thespis.runtime.actor.pages import Page
from thespis.runtime.sectors.errors import SectorError
from thespis.runtime.sectors.jobs import Fault, Job, JobProgress, Outcome, Piece

ADD_WITHIN_S = 6 * 3600.0
"""Copying 64 GiB takes minutes; the piece may have to wait for a worker."""
WORK_WITHIN_S = 24 * 3600.0
"""Reading a piece back labels a whole sector again where its layers are gone."""
JOB_WITHIN_S = 30 * 86400.0
"""No job takes this long; what ends a job early is the death of its worker."""
SECTORS_MAX = 100_000
PIECES_MAX = 1024
"""Of one sector, so that what is kept and told of it fits a message; with more its smallest pieces fill it in part."""
SOURCE_BYTES_MAX = 4096
"""Of the name of a file (Linux: PATH_MAX)."""
NUMBER_BYTES_MAX = 9
PROVEN_SECTORS_MAX = 500
PROVEN_BYTES_MAX = 30_000
"""Of one sector in a window proof without a SNARK: ten openings of a tree over 2^31 leaves, or why there are none."""


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


@message
class PieceAdded:
    """Which sector a piece is in, durably."""

    sector: int
    piece: Piece


@message
class AddPiece(Ask[PieceAdded], to=SECTOR_BUILDER, raises=(SectorError, ProtocolError), within_s=ADD_WITHIN_S):
    """Put so many bytes of a source into a sector; adding the same key again is the same piece."""

    key: str
    source: str
    payload_bytes: int


@message
class SealStaged(
    Ask[tuple[int, ...]],
    to=SECTOR_BUILDER,
    raises=(SectorError,),
    within_s=10.0,
    answer_bytes_max=SECTORS_MAX * NUMBER_BYTES_MAX,
):
    """Seal every sector that has pieces, or one sector by number, which may have failed before.

    Answered with the numbers of the sectors that are sealed for it.
    """

    sector: int | None = None


@message
class PledgeSector(Ask[int], to=SECTOR_BUILDER, raises=(SectorError, ProtocolError), within_s=10.0):
    """Seal a sector without pieces; answered with its number."""


@message
class SectorResultTaken(Tell, to=SECTOR_BUILDER):
    """A sector's end was noted durably; it need not be told again."""

    sector: int
    state: SectorState


@message
class SectorStatus:
    """One sector; `share` of its sealing from 0 to 1, rate in bytes a second, ETA in seconds and -1 for unknown."""

    sector: Sector
    phase: str
    share: float
    bytes_per_s: float
    eta_s: float


@message
class ReadSectors(Ask[Page[SectorStatus]], to=SECTOR_BUILDER, within_s=10.0):
    """Every sector, by number, and how far it is."""

    after: bytes = b""


@message
class SectorsProven:
    """The proof over the sectors without fault, and the faults."""

    proof: bytes
    faults: tuple[Fault, ...]


@message
class ProveSectors(
    Ask[SectorsProven],
    to=SECTOR_BUILDER,
    raises=(SectorError,),
    within_s=WORK_WITHIN_S,
    answer_bytes_max=PROVEN_SECTORS_MAX * PROVEN_BYTES_MAX,
):
    """A window proof over sectors, of a bounded number at once."""

    numbers: tuple[int, ...]
    randomness: bytes


@message
class ProveSectorSeal(Ask[bytes], to=SECTOR_BUILDER, raises=(SectorError,), within_s=WORK_WITHIN_S):
    """A proof that a sector was sealed, to a seed of the chain."""

    sector: int
    seed: bytes


@message
class ReadSealedPiece(Ask[None], to=SECTOR_BUILDER, raises=(SectorError,), within_s=WORK_WITHIN_S):
    """Write a sealed piece to a file."""

    key: str
    target: str


@message
class FinishSector(Ask[None], to=SECTOR_BUILDER, raises=(SectorError,), within_s=WORK_WITHIN_S):
    """Keep of a sector only what proofs of spacetime need."""

    sector: int


@message
class SectorSealed(Event, by=SECTOR_BUILDER):
    """A sector is sealed; told again until it is acknowledged."""

    sector: Sector


@message
class SectorSealFailed(Event, by=SECTOR_BUILDER):
    """A sector could not be sealed, and says why; told again until it is acknowledged."""

    sector: Sector


# -- the workers ---------------------------------------------------------------------------------------------


@message
class DoJob(
    Ask[Outcome], to=SEAL_WORKER, within_s=JOB_WITHIN_S, answer_bytes_max=PROVEN_SECTORS_MAX * PROVEN_BYTES_MAX
):
    """Do a job, or wait for the same one that runs."""

    job: Job


@message
class JobReport(Tell, to=SECTOR_BUILDER):
    """How far a worker is with a job."""

    progress: JobProgress
