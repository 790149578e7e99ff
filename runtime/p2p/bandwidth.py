"""How much goes over the wire: totals of this process, and rates over the last seconds."""

from __future__ import annotations

from collections import deque

import trio
from thespis.runtime.p2p.patches import WireCounters
from thespis.runtime.p2p.port import Bandwidth

RATE_WINDOW_S = 10.0
SAMPLE_EVERY_S = 1.0


class BandwidthMeter:
    """Samples the counters once a second."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int, int]] = deque()

    async def sample_for_ever(self) -> None:
        """Remember the counters of the last seconds."""
        while True:
            self._samples.append((trio.current_time(), WireCounters.received, WireCounters.sent))
            while self._samples[-1][0] - self._samples[0][0] > RATE_WINDOW_S:
                self._samples.popleft()
            await trio.sleep(SAMPLE_EVERY_S)

    def read(self) -> Bandwidth:
        """Totals in bytes, rates in bytes per second."""
        samples = list(self._samples)
        if len(samples) < 2:  # noqa: PLR2004
            return Bandwidth(WireCounters.received, WireCounters.sent, 0.0, 0.0)
        (start_s, first_in, first_out), (end_s, last_in, last_out) = samples[0], samples[-1]
        elapsed_s = end_s - start_s
        return Bandwidth(
            WireCounters.received,
            WireCounters.sent,
            (last_in - first_in) / elapsed_s,
            (last_out - first_out) / elapsed_s,
        )
