"""What distinguishes one Filecoin network from another, as far as consensus needs it."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.consensus.beacon import Beacon


@dataclass(frozen=True, slots=True)
class NetworkProfile:
    """Constants of a network; times in Unix seconds, heights in epochs."""

    name: str
    genesis_time_s: int
    block_delay_s: int
    beacon: Beacon
    upgrade_smoke_height: int
    finality_epochs: int = 900
    allowable_clock_drift_s: int = 1
