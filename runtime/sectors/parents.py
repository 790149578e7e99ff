"""Tables of parents on disk, one for each graph, mapped into memory by whoever seals."""

from __future__ import annotations

import hashlib
import mmap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from thespis.protocols.proofs.graph import DEGREE, Graph
from thespis.runtime.files import sync_folder
from thespis.runtime.sectors.files import map_file

ROWS_AT_A_TIME = 1 << 14
_ROW_BYTES = 4 * DEGREE


def parent_table(folder: Path, graph: Graph, threads: int = 1) -> NDArray[np.uint32]:
    """The parents of all nodes of a graph; computed once, 56 bytes a node.

    The file has its name only when it is whole, so a crash while it is made leaves no wrong table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    identity = f"{graph.nodes}-{graph.porep_id.hex()}-{graph.api.name}"
    path = folder / f"parents-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"
    size = graph.nodes * _ROW_BYTES
    if not path.exists():
        making = path.with_suffix(".making")
        making.unlink(missing_ok=True)
        mapping = map_file(making, size)
        _fill(np.frombuffer(mapping, np.uint32).reshape(graph.nodes, DEGREE), graph, threads)
        mapping.flush()
        making.replace(path)
        sync_folder(folder)
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    return np.frombuffer(mapping, np.uint32).reshape(graph.nodes, DEGREE)


def _fill(table: NDArray[np.uint32], graph: Graph, threads: int) -> None:
    def part(start: int) -> None:
        graph.fill(table[start : start + ROWS_AT_A_TIME], start)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, range(0, graph.nodes, ROWS_AT_A_TIME)))
