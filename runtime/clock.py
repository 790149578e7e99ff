"""Time and chance as things that are given, so that a simulation can give others.

Nothing outside `runtime/` calls `time` or `random`; a subsystem asks its `clock` and its `random`.
"""

from __future__ import annotations

import random
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since an arbitrary start, never going back, and seconds since the Unix epoch."""

    def monotonic_s(self) -> float:
        """Time for deadlines and durations."""
        ...

    def unix_s(self) -> float:
        """Time of day; may jump."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic_s(self) -> float:
        """`CLOCK_MONOTONIC`."""
        return time.monotonic()

    def unix_s(self) -> float:
        """`CLOCK_REALTIME`."""
        return time.time()


class ManualClock:
    """A clock that stands still until it is moved; for tests and the simulation."""

    def __init__(self, start_s: float = 0.0, epoch_s: float = 1_598_306_400.0) -> None:
        self.now_s = start_s
        self._epoch_s = epoch_s

    def monotonic_s(self) -> float:
        """Virtual seconds since the start."""
        return self.now_s

    def unix_s(self) -> float:
        """Virtual seconds, counted from Filecoin mainnet's genesis by default."""
        return self._epoch_s + self.now_s

    def advance(self, seconds: float) -> None:
        """Move time forward; time never goes back."""
        if seconds < 0:
            raise ValueError(f"time cannot go back by {-seconds} s")
        self.now_s += seconds


class SkewedClock:
    """Another clock, with a time of day that is off by some seconds."""

    def __init__(self, clock: Clock, skew_s: float = 0.0) -> None:
        self._clock = clock
        self.skew_s = skew_s

    def monotonic_s(self) -> float:
        """The other clock's."""
        return self._clock.monotonic_s()

    def unix_s(self) -> float:
        """The other clock's, and the skew."""
        return self._clock.unix_s() + self.skew_s


def system_random() -> random.Random:
    """A generator seeded by the kernel."""
    return random.SystemRandom()


def seeded_random(seed: str) -> random.Random:
    """Randomness that is the same for the same seed, for simulations."""
    return random.Random(seed)  # noqa: S311
