"""From a target down to what is known: headers alone, and what their shape proves or does not prove."""

from __future__ import annotations

from thespis.actors.chain.writer import ChainWriter
from thespis.actors.syncer.bad_blocks import BadBlocks
from thespis.actors.syncer.fetcher import Fetcher, FetchError
from thespis.actors.syncer.targets import Target
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.consensus.finality import final_height

HEADERS_BELOW_HEAD = 3
"""Headers asked for below our head's height at first: most forks are no deeper. Each further request doubles."""
HEADERS_MAX = 500
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


async def headers_down(chain: ChainWriter, fetcher: Fetcher, bad: BadBlocks, target: Target) -> list[Tipset]:
    """Tipsets from the target down to the first known one, newest first.

    Raises BadChainError, and FetchError for a chain that nobody gives or that ours cannot change to.
    """
    found: list[Tipset] = []
    key: TipsetKey = target.key
    floor = final_height(chain.head().height, chain.genesis.profile.finality_epochs)
    length = max(1, target.height - chain.head().height) + HEADERS_BELOW_HEAD
    while not chain.knows(key):
        height = found[-1].height if found else target.height
        batch = await fetcher.headers(key, max(1, min(length, height - floor, HEADERS_MAX)), target.peer)
        length *= 2
        for tipset in batch:
            if chain.knows(tipset.key):
                return found
            _check(tipset, found, target, floor, bad)
            found.append(tipset)
            key = tipset.parents
        if len(found) > SYNC_TIPSETS_MAX:
            raise FetchError(f"the gap is over {SYNC_TIPSETS_MAX} tipsets; import a snapshot")
    return found


def _check(tipset: Tipset, above: list[Tipset], target: Target, floor: int, bad: BadBlocks) -> None:
    """One step down the chain. What is wrong with a tipset is proof against those above it, whose parents it is."""
    over = above[0].key if above else ()
    if above and tipset.height >= above[-1].height:
        raise BadChainError(f"height {tipset.height} is not below {above[-1].height}", over)
    if tipset.height > target.height:
        raise BadChainError(f"the tipset is of height {tipset.height}, {target.height} was said")
    if tipset.height == 0:
        raise BadChainError(f"another genesis: the chain leaves ours at or below height {floor}, which is final", over)
    if tipset.height <= floor:
        raise FetchError(f"the chain leaves ours at or below height {floor}, which is final")
    if any(cid in bad for cid in tipset.key):
        raise BadChainError(f"the chain holds a bad block at height {tipset.height}", over)
