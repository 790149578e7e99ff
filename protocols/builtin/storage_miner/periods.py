"""When things are due: proving periods, their deadlines, and where new sectors go (specs-actors v0.9.15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from thespis.protocols.builtin.policy import Policy
from thespis.protocols.builtin.storage_miner.state import AnyMiner, Deadline, SectorOnChainInfo
from thespis.protocols.builtin.storage_miner.vesting import quantize_up
from thespis.protocols.vm.exit_codes import StateFault


@dataclass(frozen=True, slots=True)
class Quant:
    """A grid of epochs, `unit` apart."""

    unit: int
    offset: int

    def up(self, epoch: int) -> int:
        """The next epoch on the grid."""
        return quantize_up(epoch, self.unit, self.offset)


UNQUANTIZED = Quant(1, 0)


@dataclass(frozen=True, slots=True)
class DeadlineInfo:
    """One deadline of a proving period, seen from an epoch; proofs are taken from `open` until before `close`."""

    policy: Policy
    period_start: int
    index: int
    epoch: int

    @property
    def open(self) -> int:
        """First epoch in which a proof is taken."""
        return self.period_start + self.index * self.policy.challenge_window

    @property
    def close(self) -> int:
        """First epoch in which no proof is taken any more."""
        return self.open + self.policy.challenge_window

    @property
    def last(self) -> int:
        """Last epoch in which a proof is taken."""
        return self.close - 1

    @property
    def challenge(self) -> int:
        """Where the proof's randomness comes from."""
        return self.open - self.policy.challenge_lookback

    @property
    def is_open(self) -> bool:
        """Whether a proof is taken now."""
        return self.open <= self.epoch < self.close

    @property
    def period_started(self) -> bool:
        """Whether the proving period has begun."""
        return self.epoch >= self.period_start

    @property
    def fault_cutoff(self) -> int:
        """First epoch in which faults and recoveries come too late to be declared."""
        return self.open - self.policy.fault_declaration_cutoff

    @property
    def fault_cutoff_passed(self) -> bool:
        """Whether faults and recoveries come too late to be declared."""
        return self.epoch >= self.fault_cutoff

    @property
    def quant(self) -> Quant:
        """The epochs at which the deadline's sectors may end: its last ones."""
        return Quant(self.policy.proving_period, self.last)

    def next_not_elapsed(self) -> DeadlineInfo:
        """The same deadline in the first period in which it has not closed."""
        found = self
        while found.epoch >= found.close:
            found = replace(found, period_start=found.period_start + self.policy.proving_period)
        return found

    def is_mutable(self) -> bool:
        """Whether sectors may be put there: neither it nor the deadline before it is open."""
        return self.epoch < self.next_not_elapsed().open - self.policy.challenge_window


def current_deadline(policy: Policy, state: AnyMiner, epoch: int) -> DeadlineInfo:
    """The deadline that a miner is at."""
    return DeadlineInfo(policy, state.proving_period_start, state.current_deadline, epoch)


def deadline_quant(policy: Policy, state: AnyMiner, index: int) -> Quant:
    """When sectors of a deadline may end."""
    return DeadlineInfo(policy, state.proving_period_start, index, 0).quant


def every_deadline(policy: Policy, state: AnyMiner) -> Quant:
    """The ends of all deadlines."""
    return Quant(policy.challenge_window, state.proving_period_start)


def assign_deadlines(
    partition_size: int,
    deadlines: Mapping[int, Deadline],
    sectors: Sequence[SectorOnChainInfo],
    partitions_max: int | None = None,
) -> dict[int, list[SectorOnChainInfo]]:
    """Which deadline each new sector gets: where it costs no partition more, and then where there is least.

    Raises StateFault once every deadline has as many partitions as it may have.
    """
    counts = {index: [int(each.live_sectors), int(each.total_sectors)] for index, each in deadlines.items()}

    def is_closed(index: int) -> bool:
        return partitions_max is not None and counts[index][1] >= partition_size * partitions_max

    def rank(index: int) -> tuple[bool, int, int, bool, int, int, int]:
        live, total = counts[index]
        full = total % partition_size == 0
        return (
            is_closed(index),
            -(-(live + 1) // partition_size),
            -(-(total + 1) // partition_size),
            full,
            0 if full else -total,
            live,
            index,
        )

    assigned: dict[int, list[SectorOnChainInfo]] = {}
    for sector in sectors:
        index = min(counts, key=rank)
        if is_closed(index):
            raise StateFault(f"every deadline has {partitions_max} partitions already")
        assigned.setdefault(index, []).append(sector)
        counts[index][0] += 1
        counts[index][1] += 1
    return dict(sorted(assigned.items()))
