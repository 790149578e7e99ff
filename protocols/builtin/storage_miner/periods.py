"""When things are due: proving periods, their deadlines, and where new sectors go.

A proving period is a day of epochs, in deadlines of half an hour. Each miner has its own beginning of it, and each of
its sectors is due at one deadline of every period. A deadline opens, takes proofs of challenges that were drawn a
little before, and closes; its sectors expire only when it closes, so that what is due when it opens stays due.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from thespis.protocols.builtin.policy import Policy
from thespis.protocols.builtin.storage_miner.state import AnyMiner, Deadline, SectorOnChainInfo
from thespis.protocols.builtin.storage_miner.vesting import quantize_up
from thespis.protocols.vm.exit_codes import StateFault


@dataclass(frozen=True, slots=True)
class Quant:
    """A grid of epochs, `unit` apart, through `offset`.

    Source: ``quantize.go``, QuantSpec.
    """

    unit: int
    offset: int

    def up(self, epoch: int) -> int:
        """The first epoch of the grid at or after an epoch."""
        return quantize_up(epoch, self.unit, self.offset)


UNQUANTIZED = Quant(1, 0)


@dataclass(frozen=True, slots=True)
class DeadlineInfo:
    """One deadline of a proving period, seen from an epoch; proofs are taken from `open` until before `close`.

    Source: ``deadlines.go``, NewDeadlineInfo; go-state-types ``dline/deadline.go``, Info.
    """

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
        """The epoch whose beacon the proof's challenges are drawn from, a little before the deadline opens."""
        return self.open - self.policy.challenge_lookback

    @property
    def is_open(self) -> bool:
        """Whether proofs of this deadline are taken at the epoch it is seen from."""
        return self.open <= self.epoch < self.close

    @property
    def period_started(self) -> bool:
        """Whether the proving period has begun; that of a new miner of version 0 begins later."""
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
        """The epochs at which the deadline's sectors may expire: the last ones of the deadline, a period apart."""
        return Quant(self.policy.proving_period, self.last)

    def next_not_elapsed(self) -> DeadlineInfo:
        """The same deadline in the first period in which it has not closed yet."""
        found = self
        while found.epoch >= found.close:
            found = replace(found, period_start=found.period_start + self.policy.proving_period)
        return found

    def is_mutable(self) -> bool:
        """Whether sectors may be moved there: neither it nor the deadline before it is open.

        Its challenges are drawn before it opens, and must not be of sectors that were put there knowing them.

        Source: ``deadlines.go``, deadlineIsMutable.
        """
        return self.epoch < self.next_not_elapsed().open - self.policy.challenge_window


def current_deadline(policy: Policy, state: AnyMiner, epoch: int) -> DeadlineInfo:
    """The deadline that a miner is at, seen from an epoch.

    Source: ``miner_state.go``, DeadlineInfo.
    """
    return DeadlineInfo(policy, state.proving_period_start, state.current_deadline, epoch)


def deadline_quant(policy: Policy, state: AnyMiner, index: int) -> Quant:
    """When sectors of a deadline may expire.

    Source: ``miner_state.go``, QuantSpecForDeadline.
    """
    return DeadlineInfo(policy, state.proving_period_start, index, 0).quant


def every_deadline(policy: Policy, state: AnyMiner) -> Quant:
    """The ends of all deadlines, at which commitments may expire.

    Source: ``miner_state.go``, QuantSpecEveryDeadline.
    """
    return Quant(policy.challenge_window, state.proving_period_start)


def assign_deadlines(
    partition_size: int,
    deadlines: Mapping[int, Deadline],
    sectors: Sequence[SectorOnChainInfo],
    partitions_max: int | None = None,
) -> dict[int, list[SectorOnChainInfo]]:
    """Which deadline each new sector gets, in the order given.

    A miner pays gas for each partition it proves, so a sector goes where it costs no partition more: first by
    partitions of live sectors, then by partitions as they stand, which compacting would save; among those with room
    left the fullest is filled up, and among those without the emptiest is begun. Raises StateFault once every deadline
    has as many partitions as it may have.

    Source: ``deadline_assignment.go``, assignDeadlines.
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
