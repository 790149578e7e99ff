"""How much is asked of peers for one name: what a block lacks costs its receiver a question, its maker none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from thespis.actors.syncer.fetcher import FetchError

OPEN_PER_NAME_MAX = 4
"""Blocks of one miner, or passed on by one peer, whose messages are asked for at once."""
OPEN_MAX = 32


class Questions:
    """Counts the questions that are open, in all and for each who caused them."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._total = 0

    @contextmanager
    def about(self, *names: str) -> Iterator[None]:
        """While one more question is open on account of these; raises FetchError when there are too many."""
        if self._total >= OPEN_MAX:
            raise FetchError(f"{OPEN_MAX} questions are open")
        for name in names:
            if self._open[name] >= OPEN_PER_NAME_MAX:
                raise FetchError(f"{OPEN_PER_NAME_MAX} questions are open on account of {name}")
        self._total += 1
        self._open.update(names)
        try:
            yield
        finally:
            self._total -= 1
            self._open.subtract(names)
            self._open += Counter()
