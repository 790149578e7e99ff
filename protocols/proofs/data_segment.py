"""Data segments (FRC-0058): many small pieces in one deal, with an index at its end that says where each stands.

An entry is two nodes: the piece's root; offset, size and a checksum of 126 bits (``go-data-segment``
``datasegment/index.go``; reference: formats, section 9).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from thespis.protocols.errors import ProofError
from thespis.protocols.proofs.nodes import WORDS, of_bytes
from thespis.protocols.proofs.porep import PlacedPiece, data_commitment, place_pieces
from thespis.protocols.proofs.registry import NODE_BYTES, PIECE_BYTES_MAX
from thespis.protocols.proofs.trees import binary_levels, fill_data_rows, row_lengths

ENTRY_BYTES = 64
_ENTRIES_MIN = 4
_DEAL_BYTES_PER_INDEX_BYTE = 2048
_CHECKSUM_BYTES = 16


def index_entries(deal_bytes: int) -> int:
    """Room for entries in a deal's index; raises ProofError for a size that no deal has."""
    if not 128 <= deal_bytes <= PIECE_BYTES_MAX or deal_bytes & (deal_bytes - 1):  # noqa: PLR2004
        raise ProofError(f"a deal of {deal_bytes} padded bytes; sizes are powers of two from 128 to {PIECE_BYTES_MAX}")
    return max(_ENTRIES_MIN, deal_bytes // _DEAL_BYTES_PER_INDEX_BYTE // ENTRY_BYTES)


def entry(piece: PlacedPiece) -> bytes:
    """A piece's entry; offset and size are in padded bytes."""
    plain = piece.root + piece.offset.to_bytes(8, "little") + piece.padded_bytes.to_bytes(8, "little")
    checksum = hashlib.sha256(plain + bytes(_CHECKSUM_BYTES)).digest()[:_CHECKSUM_BYTES]
    return plain + checksum[:-1] + bytes([checksum[-1] & 0x3F])


def parse_entry(data: bytes) -> PlacedPiece:
    """The piece of an entry; raises ProofError unless its checksum is right."""
    if len(data) != ENTRY_BYTES:
        raise ProofError(f"an index entry of {len(data)} bytes; it has {ENTRY_BYTES}")
    offset, size = (int.from_bytes(data[start : start + 8], "little") for start in (32, 40))
    found = PlacedPiece(data[:NODE_BYTES], size, offset)
    if entry(found) != data:
        raise ProofError("an index entry's checksum is wrong: it is no entry, or a damaged one")
    return found


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A deal of placed pieces with its index."""

    pieces: Sequence[PlacedPiece]
    deal_bytes: int

    @classmethod
    def of(cls, pieces: Sequence[tuple[bytes, int]], deal_bytes: int) -> Aggregate:
        """Place pieces of (commitment, padded size); raises ProofError when they and the index do not fit."""
        room = index_entries(deal_bytes)
        if len(pieces) > room:
            raise ProofError(f"{len(pieces)} pieces; the index of a deal of {deal_bytes} bytes has {room} entries")
        if room * ENTRY_BYTES > deal_bytes:
            raise ProofError(f"the index needs {room * ENTRY_BYTES} bytes; the deal has {deal_bytes}")
        return cls(place_pieces(pieces, deal_bytes - room * ENTRY_BYTES), deal_bytes)

    @property
    def index(self) -> bytes:
        """The index, padded: its bytes are nodes of the deal."""
        return b"".join(map(entry, self.pieces)).ljust(index_entries(self.deal_bytes) * ENTRY_BYTES, b"\x00")

    @property
    def commitment(self) -> bytes:
        """The commitment of the whole deal."""
        index = self.index
        leaves = of_bytes(index)
        rows = [np.empty((length, WORDS), np.uint64) for length in row_lengths(len(leaves), binary_levels(len(leaves)))]
        placed = PlacedPiece(fill_data_rows(leaves, rows), len(index), self.deal_bytes - len(index))
        return data_commitment([*self.pieces, placed], self.deal_bytes)
