"""How much an object remembers, whatever its fields are called: the largest collection in it and in its parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

OWN = ("thespis.actors.", "thespis.runtime.actor.", "thespis.runtime.simulation.", "thespis.runtime.p2p.")
APART = (
    "thespis.actors.chain.",
    "thespis.runtime.simulation.world",
    "thespis.runtime.simulation.network.SimulatedSwarm",
)
"""Readers of the chain keep caches with bounds of their own; the world and its network are no part of a node."""
DEPTH_MAX = 3


def largest(thing: Any) -> tuple[str, int]:
    """The field with the most entries, and how many; lists of lists count by what is innermost."""
    return max(_sizes(thing, type(thing).__name__, 0), key=lambda each: each[1], default=("nothing", 0))


def _sizes(thing: Any, where: str, depth: int) -> Iterator[tuple[str, int]]:
    for name, value in _fields(thing):
        path = f"{where}.{name}"
        if isinstance(value, dict | set | frozenset | list | deque | tuple):
            inner = value.values() if isinstance(value, dict) else value
            nested = sum(len(each) for each in inner if isinstance(each, list | dict | set | deque))
            yield path, max(len(value), nested)
        elif depth < DEPTH_MAX and _is_part(value):
            yield from _sizes(value, path, depth + 1)
        elif name == "_running" and isinstance(value, int):
            yield path, value


def _fields(thing: Any) -> list[tuple[str, Any]]:
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    named = [(name, getattr(thing, name)) for name in slots if hasattr(thing, name)]
    return [*vars(thing).items(), *named] if hasattr(thing, "__dict__") else named


def _is_part(value: Any) -> bool:
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    return name.startswith(OWN) and not name.startswith(APART)
