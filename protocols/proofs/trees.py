"""Merkle trees over a sector's nodes: SHA-256 and binary over its data, Poseidon and octal over columns and replica.

A path is the bytes of the siblings, level by level, each level's in the order of the tree without the node itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from thespis.protocols.errors import ProofError, SectorFaultError
from thespis.protocols.proofs.nodes import WORDS, Nodes, canonical, hash_all, hash_pairs, of_bytes
from thespis.protocols.proofs.piece import node as binary_node
from thespis.protocols.proofs.registry import NODE_BYTES

Levels = tuple[int, ...]
"""Arities from the leaves up."""


def binary_levels(nodes: int) -> Levels:
    """Levels of the tree over data."""
    return (2,) * (nodes.bit_length() - 1)


def row_lengths(nodes: int, levels: Levels) -> list[int]:
    """Nodes of every row above the leaves."""
    lengths = []
    for arity in levels:
        nodes //= arity
        lengths.append(nodes)
    return lengths


def row_above(row: Nodes, above: Nodes, arity: int, threads: int = 1) -> None:
    """One row of a Poseidon tree from the row below."""
    hash_all(row.reshape(len(row) // arity, arity, WORDS), above, threads)


def fill_rows(leaves: Nodes, rows: Sequence[Nodes], levels: Levels, threads: int = 1) -> bytes:
    """Fill the rows of a Poseidon tree, given as arrays, from its leaves; returns the root."""
    below = leaves
    for row, arity in zip(rows, levels, strict=True):
        row_above(below, row, arity, threads)
        below = row
    return below.tobytes()


def fill_data_rows(leaves: Nodes, rows: Sequence[Nodes], threads: int = 1) -> bytes:
    """Fill the rows of a data tree; returns the root."""
    below = leaves
    for row in rows:
        hash_pairs(below, row, threads)
        below = row
    return below.tobytes()


def path(rows: Sequence[Nodes], levels: Levels, index: int) -> bytes:
    """The siblings of a leaf; `rows` begin with the leaves, the root's row is not needed."""
    found = bytearray()
    for row, arity in zip(rows, levels, strict=False):
        start = index - index % arity
        family = row[start : start + arity]
        found += family[: index % arity].tobytes() + family[index % arity + 1 :].tobytes()
        index //= arity
    return bytes(found)


def path_bytes(levels: Levels) -> int:
    """How long a path is."""
    return sum(arity - 1 for arity in levels) * NODE_BYTES


def binary_root(leaf: bytes, index: int, siblings: bytes) -> bytes:
    """The root over a leaf of a data tree, which the siblings lead to."""
    for start in range(0, len(siblings), NODE_BYTES):
        sibling = siblings[start : start + NODE_BYTES]
        leaf = binary_node(sibling, leaf) if index & 1 else binary_node(leaf, sibling)
        index >>= 1
    return leaf


@dataclass(frozen=True, slots=True)
class Opening:
    """A leaf, where it is, and its siblings up to the root."""

    index: int
    leaf: bytes
    path: bytes


def roots(openings: Sequence[Opening], levels: Levels) -> list[bytes]:
    """The roots that openings of Poseidon trees lead to, hashed level by level together.

    Raises ProofError for a path of another length, an index beyond the tree, and for what is no field element.
    """
    count, expected = len(openings), path_bytes(levels)
    if not count:
        return []
    size = int(np.prod(levels))
    for each in openings:
        if len(each.path) != expected or len(each.leaf) != NODE_BYTES or not 0 <= each.index < size:
            raise ProofError(f"an opening at {each.index} with {len(each.path)} bytes of path; it has {expected}")
    current = of_bytes(b"".join(each.leaf for each in openings)).copy()
    paths = of_bytes(b"".join(each.path for each in openings)).reshape(count, -1, WORDS)
    if not canonical(current) or not canonical(paths.reshape(-1, WORDS)):
        raise ProofError("an opening holds a number that is not below the field's modulus")
    indices = np.array([each.index for each in openings], np.int64)
    used = 0
    for arity in levels:
        current = _folded(current, paths[:, used : used + arity - 1], indices % arity)
        indices //= arity
        used += arity - 1
    return [row.tobytes() for row in current]


