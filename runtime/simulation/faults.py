"""What may go wrong in a simulation, and how often; every draw comes from the simulation's seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates of message faults and ranges of delays, in virtual nanoseconds.

    Without loss, duplication and reordering the simulated base promises what the process base promises: every
    message once, in order per pair.
    """

    delay_min_ns: int = 20_000
    delay_max_ns: int = 200_000
    start_min_ns: int = 50_000_000
    start_max_ns: int = 250_000_000
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0

    @property
    def lossless(self) -> bool:
        """Whether messages neither vanish, nor double, nor overtake each other."""
        return not (self.drop or self.duplicate or self.reorder)

    def delay_ns(self, rng: random.Random) -> int:
        """One message's time on the way."""
        return self.delay_min_ns + int(rng.random() * (self.delay_max_ns - self.delay_min_ns + 1))

    def start_ns(self, rng: random.Random) -> int:
        """One actor's time to start."""
        return self.start_min_ns + int(rng.random() * (self.start_max_ns - self.start_min_ns + 1))


CALM = Faults()
"""Delays only."""

STORMY = Faults(delay_max_ns=20_000_000, drop=0.01, duplicate=0.01, reorder=0.05)
"""Lossy, doubling and reordering, for what must hold even so."""


class LinkFaults:
    """How messages between nodes fare: delay in virtual nanoseconds, and the share of gossip that is lost per hop."""

    def __init__(self, delay_min_ns: int = 2_000_000, delay_max_ns: int = 60_000_000, drop: float = 0.0) -> None:
        self.delay_min_ns = delay_min_ns
        self.delay_max_ns = delay_max_ns
        self.drop = drop

    def delay_ns(self, rng: random.Random) -> int:
        """One message's time on the way."""
        return self.delay_min_ns + int(rng.random() * (self.delay_max_ns - self.delay_min_ns + 1))
