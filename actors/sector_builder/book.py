"""The book of sectors: every one of this miner's, in memory and durable, and where pieces go."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from thespis.actors.messages.sector_builder import PIECES_MAX, Sector, SectorState
from thespis.protocols.proofs.registry import SealProof
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.sectors.jobs import Piece
from thespis.runtime.store.interface import METADATA, Put, Store

_SECTOR = b"sector/"


class SectorBook:
    """Sectors by number; every change is durable before it returns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        read = [REGISTRY.decode(data) for _key, data in store.scan(METADATA, _SECTOR)]
        self.sectors: dict[int, Sector] = {sector.number: sector for sector in read}
        self._where = {piece.key: sector.number for sector in read for piece in sector.pieces}

    def write(self, sector: Sector) -> Sector:
        """Keep a sector as it is now."""
        self._store.write([Put(METADATA, _SECTOR + sector.number.to_bytes(8, "big"), REGISTRY.encode(sector))])
        before = self.sectors.get(sector.number)
        for piece in before.pieces if before else ():
            self._where.pop(piece.key, None)
        self._where.update(dict.fromkeys((piece.key for piece in sector.pieces), sector.number))
        self.sectors[sector.number] = sector
        return sector

    def change(self, number: int, **changes: Any) -> Sector:
        """Change some of a sector."""
        return self.write(dataclasses.replace(self.sectors[number], **changes))

    def in_state(self, *states: SectorState) -> list[Sector]:
        """Sectors in states, by number."""
        return [sector for _number, sector in sorted(self.sectors.items()) if sector.state in states]

    def find(self, key: str) -> tuple[Sector, Piece] | None:
        """A piece and its sector."""
        number = self._where.get(key)
        if number is None:
            return None
        sector = self.sectors[number]
        return sector, next(piece for piece in sector.pieces if piece.key == key)

    def with_room(self, padded_bytes: int) -> Sector | None:
        """The first sector that takes pieces and has room for one more of a size."""
        staging = (each for each in self.in_state(SectorState.STAGING) if len(each.pieces) < PIECES_MAX)
        return next((each for each in staging if room_bytes(each) >= padded_bytes), None)

    def add(self, number: int, piece: Piece) -> Sector:
        """Keep room for a piece; its root comes when it was read."""
        return self.change(number, pieces=(*self.sectors[number].pieces, piece))

    def rooted(self, number: int, key: str, root: bytes) -> Sector:
        """Note that a piece was read whole."""
        pieces = self.sectors[number].pieces
        return self.change(
            number, pieces=tuple(dataclasses.replace(each, root=root) if each.key == key else each for each in pieces)
        )

    def without(self, number: int, key: str) -> Sector:
        """Take a piece out that could not be read.

        A sector that would be sealed for its pieces alone takes new ones when it has none left.
        """
        pieces = tuple(piece for piece in self.sectors[number].pieces if piece.key != key)
        return self.change(number, pieces=pieces, **({} if pieces else {"state": SectorState.STAGING}))


def used_bytes(sector: Sector) -> int:
    """Padded bytes of the pieces."""
    return sum(piece.padded_bytes for piece in sector.pieces)


def room_bytes(sector: Sector) -> int:
    """What is left for pieces, padded."""
    return SealProof(sector.proof).shape.sector_bytes - used_bytes(sector)


def is_whole(sector: Sector) -> bool:
    """Whether every piece was read."""
    return all(piece.root for piece in sector.pieces)


def laid_out(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Pieces at their offsets, the largest first: sizes are powers of two, so none is out of place and nothing is lost.

    That is also where the chain puts them, which takes them in the order of their deals and each at the next multiple
    of its size.
    """
    offset, placed = 0, []
    for piece in sorted(pieces, key=lambda piece: -piece.padded_bytes):
        placed.append(dataclasses.replace(piece, offset=offset))
        offset += piece.padded_bytes
    return tuple(placed)
