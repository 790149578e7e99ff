"""A deadline: partitions that are due at the same time.

`DeadlineRules` holds what its functions share; each takes a deadline and returns the changed one, with what the miner
has to account for. Gas counts reads and writes, so their order here is that of the reference: an array is read when it
is opened and written when it is flushed, and a rule that finds nothing to change may write all the same.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING, BitfieldQueue, merged
from thespis.protocols.builtin.storage_miner.expiration_queue import EMPTY_SET, ExpirationSet
from thespis.protocols.builtin.storage_miner.outcomes import Missed, Proven, Terminated
from thespis.protocols.builtin.storage_miner.partition import Partition
from thespis.protocols.builtin.storage_miner.periods import Quant
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import NO_POWER, Deadline, PowerPair, SectorOnChainInfo
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import Record, Unsigned, record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.exit_codes import ExitCode, StateFault

PartitionSectors = Mapping[int, Bitfield]
"""Sectors by the number of their partition."""


@record
class PostPartition(Record):
    """A partition that is proven, and those of its sectors that the proof leaves out, which become faulty."""

    index: Unsigned
    skipped: Bitfield


def load_partition(
    kind: type[Partition], partitions: HistoricArray, index: int, code: ExitCode = ExitCode.NOT_FOUND
) -> Partition:
    """A partition; raises StateFault with `code` where there is none of that number."""
    wire = partitions.get(index)
    if wire is None:
        raise StateFault(f"there is no partition {index}", code)
    return kind.from_wire(wire)


@dataclass(frozen=True, slots=True)
class DeadlineRules:
    """What may happen to one deadline of a miner; sectors of `sector_size` bytes expire at epochs of `quant` only."""

    store: Blockstore
    sector_size: int
    quant: Quant
    kind: type[Partition]

    def _with_expirations(self, deadline: Deadline, epoch: int, indices: Sequence[int]) -> Deadline:
        """Note that partitions may have sectors that expire at an epoch.

        A partition is never taken off that list before the epoch, even if all of these sectors recover: they may fail
        again, and then expire at that same epoch without anyone noting it.

        Source: ``deadline_state.go``, AddExpirationPartitions.
        """
        if not indices:
            return deadline
        queue = BitfieldQueue(self.store, deadline.expirations_epochs, self.quant)
        queue.add(epoch, Bitfield.of(indices))
        return dataclasses.replace(deadline, expirations_epochs=queue.flush())

    def add_sectors(
        self, deadline: Deadline, partition_size: int, sectors: Sequence[SectorOnChainInfo], *, proven: bool
    ) -> tuple[Deadline, PowerPair]:
        """Fill the last partition with sectors, then new ones behind it; returns the power that they add at once.

        Earlier partitions may have room where sectors were terminated, and stay as they are until they are compacted.
        Source: ``deadline_state.go``, AddSectors.
        """
        if not sectors:
            return deadline, NO_POWER
        partitions, power = HistoricArray(self.store, deadline.partitions), NO_POWER
        by_expiration: dict[int, list[int]] = {}
        index, left = max(0, len(partitions) - 1), list(sectors)
        while left:
            wire = partitions.get(index)
            if wire is None:
                partition = self.kind.empty(HistoricArray(self.store).flush())
            else:
                partition = self.kind.from_wire(wire)
            room = partition_size - partition.sectors.count()
            if room > 0:
                new, left = left[:room], left[room:]
                partition, added = partition.add_sectors(self.store, new, self.sector_size, self.quant, proven=proven)
                power += added
                partitions.set(index, partition.to_wire())
                for sector in new:
                    indices = by_expiration.setdefault(int(sector.expiration), [])
                    if not indices or indices[-1] != index:
                        indices.append(index)
            index += 1
        root = partitions.flush()
        queue = BitfieldQueue(self.store, deadline.expirations_epochs, self.quant)
        queue.add_many(by_expiration)
        changed = dataclasses.replace(
            deadline,
            partitions=root,
            expirations_epochs=queue.flush(),
            live_sectors=Unsigned(deadline.live_sectors + len(sectors)),
            total_sectors=Unsigned(deadline.total_sectors + len(sectors)),
        )
        return changed, power

    def pop_expired(self, deadline: Deadline, until: int) -> tuple[Deadline, ExpirationSet]:
        """Let the sectors expire that are due up to an epoch, on time and early; returns them.

        Source: ``deadline_state.go``, PopExpiredSectors.
        """
        queue = BitfieldQueue(self.store, deadline.expirations_epochs, self.quant)
        indices, modified = queue.pop_until(until)
        if not modified:
            return deadline, EMPTY_SET
        deadline = dataclasses.replace(deadline, expirations_epochs=queue.flush())
        partitions, total, early = HistoricArray(self.store, deadline.partitions), EMPTY_SET, []
        for index in indices:
            partition = load_partition(self.kind, partitions, index)
            partition, expired = partition.pop_expired(self.store, until, self.sector_size, self.quant)
            total += expired
            if expired.early_sectors.runs:
                early.append(index)
            partitions.set(index, partition.to_wire())
        count = total.on_time_sectors.count() + total.early_sectors.count()
        changed = dataclasses.replace(
            deadline,
            partitions=partitions.flush(),
            early_terminations=deadline.early_terminations | Bitfield.of(early),
            live_sectors=Unsigned(deadline.live_sectors - count),
            faulty_power=deadline.faulty_power - total.faulty_power,
        )
        return changed, total

    def pop_early_terminations(
        self, deadline: Deadline, partitions_max: int, sectors_max: int
    ) -> tuple[Deadline, Terminated, bool]:
        """Take out terminated sectors to settle their fees, at most so many; returns them, and whether more are left.

        Source: ``deadline_state.go``, PopEarlyTerminations.
        """
        partitions, result, finished = HistoricArray(self.store, deadline.partitions), Terminated(), []
        for index in deadline.early_terminations:
            wire = partitions.get(index)
            if wire is None:
                finished.append(index)
                continue
            partition, popped, more = self.kind.from_wire(wire).pop_early_terminations(
                self.store, sectors_max - result.sectors_processed
            )
            result.add(popped)
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
        """Terminate sectors at an epoch; returns the active power that is lost.

        Source: ``deadline_state.go``, TerminateSectors.
        """
        partitions = HistoricArray(self.store, deadline.partitions)
        lost, faulty, count, early = NO_POWER, NO_POWER, 0, []
        for index, numbers in sorted(wanted.items()):
            partition, removed = load_partition(self.kind, partitions, index).terminate(
                self.store, sectors, epoch, numbers, self.sector_size, self.quant
            )
            partitions.set(index, partition.to_wire())
            terminated = removed.on_time_sectors.count() + removed.early_sectors.count()
            if terminated:
                early.append(index)
                count += terminated
            lost, faulty = lost + removed.active_power, faulty + removed.faulty_power
        changed = dataclasses.replace(
            deadline,
            partitions=partitions.flush(),
            early_terminations=deadline.early_terminations | Bitfield.of(early),
            live_sectors=Unsigned(deadline.live_sectors - count),
            faulty_power=deadline.faulty_power - faulty,
        )
        return changed, lost

    def declare_faults(
        self, deadline: Deadline, sectors: Sectors, expires_at: int, wanted: PartitionSectors
    ) -> tuple[Deadline, PowerPair]:
        """Mark sectors faulty, which expire early at an epoch; returns how the miner's power changes.

        Source: ``deadline_state.go``, DeclareFaults.
        """
        partitions = HistoricArray(self.store, deadline.partitions)
        power, delta, rescheduled = NO_POWER, NO_POWER, []
        for index, numbers in sorted(wanted.items()):
            partition, new = load_partition(self.kind, partitions, index).declare_faults(
                self.store, sectors, numbers, expires_at, self.sector_size, self.quant
            )
            partitions.set(index, partition.to_wire())
            power, delta = power + new.power, delta + new.delta
            if new.numbers.runs:
                rescheduled.append(index)
        changed = dataclasses.replace(deadline, partitions=partitions.flush())
        changed = self._with_expirations(changed, expires_at, rescheduled)
        return dataclasses.replace(changed, faulty_power=changed.faulty_power + power), delta

    def declare_recovered(self, deadline: Deadline, sectors: Sectors, wanted: PartitionSectors) -> Deadline:
        """Mark faulty sectors as ones that the next proof will hold; no power changes yet.

        Source: ``deadline_state.go``, DeclareFaultsRecovered.
        """
        partitions = HistoricArray(self.store, deadline.partitions)
        for index, numbers in sorted(wanted.items()):
            partition = load_partition(self.kind, partitions, index)
            partitions.set(index, partition.declare_recovered(sectors, numbers, self.sector_size).to_wire())
        return dataclasses.replace(deadline, partitions=partitions.flush())

    def record_proven(
        self, deadline: Deadline, sectors: Sectors, expires_at: int, proven: Sequence[PostPartition]
    ) -> tuple[Deadline, Proven]:
        """Note that partitions were proven; skipped sectors become faulty and expire early at an epoch.

        The proof is taken to hold: who calls this checks it afterwards, and a proof that does not hold undoes all. A
        partition that was proven in this period already is passed over.

        Source: ``deadline_state.go``, RecordProvenSectors.
        """
        partitions = HistoricArray(self.store, deadline.partitions)
        faulty = retracted = recovered = delta = NO_POWER
        numbers, ignored, rescheduled = [], [], []
        submissions = deadline.post_submissions
        for post in proven:
            index = int(post.index)
            if index in submissions:
                continue
            partition, new, back = load_partition(self.kind, partitions, index).skip(
                self.store, sectors, post.skipped, expires_at, self.sector_size, self.quant
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
        deadline = self._with_expirations(deadline, expires_at, rescheduled)
        changed = dataclasses.replace(
            deadline,
            post_submissions=submissions,
            faulty_power=deadline.faulty_power - recovered + faulty,
            partitions=partitions.flush(),
        )
        return changed, Proven(merged(numbers), merged(ignored), faulty, retracted, recovered, delta)

    def close(self, deadline: Deadline, expires_at: int) -> tuple[Deadline, Missed]:
        """Take partitions that were not proven for faulty, to expire early at an epoch, and begin the next period.

        One that is all faulty and promised no recovery is passed over, so that a miner that has given up costs the
        network little.

        Source: ``deadline_state.go``, ProcessDeadlineEnd.
        """
        partitions = HistoricArray(self.store, deadline.partitions)
        faulty, failed, delta, detected, rescheduled = NO_POWER, NO_POWER, NO_POWER, False, []
        for index in range(len(partitions)):
            if index in deadline.post_submissions:
                continue
            partition = load_partition(self.kind, partitions, index, ExitCode.ILLEGAL_STATE)
            if not partition.recovering_power and partition.faulty_power == partition.live_power:
                continue
            detected = True
            partition, new, lost = partition.miss_post(self.store, expires_at, self.sector_size, self.quant)
            if new.power:
                rescheduled.append(index)
            partitions.set(index, partition.to_wire())
            faulty, failed, delta = faulty + new.power, failed + lost, delta + new.delta
        if detected:
            deadline = dataclasses.replace(deadline, partitions=partitions.flush())
        deadline = self._with_expirations(deadline, expires_at, rescheduled)
        changed = dataclasses.replace(deadline, faulty_power=deadline.faulty_power + faulty, post_submissions=NOTHING)
        return changed, Missed(faulty, failed, delta)

    def reschedule(
        self, deadline: Deadline, sectors: Sectors, epoch: int, wanted: PartitionSectors
    ) -> tuple[Deadline, list[SectorOnChainInfo]]:
        """Let active sectors expire at another epoch; returns them. Partitions that are not there are passed over.

        Source: ``deadline_state.go``, RescheduleSectorExpirations.
        """
        partitions, rescheduled = HistoricArray(self.store, deadline.partitions), []
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
                rescheduled.append(index)
                partitions.set(index, partition.to_wire())
        if not rescheduled:
            return deadline, moved
        changed = dataclasses.replace(deadline, partitions=partitions.flush())
        return self._with_expirations(changed, epoch, rescheduled), moved

    def remove_partitions(
        self, deadline: Deadline, removed: Bitfield
    ) -> tuple[Deadline, Bitfield, Bitfield, PowerPair]:
        """Take partitions out, those behind them moving up; returns their live and dead sectors, and their power.

        Faulty and unproven sectors may not move, nor any while terminations, noted by partition, wait to be settled.
        Source: ``deadline_state.go``, RemovePartitions.
        """
        old = HistoricArray(self.store, deadline.partitions)
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
            live_sectors=Unsigned(deadline.live_sectors - all_live.count()),
            total_sectors=Unsigned(deadline.total_sectors - all_live.count() - all_dead.count()),
        )
        return changed, all_live, all_dead, power
