"""A node's sealed sectors, as those who prove them see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from protocols.proofs.vanilla import SealedSector, SectorPostProof, prove_leaves
from runtime.sectors.errors import SectorDataError
from runtime.sectors.sealing import open_sector

SECTORS_FOLDER = "sectors"


class SectorShelf(Protocol):
    """Where sealed sectors are."""

    def prove(self, number: int, leaves: Sequence[int]) -> SectorPostProof:
        """Open leaves of a sector's replica.

        Raises SectorDataError for a sector that is not there whole, SectorFaultError for a damaged one.
        """
        ...


class FolderShelf:
    """Sectors on files, each in a folder that its number names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prove(self, number: int, leaves: Sequence[int]) -> SectorPostProof:
        """Open leaves, reading the replica's files."""
        _manifest, sector = open_sector(self._folder / str(number))
        return prove_leaves(sector.replica, sector.column_rows[-1].tobytes(), leaves)


class MemoryShelf:
    """Sectors in memory, for the simulation."""

    def __init__(self, sectors: Mapping[int, SealedSector]) -> None:
        self._sectors = sectors

    def prove(self, number: int, leaves: Sequence[int]) -> SectorPostProof:
        """Open leaves of a sector."""
        sector = self._sectors.get(number)
        if sector is None:
            raise SectorDataError(f"sector {number} is not here; {len(self._sectors)} others are")
        return prove_leaves(sector.replica, sector.column_rows[-1].tobytes(), leaves)
