"""Which epoch a miner tries next: each at most once, wherever the machine's clock jumps.

The clock of the day is held against the monotonic one. Where the two part by more than an epoch at once, the clock of
the day has jumped, and no round is tried until it stands where it stood, or has stood anew for a while: a block that is
signed for a far epoch, and taken by a Syncer that looks at the same clock, would have a chain of one miner wait until
that epoch comes. What lies in a far epoch never keeps the near ones from being tried, for tried epochs are remembered
one by one and not by the highest.

A clock that is wrong for longer than that is believed; no rule can tell it from one that was put right.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from thespis.protocols.networks.profile import NetworkProfile

TRIED_KEPT = 4000
"""Epochs remembered; over four times finality, so that no block at a forgotten one could count."""
HOLD_EPOCHS, HOLD_S_MIN = 10, 60.0
"""How long a clock that jumped must stand before it is believed: so many epochs, and at least so many seconds."""
SHORTEST_WAIT_S = 0.001


@dataclass(frozen=True, slots=True)
class Turn:
    """An epoch to try now, or without one how long to wait before asking again, at most an epoch."""

    height: int = 0
    wait_s: float = 0.0
    held: str = ""
    """Why no epoch is tried until further notice."""


class Rounds:
    """The epochs that one miner tried, and the clock that it goes by."""

    def __init__(self, profile: NetworkProfile, delay_share: float) -> None:
        """A block is prepared from `delay_share` of the epoch before its own on."""
        self._profile = profile
        self._lead_s = profile.block_delay_s * (1.0 - delay_share)
        self._hold_s = max(HOLD_S_MIN, HOLD_EPOCHS * float(profile.block_delay_s))
        self._tried: OrderedDict[int, None] = OrderedDict()
        self._trusted_s: float | None = None
        self._jumped: tuple[float, float] | None = None

    def turn(self, unix_s: float, monotonic_s: float) -> Turn:
        """The epoch whose turn it is, which counts as tried from now on, or how long to wait."""
        profile = self._profile
        held = self._held(unix_s - monotonic_s, monotonic_s)
        height = profile.epoch_at(unix_s + self._lead_s)
        wait_s = profile.timestamp_of(height + 1) - self._lead_s - unix_s
        waiting = Turn(wait_s=min(max(wait_s, SHORTEST_WAIT_S), float(profile.block_delay_s)), held=held)
        if held or height < 1 or height in self._tried or unix_s >= profile.timestamp_of(height):
            return waiting
        self._tried[height] = None
        if len(self._tried) > TRIED_KEPT:
            self._tried.popitem(last=False)
        return Turn(height)

    def _held(self, offset_s: float, monotonic_s: float) -> str:
        """Why the clock of the day, `offset_s` ahead of the monotonic one, is not believed; empty where it is."""
        if self._trusted_s is None or self._near(offset_s, self._trusted_s):
            self._trusted_s, self._jumped = offset_s, None
            return ""
        if self._jumped is None or not self._near(offset_s, self._jumped[0]):
            self._jumped = offset_s, monotonic_s
        stood_s = monotonic_s - self._jumped[1]
        if stood_s < self._hold_s:
            jump_s = offset_s - self._trusted_s
            return f"the clock jumped by {jump_s:.0f} s; no round until it has stood for {self._hold_s:.0f} s"
        self._trusted_s, self._jumped = offset_s, None
        return ""

    def _near(self, one_s: float, other_s: float) -> bool:
        return abs(one_s - other_s) <= self._profile.block_delay_s
