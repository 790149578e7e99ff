"""A sector's files: arrays of nodes mapped into memory, named as other implementations name them.

========================  ==========================================================
file                      holds
========================  ==========================================================
``sealed``                the replica
``tree-d``                the padded data, and the rows of the binary tree over it
``layer-N``               the labels of a layer; only until the sector is sealed
``tree-c``                the hashes of the columns, and the rows above them
``tree-r-last``           the rows over the replica, without the lowest
``p_aux``                 the roots of tree-c and tree-r-last
``sector.json``           what was sealed, and how far sealing has come
``piece-…``               a staged piece; only until the sector is sealed
``lock``                  held by who changes the sector
========================  ==========================================================
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import mmap
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from thespis.protocols.proofs.nodes import WORDS, Nodes
from thespis.protocols.proofs.registry import NODE_BYTES, Shape
from thespis.protocols.proofs.trees import binary_levels, row_lengths
from thespis.runtime.sectors.errors import SectorDataError, SectorDiskFullError

P_AUX, MANIFEST, LOCK = "p_aux", "sector.json", "lock"


class SectorFiles:
    """The files of one sector in a folder of its own."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder = folder
        self.shape = shape
        self._open: dict[str, tuple[mmap.mmap, Nodes]] = {}

    @property
    def _data_lengths(self) -> list[int]:
        nodes = self.shape.nodes
        return [nodes, *row_lengths(nodes, binary_levels(nodes))]

    @property
    def _column_lengths(self) -> list[int]:
        return [self.shape.nodes, *row_lengths(self.shape.nodes, self.shape.levels)]

    def replica(self) -> Nodes:
        """The sealed sector."""
        return self._mapped("sealed", self.shape.nodes)

    def layer(self, number: int) -> Nodes:
        """The labels of a layer, counted from 1."""
        return self._mapped(f"layer-{number}", self.shape.nodes)

    def data_rows(self) -> list[Nodes]:
        """The padded data and the rows of its tree."""
        return self._rows("tree-d", self._data_lengths)

    def column_rows(self) -> list[Nodes]:
        """The columns' hashes and the rows of their tree."""
        return self._rows("tree-c", self._column_lengths)

    def replica_rows(self) -> list[Nodes]:
        """The kept rows over the replica."""
        return self._rows("tree-r-last", self._column_lengths[1 + self.shape.rows_discarded :])

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.folder / name).exists()

    def sync(self, *names: str) -> None:
        """Make files durable, and let go of their pages: the next phase needs others."""
        for name in names:
            mapping, _array = self._open.pop(name)
            mapping.flush()
            mapping.madvise(mmap.MADV_DONTNEED)

    def drop_layers(self) -> None:
        """Remove what only sealing needs."""
        for number in range(1, self.shape.layers + 1):
            self._open.pop(f"layer-{number}", None)
            (self.folder / f"layer-{number}").unlink(missing_ok=True)

    def _rows(self, name: str, lengths: Iterable[int]) -> list[Nodes]:
        ends = list(itertools.accumulate(lengths, initial=0))
        whole = self._mapped(name, ends[-1])
        return [whole[start:end] for start, end in itertools.pairwise(ends)]

    def _mapped(self, name: str, nodes: int) -> Nodes:
        if name not in self._open:
            mapping = map_file(self.folder / name, nodes * NODE_BYTES)
            self._open[name] = mapping, np.frombuffer(mapping, np.uint64).reshape(nodes, WORDS)
        return self._open[name][1]


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a sector's folder alone among all processes and threads; the kernel lets go of it when the holder dies."""
    folder.mkdir(parents=True, exist_ok=True)
    fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def map_file(path: Path, size: int) -> mmap.mmap:
    """Map a file of a size, made where it is not there; its room is taken at once, not when pages are written.

    Raises SectorDiskFullError, and SectorDataError for a file of another size.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError as error:
        raise SectorDataError(f"{path.parent} is not there: {error.strerror}") from None
    try:
        there = os.fstat(fd).st_size
        if there not in (0, size):
            raise SectorDataError(f"{path} has {there} bytes; the sector's has {size}; remove it and seal again")
        os.posix_fallocate(fd, 0, size)
        return mmap.mmap(fd, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            os.ftruncate(fd, 0)
            raise SectorDiskFullError(f"{path} needs {size} bytes and the disk has no room; free some") from None
        raise
    finally:
        os.close(fd)
