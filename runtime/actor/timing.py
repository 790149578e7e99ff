"""How long handlers take: their sum, and quantiles of a bounded sample."""

from __future__ import annotations

from collections import deque

SAMPLES_MAX = 512


class Durations:
    """The last durations of one actor's handlers."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        """Note one duration."""
        self._samples.append(seconds)
        self.total_s += seconds

    def quantile(self, share: float) -> float:
        """The duration that `share` of the samples do not exceed; 0 without samples."""
        if not self._samples:
            return 0.0
        ordered = sorted(self._samples)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
