"""Work on sectors as messages: what is to be done, how far it is, and how it ended.

A job may take hours and may be given twice: whoever does it finds what is done already and goes on from there.
"""

from __future__ import annotations

from thespis.protocols.proofs.registry import PADDED_QUAD_BYTES, QUAD_BYTES
from thespis.runtime.actor.conversation import Message, Signal
from thespis.runtime.actor.message import message

PIECE_KEY_CHARACTERS_MAX = 256
REASON_CHARACTERS_MAX = 500
"""Of why a sector cannot be proven; there may be as many as sectors."""


@message
class Piece:
    """A piece of a sector: sizes and offset in bytes.

    The root is empty until all of it was read, the offset -1 until the sector is laid out; it counts padded bytes.
    """

    key: str
    source: str
    payload_bytes: int
    padded_bytes: int
    root: bytes = b""
    offset: int = -1

    @property
    def payload_offset(self) -> int:
        """Where its bytes begin in a sector's payload, before padding."""
        return self.offset // PADDED_QUAD_BYTES * QUAD_BYTES


@message
class StagePiece:
    """Copy a piece to its sector, hashing it; answered with PieceStaged.

    The source must hold exactly `payload_bytes`: a size is a claim until the bytes were counted.
    """

    sector: int
    key: str
    source: str
    payload_bytes: int


@message
class PieceStaged:
    """A piece is durable beside its sector."""

    root: bytes


@message
class SealSector:
    """Seal a sector of staged pieces; answered with Replica."""

    sector: int
    proof: int
    miner: int
    ticket: bytes
    pieces: tuple[Piece, ...]


@message
class Replica:
    """What a sealed sector is known by."""

    comm_d: bytes
    comm_r: bytes


@message
class ProveSeal:
    """Prove a sector's sealing to a seed of the chain, and verify it; answered with Proof."""

    sector: int
    seed: bytes


@message
class ProveWindow:
    """Prove that sectors are still stored; answered with Proof, with those that are not among its faults."""

    sectors: tuple[int, ...]
    randomness: bytes


@message
class Fault:
    """A sector that cannot be proven, and why."""

    sector: int
    reason: str


@message
class Proof:
    """A proof in its encoding; of a window, over the sectors without fault in their order, and empty for none."""

    data: bytes
    faults: tuple[Fault, ...] = ()


@message
class ReadPiece:
    """Write a piece of a sealed sector to a file, decoded from the replica; answered with JobDone."""

    sector: int
    piece: Piece
    target: str


@message
class DropLayers:
    """Remove what only a seal proof needs; answered with JobDone."""

    sector: int


Job = StagePiece | SealSector | ProveSeal | ProveWindow | ReadPiece | DropLayers


@message
class JobDone:
    """A job that has no other result is done."""


@message
class JobFailed:
    """A job cannot be done, and why; doing it again without a change gives the same."""

    kind: str
    reason: str


Outcome = PieceStaged | Replica | Proof | JobDone | JobFailed


@message
class JobProgress(Signal):
    """Which share of a phase of a sector's sealing is done, from 0 to 1."""

    sector: int
    phase: str
    share: float


@message
class JobEnded(Signal):
    """The job of a number gave an outcome."""

    number: int
    outcome: Message
