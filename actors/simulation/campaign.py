"""Many seeds, each a network of its own: what one seed draws, and how it ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from thespis.actors.simulation.run import SimulationResult, simulate
from thespis.actors.simulation.topology import TOPOLOGIES
from thespis.runtime.clock import seeded_random

NODES = (3, 4)
EPOCHS = (40, 71)
BLOCK_TIMES_S = (1, 30)


@dataclass(frozen=True, slots=True)
class Draw:
    """The network that a seed stands for in a campaign; small, so that many pass in an hour."""

    seed: int
    nodes: int
    miners: int
    epochs: int
    topology: str
    block_time_s: int

    @classmethod
    def of(cls, seed: int) -> Draw:
        """What a seed draws."""
        rng = seeded_random(f"{seed}/campaign")
        nodes = rng.choice(NODES)
        return cls(
            seed,
            nodes,
            rng.randrange(1, nodes + 1),
            rng.randrange(*EPOCHS),
            rng.choice(TOPOLOGIES),
            rng.choice(BLOCK_TIMES_S),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a seed ended: with what happened, or with what broke."""

    draw: Draw
    result: SimulationResult | None
    broken: str = ""


def run_campaign(seeds: Iterable[int], faults: tuple[str, ...], enemies: tuple[str, ...]) -> Iterator[Verdict]:
    """Run one seed after another; one that breaks, by an invariant or an error of its own, ends no other."""
    for seed in seeds:
        draw = Draw.of(seed)
        try:
            result, simulation = simulate(**dataclasses.asdict(draw), faults=faults, enemies=enemies)
        except Exception as error:
            yield Verdict(draw, None, f"{type(error).__name__}: {error}")
        else:
            simulation.close()
            yield Verdict(draw, result)
