"""Where the Syncer wants to go, which blocks wait for that, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass

from thespis.actors.messages.syncer import BlockGossiped, SyncStatus
from thespis.protocols.chain.block import BlockMessage
from thespis.protocols.chain.tipset import TipsetKey

TARGETS_MAX = 64
ORPHANS_MAX = 256


@dataclass(frozen=True, slots=True)
class Target:
    """A tipset that somebody says exists; height and weight are the `author`'s word, `peer` is asked for it first."""

    key: TipsetKey
    height: int
    weight: int
    peer: str
    author: str


class Targets:
    """Heaviest first; bounded, so that a peer that makes up heads pushes out no more than others' lighter ones."""

    def __init__(self) -> None:
        self._targets: dict[TipsetKey, Target] = {}

    def add(self, target: Target) -> None:
        """Remember a target; the lightest gives way when there are too many."""
        self._targets[target.key] = target
        if len(self._targets) > TARGETS_MAX:
            lightest = min(self._targets.values(), key=lambda each: each.weight)
            del self._targets[lightest.key]

    def best(self) -> Target | None:
        """The heaviest."""
        return max(self._targets.values(), key=lambda each: each.weight, default=None)

    def drop(self, target: Target) -> None:
        """It was reached or given up."""
        if self._targets.get(target.key) == target:
            del self._targets[target.key]


class Orphans:
    """Gossiped blocks whose parents are not known yet; bounded, oldest out first."""

    def __init__(self) -> None:
        self._waiting: dict[TipsetKey, list[tuple[BlockMessage, BlockGossiped]]] = {}

    def add(self, parents: TipsetKey, block: BlockMessage, gossip: BlockGossiped) -> None:
        """Keep a block until its parents are known."""
        self._waiting.setdefault(parents, []).append((block, gossip))
        while sum(map(len, self._waiting.values())) > ORPHANS_MAX:
            self._waiting.pop(next(iter(self._waiting)))

    def take(self, parents: TipsetKey) -> list[tuple[BlockMessage, BlockGossiped]]:
        """The blocks that waited for a tipset."""
        return self._waiting.pop(parents, [])


class Progress:
    """How far the present sync is."""

    def __init__(self) -> None:
        self.error = ""
        self.fault = ""
        self._stage = "idle"
        self._base = self._target = self._height = 0
        self._since_s = self._now_s = 0.0

    def begin(self, now_s: float, base: int, target: int) -> None:
        """A sync starts."""
        self._stage, self.error = "headers", ""
        self._base = self._height = base
        self._target = max(base, target)
        self._since_s = self._now_s = now_s

    def reached(self, now_s: float, height: int) -> None:
        """A tipset was executed."""
        if self._stage != "messages":
            self._stage, self._since_s, self._base = "messages", now_s, height - 1
        self._height, self._now_s = height, now_s
        self._target = max(self._target, height)

    def end(self) -> None:
        """Nothing is left to sync to."""
        self._stage = "idle"

    def status(self, head: int, bad_blocks: int) -> SyncStatus:
        """For people and scripts."""
        elapsed_s = self._now_s - self._since_s
        rate = (self._height - self._base) / elapsed_s if elapsed_s > 0 else 0.0
        left = self._target - self._height
        remaining_s = 0.0 if self._stage == "idle" else left / rate if rate > 0 else -1.0
        target = max(head, self._target)
        return SyncStatus(self._stage, head, target, self._base, rate, remaining_s, self.error, bad_blocks, self.fault)
