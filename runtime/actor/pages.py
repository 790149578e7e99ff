"""Pages: an answer that grows with what an actor keeps comes in parts, so that no bound of it meets that of a frame.

A question that is answered in pages has a field ``after: bytes`` and derives from ``Ask[Page[T]]``. A page is some
items in the order of their keys, and the key of the last one if more follow; asked again with that key, whoever answers
goes on behind it. Between two pages others have their turn, so what is kept may change: an item that is there all the
while is told once, one that comes or goes meanwhile perhaps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from thespis.runtime.actor.conversation import Ask

T = TypeVar("T")

Page = tuple[tuple[T, ...], bytes]
"""Items, and where the next page begins; nothing if this one is the last."""

PAGE_BYTES_MAX = 4 << 20
"""A quarter of the largest frame: what an item adds on the wire to the size that it is counted with has room."""
PAGE_ITEMS_MAX = 10_000


def page_of(items: Iterable[tuple[bytes, T]], after: bytes, size: Callable[[T], int]) -> Page[T]:
    """As many items behind `after` as fit, at least one; `items` come with their keys, in any order."""
    chosen: list[T] = []
    room, last = PAGE_BYTES_MAX, b""
    for key, item in sorted((each for each in items if each[0] > after), key=lambda each: each[0]):
        room -= size(item)
        if chosen and (room < 0 or len(chosen) == PAGE_ITEMS_MAX):
            return tuple(chosen), last
        chosen.append(item)
        last = key
    return tuple(chosen), b""


async def all_pages(ask: Callable[[Ask[Page[T]]], Awaitable[Page[T]]], question: Ask[Page[T]]) -> list[T]:
    """Everything that a question is answered with, page after page."""
    found: list[T] = []
    while True:
        items, after = await ask(question)
        found += items
        if not after:
            return found
        question = following(question, after)


def following(question: Ask[Page[T]], after: bytes) -> Ask[Page[T]]:
    """The question for the next page."""
    asked: Any = question
    again: Ask[Page[T]] = dataclasses.replace(asked, after=after)
    return again
