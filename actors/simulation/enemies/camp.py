"""Every kind of enemy, and when each comes and goes: drawn from the seed, as faults are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.actors.msg_pool.settings import MsgPoolSettings
from thespis.actors.simulation.enemies.burdens import Crowd, EndlessRequests, Oversize, Silence, Slowness
from thespis.actors.simulation.enemies.gossips import InventedAuthors, LostMessages, Replays
from thespis.actors.simulation.enemies.liars import BadBesideGood, GhostSiblings, MadeUpHeads
from thespis.actors.simulation.enemies.miners import EarlyBlocks, Equivocation, WithheldBlocks, WithheldMessages
from thespis.actors.simulation.enemies.payers import DearMessages
from thespis.runtime.clock import seeded_random

if TYPE_CHECKING:
    from thespis.actors.simulation.enemies.enemy import Enemy
    from thespis.actors.simulation.network import SimulatedFilecoin

ENEMIES: dict[str, type[Enemy]] = {
    enemy.kind: enemy
    for enemy in (
        MadeUpHeads, GhostSiblings, BadBesideGood, Silence, Slowness, Oversize, EndlessRequests, Crowd,
        InventedAuthors, LostMessages, Replays, DearMessages, Equivocation, EarlyBlocks, WithheldMessages,
        WithheldBlocks,
    )
}  # fmt: skip
KINDS = tuple(ENEMIES)
FIRST_EPOCHS = (1, 4)
STAYS_EPOCHS = (10, 40)
AWAY_EPOCHS = (2, 8)
CROWDED_POOL = 20


def check_kinds(kinds: tuple[str, ...]) -> None:
    """Raise ValueError for an enemy that there is not."""
    unknown = [kind for kind in kinds if kind not in ENEMIES]
    if unknown:
        raise ValueError(f"enemies {', '.join(map(repr, unknown))}; there are {', '.join(KINDS)}")


def miners_needed(kinds: tuple[str, ...]) -> int:
    """How many miners genesis must give the enemies: they share one, or those who mine would be most of the power."""
    return int(any(ENEMIES[kind].mines for kind in kinds))


def pool_messages(kinds: tuple[str, ...]) -> int:
    """How many messages a pool holds, so that enemies who want its room fill it."""
    return CROWDED_POOL if any(ENEMIES[kind].crowds_pools for kind in kinds) else MsgPoolSettings().messages_max


class Camp:
    """Lets enemies come, act and go, epoch by epoch."""

    def __init__(self, simulation: SimulatedFilecoin, kinds: tuple[str, ...], seed: int) -> None:
        check_kinds(kinds)
        self._simulation = simulation
        self._kinds = kinds
        self._rng = seeded_random(f"{seed}/enemies")
        self._there: dict[str, Enemy] = {}
        self._left = {kind: self._rng.randrange(*FIRST_EPOCHS) for kind in kinds}
        self.visits = 0

    def epoch(self) -> None:
        """Whoever is due comes or goes; whoever is there acts."""
        for kind in self._kinds:
            self._left[kind] -= 1
            if self._left[kind] <= 0:
                self._come_or_go(kind)
            if kind in self._there and self._simulation.alive():
                self._there[kind].epoch()

    def _come_or_go(self, kind: str) -> None:
        there = self._there.pop(kind, None)
        if there is not None:
            there.leave()
            self._left[kind] = self._rng.randrange(*AWAY_EPOCHS)
        elif self._simulation.alive():
            self.visits += 1
            self._there[kind] = ENEMIES[kind](self._simulation, f"{self._simulation.seed}/{kind}/{self.visits}")
            self._left[kind] = self._rng.randrange(*STAYS_EPOCHS)

    def end(self) -> None:
        """All of them go, for good."""
        for enemy in self._there.values():
            enemy.leave()
        self._there.clear()
