"""Sealing a sector, phase by phase: each is durable before the next begins, and a crash costs one phase at most."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from thespis.protocols.proofs import porep, trees
from thespis.protocols.proofs.kernels import piece as piece_kernel
from thespis.protocols.proofs.nodes import WORDS, Nodes, hash_columns
from thespis.protocols.proofs.porep import Replication
from thespis.protocols.proofs.registry import NODE_BYTES, PADDED_QUAD_BYTES, QUAD_BYTES, SealProof
from thespis.protocols.proofs.trees import ReplicaTree
from thespis.protocols.proofs.vanilla import SealedSector
from thespis.runtime.files import write_atomically
from thespis.runtime.sectors.errors import SectorDataError
from thespis.runtime.sectors.files import MANIFEST, P_AUX, SectorFiles

READ_QUADS = 1 << 13
Progress = Callable[[str, float], None]
"""Told a phase's name and which share of it is done."""


class Source(Protocol):
    """Where a sector's data comes from."""

    def read(self, count: int, /) -> bytes:
        """The next bytes: as many as asked for, or what is left."""
        ...


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a sector is and how far its sealing has come; hexadecimal text, so that a person can read it."""

    proof: int
    miner: int
    sector: int
    ticket: str
    porep_id: str
    comm_d: str = ""
    comm_r: str = ""
    done: tuple[str, ...] = ()

    @property
    def replication(self) -> Replication:
        """The replica's parameters, known once the data is."""
        ticket, comm_d = bytes.fromhex(self.ticket), bytes.fromhex(self.comm_d)
        return Replication(SealProof(self.proof), self.miner, self.sector, ticket, comm_d, bytes.fromhex(self.porep_id))

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of a sector's folder; raises SectorDataError where there is none that can be read."""
        path = folder / MANIFEST
        try:
            data = json.loads(path.read_bytes())
            return cls(**{**data, "done": tuple(data["done"])})
        except FileNotFoundError:
            raise SectorDataError(f"{folder} holds no sector: {MANIFEST} is missing") from None
        except (ValueError, TypeError, KeyError) as error:
            raise SectorDataError(f"{path} cannot be read: {error}") from None


