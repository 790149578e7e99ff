"""From a target down to what is known: headers alone, and what their shape proves or does not prove."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from thespis.actors.chain.writer import ChainWriter
from thespis.actors.syncer.bad_blocks import BadBlocks
from thespis.actors.syncer.fetcher import Fetcher, FetchError
from thespis.actors.syncer.targets import Target
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.consensus.finality import final_height

HEADERS_BELOW_HEAD = 3
"""Headers asked for below our head's height at first: most forks are no deeper. Each further request doubles."""
HEADERS_MAX = 100
PART_BYTES_MAX = 1 << 20
"""Of headers that are kept until they are executed, by their length on the wire; decoded they take about eight times
that, and as many targets may be gone for at once."""
SYNC_TIPSETS_MAX = 50_000
"""Longest gap that is synced by walking headers; beyond it a snapshot is imported."""


class BadChainError(Exception):
    """A target's chain cannot be one; `proven` are the blocks that stand on what is bad, and are bad for that.

    Blocks beside them in a tipset are none: whoever names a tipset may put any blocks into it.
    """

    def __init__(self, reason: str, proven: TipsetKey = ()) -> None:
        super().__init__(reason)
        self.proven = proven


class EarlyError(Exception):
    """A chain's next block is not due before `due_s`, in Unix seconds: nobody's fault, for clocks differ."""

    def __init__(self, due_s: float) -> None:
        super().__init__(f"the next block is due at {due_s:.0f}")
        self.due_s = due_s


class Walk:
    """The way from a target down to what is known, and up again in parts that fit a bound.

    Headers cost whoever makes them up next to nothing, so of a long chain only the lowest are kept; of what lies above
    them places are marked, from which the next part is fetched when this one has been executed.
    """

    def __init__(
        self, chain: ChainWriter, fetcher: Fetcher, bad: BadBlocks, target: Target, must_yield: Callable[[int], bool]
    ) -> None:
        """`must_yield` says, after so many headers, whether others are to have the place."""
        self._must_yield = must_yield
        self._chain, self._fetcher, self._bad, self._target = chain, fetcher, bad, target
        self._marks: list[tuple[TipsetKey, int]] = [(target.key, target.height)]

    async def next_part(self) -> list[Tipset]:
        """The lowest tipsets that are not known, newest first; none when the target is known.

        Raises BadChainError, and FetchError for a chain that nobody gives or that ours cannot change to.
        """
        while self._marks and self._chain.knows(self._marks[-1][0]):
            self._marks.pop()
        if not self._marks:
            return []
        part = _Part(*self._marks[-1])
        floor = final_height(self._chain.head().height, self._chain.genesis.profile.finality_epochs)
        length = max(1, part.height - self._chain.head().height) + HEADERS_BELOW_HEAD
        while not self._chain.knows(part.key):
            wanted = max(1, min(length, part.height - floor, HEADERS_MAX))
            batch = await self._fetcher.headers(part.key, wanted, self._target.peer)
            length = 2 * len(batch)
            for tipset in batch:
                if self._chain.knows(tipset.key):
                    return part.done(self._marks)
                self._check(tipset, part, floor)
                part.add(tipset)
            if self._must_yield(part.count):
                raise FetchError(f"{part.count} headers came too slowly, and others wait for the place")
            if part.count > SYNC_TIPSETS_MAX:
                raise FetchError(f"the gap is over {SYNC_TIPSETS_MAX} tipsets; import a snapshot")
        return part.done(self._marks)

    def _check(self, tipset: Tipset, part: _Part, floor: int) -> None:
        """One step down the chain. What is wrong with a tipset is proof against the target, if it stands on it."""
        target, profile = self._target, self._chain.genesis.profile
        over = target.key if part.count or len(self._marks) > 1 else ()
        if part.count and tipset.height >= part.height:
            raise BadChainError(f"height {tipset.height} is not below {part.height}", over)
        if tipset.height > target.height:
            raise BadChainError(f"the tipset is of height {tipset.height}, {target.height} was said")
        if tipset.height == 0:
            raise BadChainError(
                f"another genesis: the chain leaves ours at or below height {floor}, which is final", over
            )
        if tipset.height <= floor:
            raise FetchError(f"the chain leaves ours at or below height {floor}, which is final")
        if any(header.timestamp != profile.timestamp_of(header.height) for header in tipset.blocks):
            raise BadChainError(f"the tipset at height {tipset.height} has another time than its epoch's", over)
        if any(cid in self._bad for cid in tipset.key):
            raise BadChainError(f"the chain holds a bad block at height {tipset.height}", over)


class _Part:
    """What a walk has kept so far, and the places that it marked above it."""

    def __init__(self, key: TipsetKey, height: int) -> None:
        self.key, self.height, self.count = key, height, 0
        """Where the walk is: what comes next, under which height, and after how many."""
        self._kept: deque[tuple[Tipset, int]] = deque()
        self._kept_bytes = self._left_bytes = 0
        self._marks: list[tuple[TipsetKey, int]] = []

    def add(self, tipset: Tipset) -> None:
        """One more tipset, below the last; the highest are let go of beyond the bound, one of many marked."""
        size = sum(len(header.encode()) for header in tipset.blocks)
        self._kept.append((tipset, size))
        self._kept_bytes += size
        self.key, self.height, self.count = tipset.parents, tipset.height, self.count + 1
        while self._kept_bytes > PART_BYTES_MAX and len(self._kept) > 1:
            highest, left = self._kept.popleft()
            self._kept_bytes -= left
            self._left_bytes += left
            if self._left_bytes > PART_BYTES_MAX // 2:
                self._marks.append((highest.key, highest.height))
                self._left_bytes = 0

    def done(self, marks: list[tuple[TipsetKey, int]]) -> list[Tipset]:
        """The part, newest first, once its marks are added to those above."""
        marks += self._marks
        return [tipset for tipset, _size in self._kept]
