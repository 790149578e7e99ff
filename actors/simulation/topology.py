"""Who is connected to whom in a simulated network: a full mesh, a line, a star, two clusters with one bridge."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

FULL_MESH = "mesh"
TOPOLOGIES = (FULL_MESH, "line", "star", "clusters")

Links = frozenset[frozenset[int]]


def topology_links(topology: str, nodes: int) -> Links:
    """The pairs of nodes that can reach each other, by number; raises ValueError for a topology that there is not.

    A line has a node between most others, a star one that everything passes through; two clusters are full meshes
    whose first nodes are the only bridge.
    """
    if topology not in TOPOLOGIES:
        raise ValueError(f"topology {topology!r}; there are {', '.join(TOPOLOGIES)}")
    if topology == "line":
        return _pairs((number, number + 1) for number in range(nodes - 1))
    if topology == "star":
        return _pairs((0, number) for number in range(1, nodes))
    if topology == "clusters":
        half = (nodes + 1) // 2
        bridge = [(0, half)] if half < nodes else []
        return _pairs((*combinations(range(half), 2), *combinations(range(half, nodes), 2), *bridge))
    return _pairs(combinations(range(nodes), 2))


def _pairs(numbers: Iterable[tuple[int, int]]) -> Links:
    return frozenset(frozenset(pair) for pair in numbers)