class Sealing:
    """One sector being sealed in a folder; make another over the same folder to go on after a crash."""

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._threads = threads
        self.shape = SealProof(manifest.proof).shape
        self.files = SectorFiles(folder, self.shape)
        self.manifest = self._continued(manifest)

    def _continued(self, wanted: Manifest) -> Manifest:
        if not self.files.has(MANIFEST):
            self._keep(wanted)
            return wanted
        found = Manifest.read(self._folder)
        if dataclasses.replace(found, comm_d="", comm_r="", done=()) != wanted:
            raise SectorDataError(
                f"{self._folder} holds sector {found.sector} of miner {found.miner}, sealed otherwise; use a new folder"
            )
        there = self._still_there(found)
        if there != found:
            self._keep(there)
        return there

    def _still_there(self, found: Manifest) -> Manifest:
        """Without the phases from the first on whose file is gone: they are done again.

        Layers may have been dropped once the sector was sealed; only proofs of its sealing miss them.
        """
        sealed = "commit" in found.done
        needed = [phase for phase in found.done if not (sealed and phase.startswith("labels"))]
        if all(self.files.has(self._file_of(phase)) for phase in needed):
            return found
        done = tuple(itertools.takewhile(lambda phase: self.files.has(self._file_of(phase)), found.done))
        return dataclasses.replace(found, done=done, comm_r="", comm_d=found.comm_d if done else "")

    @staticmethod
    def _file_of(phase: str) -> str:
        """What a phase writes that later ones need."""
        files = {"data": "tree-d", "columns": "tree-c", "replica": "sealed", "commit": "tree-r-last"}
        return files.get(phase) or phase.replace("labels", "layer")

    def _keep(self, manifest: Manifest) -> None:
        data = json.dumps(dataclasses.asdict(manifest), indent=1).encode()
        write_atomically(self._folder / MANIFEST, data)

    def _mark(self, phase: str, **changes: Any) -> None:
        """A phase is over, and everything it wrote is durable."""
        self.manifest = dataclasses.replace(self.manifest, done=(*self.manifest.done, phase), **changes)
        self._keep(self.manifest)

    def phases(self) -> list[str]:
        """The phases in order."""
        labels = [f"labels-{number}" for number in range(1, self.shape.layers + 1)]
        return ["data", *labels, "columns", "replica", "commit"]

    def add_data(
        self, source: Source, progress: Progress = lambda _phase, _share: None, expected: bytes | None = None
    ) -> str:
        """Take unpadded data, zeros behind it, and return CommD.

        Raises SectorDataError for more than fits, and for another CommD than expected.
        """
        if "data" in self.manifest.done:
            return self.manifest.comm_d
        rows = self.files.data_rows()
        self._pad(source, rows[0], progress)
        comm_d = trees.fill_data_rows(rows[0], rows[1:], self._threads).hex()
        if expected not in (None, bytes.fromhex(comm_d)):
            raise SectorDataError(f"the data of sector {self.manifest.sector} is not that of its pieces")
        self.files.sync("tree-d")
        self._mark("data", comm_d=comm_d)
        return comm_d

    def _pad(self, source: Source, leaves: Nodes, progress: Progress) -> None:
        target = leaves.reshape(-1).view(np.uint8)
        target[:] = 0
        for start in range(0, len(target), READ_QUADS * PADDED_QUAD_BYTES):
            raw = source.read(READ_QUADS * QUAD_BYTES)
            room = target[start : start + READ_QUADS * PADDED_QUAD_BYTES]
            quads = -(-len(raw) // QUAD_BYTES)
            if quads * PADDED_QUAD_BYTES > len(room):
                break
            whole = np.frombuffer(raw.ljust(quads * QUAD_BYTES, b"\x00"), np.uint8)
            piece_kernel.pad(whole, room[: quads * PADDED_QUAD_BYTES])
            progress("data", (start + len(room)) / len(target))
            if len(raw) < READ_QUADS * QUAD_BYTES:
                return
        else:
            raw = source.read(1)
        if raw:
            raise SectorDataError(f"the data is longer than the {self.shape.payload_bytes} bytes that the sector holds")

    def run(self, table: NDArray[np.uint32], progress: Progress = lambda _phase, _share: None) -> str:
        """Do every phase that is not done, and return CommR."""
        for number in range(1, self.shape.layers + 1):
            name = f"labels-{number}"
            self._phase(name, partial(self._labels, number, table, partial(progress, name)), progress)
        for name, work in (("columns", self._columns), ("replica", self._replica), ("commit", self._commit)):
            self._phase(name, work, progress)
        return self.manifest.comm_r

    def _phase(self, name: str, work: Callable[[], dict[str, str] | None], progress: Progress) -> None:
        if name not in self.manifest.done:
            progress(name, 0.0)
            changes = work() or {}
            self._mark(name, **changes)
            progress(name, 1.0)

    def _labels(self, number: int, table: NDArray[np.uint32], progress: Callable[[float], None]) -> None:
        labels = self.files.layer(number)
        below = self.files.layer(number - 1) if number > 1 else labels
        identity = self.manifest.replication.replica_id
        porep.fill_labels(identity, number, table, labels, below, lambda done, every: progress(done / every))
        self.files.sync(f"layer-{number}")

    def _layers(self) -> list[Nodes]:
        return [self.files.layer(number) for number in range(1, self.shape.layers + 1)]

    def _columns(self) -> None:
        rows = self.files.column_rows()
        hash_columns(self._layers(), rows[0], self._threads)
        trees.fill_rows(rows[0], rows[1:], self.shape.levels, self._threads)
        self.files.sync("tree-c")

    def _replica(self) -> None:
        porep.encode(self.files.data_rows()[0], self.files.layer(self.shape.layers), self.files.replica())
        self.files.sync("sealed", "tree-d")

    def _commit(self) -> dict[str, str]:
        shape, kept = self.shape, self.files.replica_rows()
        lengths = trees.row_lengths(shape.nodes, shape.levels)[: shape.rows_discarded]
        lower = [np.empty((length, WORDS), np.uint64) for length in lengths]
        comm_r_last = trees.fill_rows(self.files.replica(), [*lower, *kept], shape.levels, self._threads)
        comm_c = self.files.column_rows()[-1].tobytes()
        self.files.sync("tree-r-last")
        write_atomically(self._folder / P_AUX, comm_c + comm_r_last)
        return {"comm_r": porep.comm_r(comm_c, comm_r_last).hex()}


def open_sector(folder: Path) -> tuple[Manifest, SealedSector]:
    """A sealed sector, for proving; its layers must be there for a proof of sealing."""
    manifest = Manifest.read(folder)
    if not manifest.comm_r:
        done = ", ".join(manifest.done) or "no phases"
        raise SectorDataError(f"the sector in {folder} is not sealed yet: done are {done}")
    shape = SealProof(manifest.proof).shape
    files = SectorFiles(folder, shape)
    for name in ("sealed", "tree-d", "tree-c", "tree-r-last", P_AUX):
        if not files.has(name):
            raise SectorDataError(f"{folder / name} is missing: the sector cannot be proven")
    layers = [files.layer(n) for n in range(1, shape.layers + 1) if files.has(f"layer-{n}")]
    tree = ReplicaTree(files.replica(), files.replica_rows(), shape.levels, shape.rows_discarded)
    return manifest, SealedSector(manifest.replication, files.data_rows(), layers, files.column_rows(), tree)


def unseal(
    folder: Path, table: NDArray[np.uint32], target: IO[bytes], offset: int = 0, length: int | None = None
) -> int:
    """Write the unpadded bytes of a range of a sealed sector, decoded from the replica; returns how many.

    Where the last layer is not kept, every layer is labelled again: as long as sealing took, whatever the range.
    """
    _manifest, sector = open_sector(folder)
    shape = sector.replication.proof.shape
    payload = shape.payload_bytes
    end = payload if length is None else offset + length
    if not 0 <= offset <= end <= payload:
        raise SectorDataError(f"bytes {offset} to {end} of a sector that holds {payload}")
    labels = _last_labels(sector, table)
    nodes_per_quad = PADDED_QUAD_BYTES // NODE_BYTES
    for quad in range(offset // QUAD_BYTES, -(-end // QUAD_BYTES), READ_QUADS):
        stop = min(quad + READ_QUADS, -(-end // QUAD_BYTES))
        part = slice(quad * nodes_per_quad, stop * nodes_per_quad)
        data = np.empty((part.stop - part.start, WORDS), np.uint64)
        porep.decode(sector.replica.leaves[part], labels[part], data)
        raw = np.empty((stop - quad) * QUAD_BYTES, np.uint8)
        piece_kernel.unpad(data.reshape(-1).view(np.uint8), raw)
        skip = max(0, offset - quad * QUAD_BYTES)
        target.write(raw[skip : end - quad * QUAD_BYTES].tobytes())
    return end - offset


def _last_labels(sector: SealedSector, table: NDArray[np.uint32]) -> Nodes:
    shape = sector.replication.proof.shape
    if len(sector.layers) == shape.layers:
        return sector.layers[-1]
    below = np.empty((shape.nodes, WORDS), np.uint64)
    labels = np.empty_like(below)
    for number in range(1, shape.layers + 1):
        porep.fill_labels(sector.replication.replica_id, number, table, labels, below)
        labels, below = below, labels
    return below
