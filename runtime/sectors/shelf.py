"""A node's sealed sectors, as those who prove them see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from thespis.protocols.errors import ProofError
from thespis.protocols.proofs.challenges import window_leaves
from thespis.protocols.proofs.registry import SealProof
from thespis.protocols.proofs.vanilla import PostVanillaProof, SealedSector, SectorPostProof, prove_leaves
from thespis.runtime.sectors.errors import SectorDataError, SectorError
from thespis.runtime.sectors.jobs import REASON_CHARACTERS_MAX, Fault, Proof, ProveWindow
from thespis.runtime.sectors.sealing import Manifest, open_sector


class SectorShelf(Protocol):
    """Where sealed sectors are."""

    def prove(self, number: int, leaves: Sequence[int]) -> SectorPostProof:
        """Open leaves of a sector's replica.

        Raises SectorDataError for a sector that is not there whole, SectorFaultError for a damaged one.
        """
        ...

    def seal_proof(self, number: int) -> SealProof:
        """What a sector was sealed by; raises SectorDataError for one that is not there."""
        ...


class FolderShelf:
    """Sectors on files, each in a folder that its number names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prove(self, number: int, leaves: Sequence[int]) -> SectorPostProof:
        """Open leaves, reading the replica's files."""
        _manifest, sector = open_sector(self._folder / str(number))
        return prove_leaves(sector.replica, sector.column_rows[-1].tobytes(), leaves)

    def seal_proof(self, number: int) -> SealProof:
        """What the manifest says."""
        return SealProof(Manifest.read(self._folder / str(number)).proof)


class MemoryShelf:
    """Sectors in memory, for the simulation."""

    def __init__(self, sectors: Mapping[int, SealedSector]) -> None:
        self._sectors = sectors

    def prove(self, number: int, leaves: Sequence[int]) -> SectorPostProof:
        """Open leaves of a sector."""
        sector = self.sector(number)
        return prove_leaves(sector.replica, sector.column_rows[-1].tobytes(), leaves)

    def seal_proof(self, number: int) -> SealProof:
        """What a sector was sealed by."""
        return self.sector(number).replication.proof

    def sector(self, number: int) -> SealedSector:
        """A sector; raises SectorDataError for one that is not there."""
        sector = self._sectors.get(number)
        if sector is None:
            raise SectorDataError(f"sector {number} is not here; {len(self._sectors)} others are")
        return sector


def window_proof(shelf: SectorShelf, job: ProveWindow) -> Proof:
    """Prove every sector that can be proven; the others are the proof's faults, each with its reason."""
    proven: list[SectorPostProof] = []
    faults: list[Fault] = []
    for number in job.sectors:
        try:
            proof = shelf.seal_proof(number)
            leaves = window_leaves(job.randomness, number, len(proven), proof.shape.nodes, proof.api)
            proven.append(shelf.prove(number, leaves))
        except (SectorError, ProofError) as error:
            faults.append(Fault(number, str(error)[:REASON_CHARACTERS_MAX]))
    return Proof(PostVanillaProof(tuple(proven)).encode() if proven else b"", tuple(faults))
