"""A schedule of faults from a seed: lost gossip, slow links, partitions, killed actors and nodes, skewed clocks."""

from __future__ import annotations

from dataclasses import dataclass

from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.runtime.clock import seeded_random

KINDS = ("loss", "delay", "partition", "crash-actor", "crash-node", "skew", "absence")
ROLES = (
    "Wallet", "Syncer", "MsgPool", "HelloSvc", "ChainExchange", "Network", "Bootstrapper", "Heartbeat",
    "MiningScheduler", "Api",
)  # fmt: skip
LOSS_RATE = 0.1
DELAY_MAX_NS = 400_000_000
CALM_DELAY_MAX_NS = 60_000_000
SKEW_MAX_S = 0.4
PARTITION_EPOCHS_MAX = 15
ABSENCE_EPOCHS = (12, 25)
"""A node that was away so long has everything to ask for, and believes whoever it meets first."""


@dataclass(slots=True)
class FaultCounts:
    """What was done to the network."""

    partitions: int = 0
    actors_killed: int = 0
    nodes_killed: int = 0
    absences: int = 0


def check_faults(kinds: tuple[str, ...]) -> None:
    """Raise ValueError for a fault that there is not."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ValueError(f"faults {', '.join(map(repr, unknown))}; there are {', '.join(KINDS)}")


class FaultSchedule:
    """Decides, epoch by epoch, what goes wrong."""

    def __init__(self, simulation: SimulatedFilecoin, kinds: tuple[str, ...], seed: int) -> None:
        check_faults(kinds)
        self._simulation = simulation
        self._kinds = kinds
        self._rng = seeded_random(f"{seed}/faults")
        self._partition_left = 0
        self._down: dict[int, int] = {}
        self.counts = FaultCounts()

    def begin(self) -> None:
        """Set what lasts: loss, delay, skew."""
        swarm = self._simulation.network.base.world.swarm
        if "loss" in self._kinds:
            swarm.faults.drop = LOSS_RATE
        if "delay" in self._kinds:
            swarm.faults.delay_max_ns = DELAY_MAX_NS
        if "skew" in self._kinds:
            for name in self._simulation.names:
                skew_s = self._rng.uniform(-SKEW_MAX_S, SKEW_MAX_S) * self._simulation.block_time_s
                self._simulation.network.base.world.skew(name, skew_s)

    def epoch(self) -> None:
        """What happens now; at most one node is down at a time, so that the rest can go on."""
        self._revive()
        if self._partition_left:
            self._partition_left -= 1
            if not self._partition_left:
                self._simulation.network.base.world.swarm.heal()
        elif "partition" in self._kinds and self._rng.random() < 0.02:  # noqa: PLR2004
            self._cut()
        if "crash-actor" in self._kinds and self._rng.random() < 0.15:  # noqa: PLR2004
            number = self._rng.choice(self._simulation.alive())
            self._simulation.node(number).crash(self._rng.choice(ROLES))
            self.counts.actors_killed += 1
        if "crash-node" in self._kinds and not self._down and self._rng.random() < 0.02:  # noqa: PLR2004
            number = self._rng.choice(self._simulation.alive())
            self._simulation.node(number).crash_all()
            self._down[number] = self._rng.randrange(2, 8)
            self.counts.nodes_killed += 1
        if "absence" in self._kinds and not self._down and self._rng.random() < 0.03:  # noqa: PLR2004
            number = self._rng.choice(self._simulation.alive())
            self._simulation.node(number).crash_all()
            self._down[number] = self._rng.randrange(*ABSENCE_EPOCHS)
            self.counts.absences += 1

    def _revive(self) -> None:
        for number in list(self._down):
            self._down[number] -= 1
            if self._down[number] <= 0:
                del self._down[number]
                self._simulation.node(number).restart()

    def _cut(self) -> None:
        names = list(self._simulation.names)
        self._rng.shuffle(names)
        half = self._rng.randrange(1, len(names))
        self._simulation.network.base.world.swarm.cut(set(names[:half]), set(names[half:]))
        self._partition_left = self._rng.randrange(2, PARTITION_EPOCHS_MAX + 1)
        self.counts.partitions += 1

    def end(self) -> None:
        """Everything is well again from now on."""
        world = self._simulation.network.base.world
        world.swarm.heal()
        world.swarm.faults.drop = 0.0
        world.swarm.faults.delay_max_ns = CALM_DELAY_MAX_NS
        self._partition_left = 0
        for name in self._simulation.names:
            world.skew(name, 0.0)
        self._down = dict.fromkeys(self._down, 0)
        self._revive()
