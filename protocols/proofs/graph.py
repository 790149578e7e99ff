"""The Stacked DRG: which nodes a label hashes, from a seed that every sector of one proof type shares.

Each node has six parents in its own layer, by bucket sampling with the node before it among them, and eight in the
layer below, by a Feistel permutation (``rust-fil-proofs`` ``drgraph.rs``, ``stacked/vanilla/graph.rs``; reference:
formats, section 10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from thespis.protocols.proofs.kernels import graph as kernel
from thespis.protocols.proofs.kernels.graph import BASE_DEGREE, EXPANSION
from thespis.protocols.proofs.registry import ApiVersion

DEGREE = BASE_DEGREE + EXPANSION
_BUCKETS = BASE_DEGREE - 1
_WORD = 0xFFFFFFFF
_QUARTERS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph of `nodes` nodes of one proof type."""

    nodes: int
    porep_id: bytes
    api: ApiVersion

    @property
    def drg_seed(self) -> bytes:
        """28 bytes: with a node's number, the key of its random numbers."""
        return hashlib.sha256(b"Filecoin_DRSample" + self.porep_id).digest()[:28]

    @property
    def feistel_keys(self) -> tuple[int, int, int]:
        """The keys of the permutation's three rounds."""
        digest = hashlib.sha256(b"Filecoin_Feistel" + self.porep_id).digest()
        first, second, third = (int.from_bytes(digest[8 * i : 8 * i + 8], "little") for i in range(3))
        return first, second, third

    @property
    def _half_bits(self) -> int:
        """Half the bits of the smallest power of four that holds every number."""
        return max(1, ((self.nodes * EXPANSION - 1).bit_length() + 1) // 2)

    @property
    def _first_at(self) -> int:
        return BASE_DEGREE - 1 if self.api is ApiVersion.V1_0_0 else 0

    def parents(self, node: int) -> tuple[int, ...]:
        """The six parents in the node's layer, then the eight in the layer below: the clear version."""
        return (*self._drg_parents(node), *self._expander_parents(node))

    def _drg_parents(self, node: int) -> list[int]:
        if node < 2:  # noqa: PLR2004
            return [0] * BASE_DEGREE
        draws = _random_words(self.drg_seed + node.to_bytes(4, "little"))
        found = []
        metanode = node * _BUCKETS
        for _ in range(_BUCKETS):
            bucket = next(draws) % (metanode - 1).bit_length() + 1
            largest = min(metanode, 1 << bucket)
            smallest = max(2, largest // 2)
            back = smallest + next(draws) % (largest - smallest + 1)
            parent = (metanode - back) // _BUCKETS
            found.append(node - 1 if parent == node else parent)
        found.insert(self._first_at, node - 1)
        return found

    def _expander_parents(self, node: int) -> list[int]:
        values = (self._permuted(node * EXPANSION + number) for number in range(EXPANSION))
        if self.api is ApiVersion.V1_0_0:
            values = (value & _WORD for value in values)
        return [value // EXPANSION for value in values]

    def _permuted(self, value: int) -> int:
        bits, size = self._half_bits, self.nodes * EXPANSION
        mask = (1 << bits) - 1
        while True:
            left, right = value >> bits, value & mask
            for key in self.feistel_keys:
                digest = hashlib.blake2b(right.to_bytes(8, "big") + key.to_bytes(8, "big")).digest()
                left, right = right, left ^ (int.from_bytes(digest[:8], "big") & mask)
            value = left << bits | right
            if value < size:
                return value

    def table(self, start: int = 0, stop: int | None = None) -> NDArray[np.uint32]:
        """Parents of the nodes from `start` to `stop`, fourteen a row: the fast version."""
        table = np.empty(((self.nodes if stop is None else stop) - start, DEGREE), np.uint32)
        self.fill(table, start)
        return table

    def fill(self, table: NDArray[np.uint32], start: int) -> None:
        """Write the parents of a table's rows' nodes, from `start` on, into it."""
        seed = np.frombuffer(self.drg_seed, np.uint32)
        keys = np.array(self.feistel_keys, np.uint64)
        truncate = self.api is ApiVersion.V1_0_0
        kernel.parents(table, start, self.nodes, seed, keys, self._half_bits, self._first_at, truncate)


def _random_words(key: bytes) -> Iterator[int]:
    """Random 64-bit numbers: ChaCha with eight rounds, nonce and first counter zero."""
    words = [int.from_bytes(key[i : i + 4], "little") for i in range(0, 32, 4)]
    counter = 0
    while True:
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *words, counter, 0, 0, 0]
        state = list(start)
        for _ in range(4):
            for a, b, c, d in _QUARTERS:
                _quarter(state, a, b, c, d)
        block = [(new + old) & _WORD for new, old in zip(state, start, strict=True)]
        for low, high in zip(block[::2], block[1::2], strict=True):
            yield high << 32 | low
        counter += 1


def _quarter(state: list[int], a: int, b: int, c: int, d: int) -> None:
    for target, source, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[target] = (state[target] + state[source]) & _WORD
        word = state[turned] ^ state[target]
        state[turned] = (word << bits | word >> 32 - bits) & _WORD
