"""A deadline: partitions that are due at the same time (specs-actors ``deadline_state.go``).

Each function takes a deadline and returns the changed one, with what the miner has to account for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from thespis.protocols.builtin.storage_miner.partition import Partition, Terminated
from thespis.protocols.builtin.storage_miner.periods import Quant
from thespis.protocols.builtin.storage_miner.queues import EMPTY_SET, NOTHING, BitfieldQueue, ExpirationSet, merged
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import NO_POWER, Deadline, PowerPair, SectorOnChainInfo
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import Record, Unsigned, record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.exit_codes import ExitCode, StateFault

PartitionChange = Callable[[int, Partition, Bitfield], Partition]
PartitionSectors = Mapping[int, Bitfield]


@record
class PostPartition(Record):
    """A partition that is proven, and the sectors that are left out of its proof."""

    index: Unsigned
    skipped: Bitfield


@dataclass(frozen=True, slots=True)
class Due:
    """One deadline of a miner with what its changes need to know."""

    store: Blockstore
    sector_size: int
    quant: Quant
    kind: type[Partition]

    def need(self, partitions: HistoricArray, index: int, code: ExitCode = ExitCode.NOT_FOUND) -> Partition:
        """A partition that must be there."""
        return need(self.kind, partitions, index, code)

    def partitions(self, deadline: Deadline) -> HistoricArray:
        """The deadline's partitions."""
        return HistoricArray(self.store, deadline.partitions)

    def _each(self, partitions: HistoricArray, wanted: PartitionSectors, change: PartitionChange) -> None:
        for index, numbers in sorted(wanted.items()):
            partitions.set(index, change(index, self.need(partitions, index), numbers).to_wire())

    def with_expirations(self, deadline: Deadline, epoch: int, indices: Sequence[int]) -> Deadline:
        """Note that sectors of partitions end at an epoch."""
        if not indices:
            return deadline
        queue = BitfieldQueue(self.store, deadline.expirations_epochs, self.quant)
        queue.add(epoch, Bitfield.of(indices))
        return dataclasses.replace(deadline, expirations_epochs=queue.flush())

    def add_sectors(
        self, deadline: Deadline, partition_size: int, sectors: Sequence[SectorOnChainInfo], *, proven: bool
    ) -> tuple[Deadline, PowerPair]:
        """Put sectors into the last partition and new ones behind it; returns the power they have now."""
        if not sectors:
            return deadline, NO_POWER
        partitions, power = self.partitions(deadline), NO_POWER
        ends: dict[int, list[int]] = {}
        index, left = max(0, len(partitions) - 1), list(sectors)
        while left:
            wire = partitions.get(index)
            if wire is None:
                partition = self.kind.empty(HistoricArray(self.store).flush())
            else:
                partition = self.kind.from_wire(wire)
            room = partition_size - len(partition.sectors)
            if room > 0:
                new, left = left[:room], left[room:]
                partition, added = partition.add_sectors(self.store, new, self.sector_size, self.quant, proven=proven)
                power += added
                partitions.set(index, partition.to_wire())
                for sector in new:
                    indices = ends.setdefault(int(sector.expiration), [])
                    if not indices or indices[-1] != index:
                        indices.append(index)
            index += 1
        root = partitions.flush()
        queue = BitfieldQueue(self.store, deadline.expirations_epochs, self.quant)
        queue.add_many(ends)
        changed = dataclasses.replace(
            deadline,
            partitions=root,
            expirations_epochs=queue.flush(),
            live_sectors=Unsigned(deadline.live_sectors + len(sectors)),
            total_sectors=Unsigned(deadline.total_sectors + len(sectors)),
        )
        return changed, power

    def pop_expired(self, deadline: Deadline, until: int) -> tuple[Deadline, ExpirationSet]:
        """End the sectors that are due."""
        queue = BitfieldQueue(self.store, deadline.expirations_epochs, self.quant)
        expired, modified = queue.pop_until(until)
        if not modified:
            return deadline, EMPTY_SET
        deadline = dataclasses.replace(deadline, expirations_epochs=queue.flush())
        partitions, total, early = self.partitions(deadline), EMPTY_SET, []
        for index in expired:
            partition = self.need(partitions, index)
            partition, ended = partition.pop_expired(self.store, until, self.sector_size, self.quant)
            total += ended
            if ended.early_sectors.runs:
                early.append(index)
            partitions.set(index, partition.to_wire())
        ends = len(total.on_time_sectors) + len(total.early_sectors)
        changed = dataclasses.replace(
            deadline,
            partitions=partitions.flush(),
            early_terminations=deadline.early_terminations | Bitfield.of(early),
            live_sectors=Unsigned(deadline.live_sectors - ends),
            faulty_power=deadline.faulty_power - total.faulty_power,
        )
        return changed, total

    def pop_early_terminations(
        self, deadline: Deadline, partitions_max: int, sectors_max: int
    ) -> tuple[Deadline, Terminated, bool]:
        """Settle early ends, at most so many; returns them, and whether there are more."""
        partitions, result, finished = self.partitions(deadline), Terminated(), []
        for index in deadline.early_terminations:
            wire = partitions.get(index)
            if wire is None:
                finished.append(index)
                continue
            partition, settled, more = self.kind.from_wire(wire).pop_early_terminations(
                self.store, sectors_max - result.sectors_processed
            )
            result.add(settled)
            if not more:
                finished.append(index)
            partitions.set(index, partition.to_wire())
            if not result.below(partitions_max, sectors_max):
                break
        left = deadline.early_terminations - Bitfield.of(finished)
        changed = dataclasses.replace(deadline, early_terminations=left, partitions=partitions.flush())
        return changed, result, bool(left.runs)

    def terminate(
        self, deadline: Deadline, sectors: Sectors, epoch: int, wanted: PartitionSectors
    ) -> tuple[Deadline, PowerPair]:
        """End sectors before their time; returns the active power that is lost."""
        partitions = self.partitions(deadline)
        lost, faulty, count, early = NO_POWER, NO_POWER, 0, []

        def end(index: int, partition: Partition, numbers: Bitfield) -> Partition:
            nonlocal lost, faulty, count
            partition, removed = partition.terminate(self.store, sectors, epoch, numbers, self.sector_size, self.quant)
            ended = len(removed.on_time_sectors) + len(removed.early_sectors)
            if ended:
                early.append(index)
                count += ended
            lost, faulty = lost + removed.active_power, faulty + removed.faulty_power
            return partition

        self._each(partitions, wanted, end)
        changed = dataclasses.replace(
            deadline,
            partitions=partitions.flush(),
            early_terminations=deadline.early_terminations | Bitfield.of(early),
            live_sectors=Unsigned(deadline.live_sectors - count),
            faulty_power=deadline.faulty_power - faulty,
        )
        return changed, lost

    def declare_faults(
        self, deadline: Deadline, sectors: Sectors, at: int, wanted: PartitionSectors
    ) -> tuple[Deadline, PowerPair]:
        """Mark sectors faulty; returns how the miner's power changes."""
        partitions, power, delta, touched = self.partitions(deadline), NO_POWER, NO_POWER, []

        def mark(index: int, partition: Partition, numbers: Bitfield) -> Partition:
            nonlocal power, delta
            partition, new = partition.declare_faults(self.store, sectors, numbers, at, self.sector_size, self.quant)
            power, delta = power + new.power, delta + new.delta
            if new.numbers.runs:
                touched.append(index)
            return partition

        self._each(partitions, wanted, mark)
        changed = dataclasses.replace(deadline, partitions=partitions.flush())
        changed = self.with_expirations(changed, at, touched)
        return dataclasses.replace(changed, faulty_power=changed.faulty_power + power), delta

    def declare_recovered(self, deadline: Deadline, sectors: Sectors, wanted: PartitionSectors) -> Deadline:
        """Promise that faulty sectors will be proven."""
        partitions = self.partitions(deadline)
        self._each(
            partitions,
            wanted,
            lambda _index, partition, numbers: partition.declare_recovered(sectors, numbers, self.sector_size),
        )
        return dataclasses.replace(deadline, partitions=partitions.flush())

    def end(self, deadline: Deadline, at: int) -> tuple[Deadline, Missed]:
        """Close the deadline: what was not proven is faulty."""
        partitions = self.partitions(deadline)
        faulty, failed, delta, detected, rescheduled = NO_POWER, NO_POWER, NO_POWER, False, []
        for index in range(len(partitions)):
            if index in deadline.post_submissions:
                continue
            partition = self.need(partitions, index, ExitCode.ILLEGAL_STATE)
            if not partition.recovering_power and partition.faulty_power == partition.live_power:
                continue
            detected = True
            partition, new, lost = partition.miss_post(self.store, at, self.sector_size, self.quant)
            if new.power:
                rescheduled.append(index)
            partitions.set(index, partition.to_wire())
            faulty, failed, delta = faulty + new.power, failed + lost, delta + new.delta
        if detected:
            deadline = dataclasses.replace(deadline, partitions=partitions.flush())
        deadline = self.with_expirations(deadline, at, rescheduled)
        changed = dataclasses.replace(deadline, faulty_power=deadline.faulty_power + faulty, post_submissions=NOTHING)
        return changed, Missed(faulty, failed, delta)

    def record_proven(
        self, deadline: Deadline, sectors: Sectors, at: int, proven: Sequence[PostPartition]
    ) -> tuple[Deadline, Proven]:
        """Note that partitions were proven, taking the proof to hold; one that was proven before is passed over."""
        partitions = self.partitions(deadline)
        faulty = retracted = recovered = delta = NO_POWER
        numbers, ignored, rescheduled = [], [], []
        submissions = deadline.post_submissions
        for post in proven:
            index = int(post.index)
            if index in submissions:
                continue
            partition, new, back = self.need(partitions, index).skip(
                self.store, sectors, post.skipped, at, self.sector_size, self.quant
            )
            if new.numbers.runs:
                rescheduled.append(index)
            partition, again = partition.recover(self.store, sectors, self.sector_size, self.quant)
            partition, first = partition.activate_unproven()
            partitions.set(index, partition.to_wire())
            faulty, retracted, recovered = faulty + new.power, retracted + back, recovered + again
            delta = delta + new.delta + first + again
            submissions |= Bitfield.of([index])
            numbers.append(partition.sectors)
            ignored += [partition.faults, partition.terminated]
        deadline = self.with_expirations(deadline, at, rescheduled)
        changed = dataclasses.replace(
            deadline,
            post_submissions=submissions,
            faulty_power=deadline.faulty_power - recovered + faulty,
            partitions=partitions.flush(),
        )
        return changed, Proven(merged(numbers), merged(ignored), faulty, retracted, recovered, delta)

    def reschedule(
        self, deadline: Deadline, sectors: Sectors, epoch: int, wanted: PartitionSectors
    ) -> tuple[Deadline, list[SectorOnChainInfo]]:
        """Let active sectors end at another epoch, and return them; partitions that are not there are passed over."""
        partitions, touched = self.partitions(deadline), []
        moved: list[SectorOnChainInfo] = []
        for index, numbers in sorted(wanted.items()):
            wire = partitions.get(index)
            if wire is None:
                continue
            partition, here = self.kind.from_wire(wire).reschedule(
                self.store, sectors, epoch, numbers, self.sector_size, self.quant
            )
            if here:
                moved += here
                touched.append(index)
                partitions.set(index, partition.to_wire())
        if not touched:
            return deadline, moved
        changed = dataclasses.replace(deadline, partitions=partitions.flush())
        return self.with_expirations(changed, epoch, touched), moved

    def remove_partitions(
        self, deadline: Deadline, removed: Bitfield
    ) -> tuple[Deadline, Bitfield, Bitfield, PowerPair]:
        """Take partitions out; returns their live and ended sectors, and their power."""
        old = self.partitions(deadline)
        if not removed.runs:
            return deadline, NOTHING, NOTHING, NO_POWER
        if any(index >= len(old) for index in removed):
            raise StateFault(f"partitions run to {len(old) - 1}", ExitCode.ILLEGAL_ARGUMENT)
        if deadline.early_terminations.runs:
            raise StateFault("early terminations of the deadline are not settled yet")
        kept, live, dead, power = HistoricArray(self.store), [], [], NO_POWER
        for index, wire in old.items():
            if index not in removed:
                kept.append(wire)
                continue
            partition = self.kind.from_wire(wire)
            if partition.faults.runs or partition.unproven.runs:
                raise StateFault(f"partition {index} has faulty or unproven sectors", ExitCode.ILLEGAL_ARGUMENT)
            dead.append(partition.terminated)
            live.append(partition.live_sectors)
            power += partition.live_power
        root, all_live, all_dead = kept.flush(), merged(live), merged(dead)
        queue = BitfieldQueue(self.store, deadline.expirations_epochs, self.quant)
        queue.cut(removed)
        changed = dataclasses.replace(
            deadline,
            partitions=root,
            expirations_epochs=queue.flush(),
            live_sectors=Unsigned(deadline.live_sectors - len(all_live)),
            total_sectors=Unsigned(deadline.total_sectors - len(all_live) - len(all_dead)),
        )
        return changed, all_live, all_dead, power


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof covers, which of it only by stand-ins, and how power changes."""

    sectors: Bitfield
    ignored: Bitfield
    new_faulty: PowerPair
    retracted: PowerPair
    recovered: PowerPair
    delta: PowerPair

    @property
    def good(self) -> Bitfield:
        """What it covers itself."""
        return self.sectors - self.ignored


@dataclass(frozen=True, slots=True)
class Missed:
    """The power that is faulty since no proof came, that of recoveries that failed, and how the miner's changes."""

    faulty: PowerPair
    failed: PowerPair
    delta: PowerPair


def need(
    kind: type[Partition], partitions: HistoricArray, index: int, code: ExitCode = ExitCode.NOT_FOUND
) -> Partition:
    """A partition that must be there."""
    wire = partitions.get(index)
    if wire is None:
        raise StateFault(f"there is no partition {index}", code)
    return kind.from_wire(wire)
