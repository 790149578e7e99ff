"""What became of sectors, as one rule tells it to the next: faulty, proven, not proven, terminated."""

from __future__ import annotations

from dataclasses import dataclass, field

from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING
from thespis.protocols.builtin.storage_miner.state import PowerPair
from thespis.protocols.encoding.bitfield import Bitfield


@dataclass(slots=True)
class Terminated:
    """Sectors that were terminated early and wait for their fee to be settled, by the epoch of their termination.

    Source: ``termination.go``, TerminationResult.
    """

    sectors: dict[int, Bitfield] = field(default_factory=dict)
    partitions_processed: int = 0
    sectors_processed: int = 0

    def add(self, other: Terminated) -> None:
        """Count in what another deadline or partition had."""
        self.partitions_processed += other.partitions_processed
        self.sectors_processed += other.sectors_processed
        for epoch, numbers in other.sectors.items():
            self.sectors[epoch] = self.sectors.get(epoch, NOTHING) | numbers

    def below(self, partitions: int, sectors: int) -> bool:
        """Whether one message may still take more, which bounds its gas."""
        return self.partitions_processed < partitions and self.sectors_processed < sectors


@dataclass(frozen=True, slots=True)
class Faulted:
    """Sectors that became faulty, the power that is faulty with them, and the change of the miner's power.

    The two powers differ by that of unproven sectors, which had none to lose.
    """

    numbers: Bitfield
    power: PowerPair
    delta: PowerPair


@dataclass(frozen=True, slots=True)
class Proven:
    """What a window proof covers and what it changes.

    `sectors` are all of the proven partitions, `ignored` those of them that are faulty or terminated, so that a good
    one stands in for each; `new_faulty` is the power of skipped sectors, `retracted` that of recoveries among them,
    `recovered` that of recoveries that held, and `delta` how the miner's power changes by all that.
    """

    sectors: Bitfield
    ignored: Bitfield
    new_faulty: PowerPair
    retracted: PowerPair
    recovered: PowerPair
    delta: PowerPair

    @property
    def good(self) -> Bitfield:
        """The sectors that the proof opens themselves."""
        return self.sectors - self.ignored


@dataclass(frozen=True, slots=True)
class Missed:
    """The power that became faulty since no proof came, that of recoveries which failed, and the change of power."""

    faulty: PowerPair
    failed: PowerPair
    delta: PowerPair