def _folded(current: Nodes, siblings: NDArray[np.uint64], places: NDArray[np.int64]) -> Nodes:
    """The parents of nodes that stand among their siblings at `places`."""
    count, others = siblings.shape[:2]
    preimages = np.empty((count, others + 1, WORDS), np.uint64)
    slots = np.arange(others + 1)
    own = slots[None, :] == places[:, None]
    preimages[own] = current
    preimages[~own] = siblings.reshape(-1, WORDS)
    digests = np.empty((count, WORDS), np.uint64)
    hash_all(preimages, digests)
    return digests


@dataclass(frozen=True, slots=True)
class ReplicaTree:
    """The tree over a replica, of which the rows just above the leaves are not kept: they are made again for a path.

    `rows` are the kept ones, up to the root.
    """

    leaves: Nodes
    rows: Sequence[Nodes]
    levels: Levels
    discarded: int

    def open(self, indices: Sequence[int]) -> tuple[bytes, bytes]:
        """The leaves at distinct indices, in their order, and the siblings that lead from all of them to the root.

        Raises SectorFaultError where the replica is not what was committed to.
        """
        made = self.discarded + 1
        span = int(np.prod(self.levels[:made]))
        blocks = {number: self._block(number, span) for number in sorted({index // span for index in indices})}

        def node_at(level: int, index: int) -> bytes:
            row, place = self.rows[max(0, level - made)], index
            if level < made:
                size = span // int(np.prod(self.levels[:level]))
                row, place = blocks[index // size][level], index % size
            return bytes(row[place].tobytes())

        leaves = sorted(set(indices))
        siblings = b"".join(node_at(level, index) for level, index in missing_nodes(self.levels, leaves))
        return b"".join(node_at(0, leaf) for leaf in leaves), siblings

    def _block(self, number: int, span: int) -> list[Nodes]:
        """The rows that are not kept, over one span of leaves, checked against the first that is."""
        rows = [np.asarray(self.leaves[number * span : (number + 1) * span])]
        for arity in self.levels[: self.discarded + 1]:
            above = np.empty((len(rows[-1]) // arity, WORDS), np.uint64)
            row_above(rows[-1], above, arity)
            rows.append(above)
        if rows[-1].tobytes() != self.rows[0][number].tobytes():
            first = number * span
            raise SectorFaultError(f"nodes {first} to {first + span - 1} of the replica are not what was sealed")
        return rows


def missing_nodes(levels: Levels, leaves: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Level and index of every node that is needed to reach the root from leaves and does not follow from them."""
    known = sorted(leaves)
    for level, arity in enumerate(levels):
        there = set(known)
        families = sorted({index // arity for index in known})
        for family in families:
            for index in range(family * arity, (family + 1) * arity):
                if index not in there:
                    yield level, index
        known = families


def common_root(levels: Levels, indices: Sequence[int], leaves: bytes, siblings: bytes) -> bytes:
    """The root that several leaves of one tree lead to together, given as `ReplicaTree.open` gives them.

    Raises ProofError for more or fewer nodes than that takes, and for what is no field element.
    """
    places = sorted(set(indices))
    wanted = list(missing_nodes(levels, places))
    if len(leaves) != len(places) * NODE_BYTES or len(siblings) != len(wanted) * NODE_BYTES:
        raise ProofError(
            f"{len(leaves)} bytes of leaves and {len(siblings)} of siblings; "
            f"{len(places)} and {len(wanted)} nodes are due"
        )
    nodes, others = of_bytes(leaves), of_bytes(siblings)
    if not canonical(nodes) or not canonical(others):
        raise ProofError("an opening holds a number that is not below the field's modulus")
    by_level: list[dict[int, int]] = [{} for _ in levels]
    for number, (level, index) in enumerate(wanted):
        by_level[level][index] = number
    for level, arity in enumerate(levels):
        families = sorted({index // arity for index in places})
        row = {index: nodes[number] for number, index in enumerate(places)}
        row |= {index: others[number] for index, number in by_level[level].items()}
        preimages = np.array([row[f * arity + place] for f in families for place in range(arity)], np.uint64)
        nodes = np.empty((len(families), WORDS), np.uint64)
        hash_all(preimages.reshape(len(families), arity, WORDS), nodes)
        places = families
    return nodes.tobytes()
