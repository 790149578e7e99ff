"""Rows of 32-byte nodes as arrays of four little-endian words, and hashing many at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from thespis.protocols.proofs.kernels import field_scalar, sha256
from thespis.protocols.proofs.kernels import poseidon as kernel
from thespis.protocols.proofs.poseidon import Poseidon, optimised

Nodes = NDArray[np.uint64]
"""Shape (count, 4)."""

WORDS = 4
COLUMNS_AT_A_TIME = 1 << 14


def of_bytes(data: bytes) -> Nodes:
    """The nodes of bytes."""
    return np.frombuffer(data, "<u8").reshape(-1, WORDS)


def canonical(nodes: Nodes) -> bool:
    """Whether every node is a field element in its only form."""
    limit = field_scalar.MODULUS_WORDS
    below = np.zeros(len(nodes), bool)
    equal = np.ones(len(nodes), bool)
    for word in range(WORDS - 1, -1, -1):
        below |= equal & (nodes[:, word] < np.uint64(limit[word]))
        equal &= nodes[:, word] == np.uint64(limit[word])
    return bool(below.all())


@lru_cache(maxsize=32)
def _constants(instance: Poseidon, field: ModuleType) -> tuple[NDArray[np.uint64], ...]:
    flat = kernel.montgomery(field, optimised(instance).flat())
    tag, square = kernel.montgomery(field, [instance.tree_tag, field.RADIX])
    return flat, tag, square


def hash_all(preimages: NDArray[np.uint64], digests: Nodes, threads: int = 1) -> None:
    """Poseidon digests of preimages of shape (count, arity, 4)."""
    instance = Poseidon(preimages.shape[1])
    constants = _constants(instance, kernel.field)

    def part(start: int, stop: int) -> None:
        kernel.hash_many(preimages[start:stop], digests[start:stop], *constants, instance.partial_rounds)

    _in_parts(part, len(preimages), threads)


def hash_columns(layers: list[Nodes], digests: Nodes, threads: int = 1) -> None:
    """Poseidon digests of every node's labels, one of each layer."""

    def part(start: int, stop: int) -> None:
        for first in range(start, stop, COLUMNS_AT_A_TIME):
            last = min(stop, first + COLUMNS_AT_A_TIME)
            hash_all(np.stack([layer[first:last] for layer in layers], axis=1), digests[first:last])

    _in_parts(part, len(digests), threads)


def hash_pairs(nodes: Nodes, digests: Nodes, threads: int = 1) -> None:
    """SHA-256 digests, two bits cleared, of neighbours."""

    def part(start: int, stop: int) -> None:
        sha256.tree_row(nodes[2 * start :].ctypes.data, digests[start:].ctypes.data, stop - start)

    _in_parts(part, len(digests), threads)


def _in_parts(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """Do a range of work in equal parts at once; kernels release the GIL."""
    if threads == 1 or count < threads:
        work(0, count)
        return
    bounds = [count * number // threads for number in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, bounds[:-1], bounds[1:]))
