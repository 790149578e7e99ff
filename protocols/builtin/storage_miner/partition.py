"""A partition: sectors that are proven together, and what became of each (specs-actors ``partition_state.go``).

Terminated sectors stay in it until it is compacted; faulty ones have no power; recovering ones are faulty ones that the
next proof is promised to hold; unproven ones, which version 0 does not have, get their power with their first proof.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

from thespis.protocols.builtin.storage_miner.money import power_of
from thespis.protocols.builtin.storage_miner.periods import UNQUANTIZED, Quant
from thespis.protocols.builtin.storage_miner.queues import (
    NOTHING,
    BitfieldQueue,
    ExpirationQueue,
    ExpirationSet,
    holds_all,
)
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import NO_POWER, PowerPair, SectorOnChainInfo
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Record, record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.vm.exit_codes import ExitCode, StateFault


@dataclass(slots=True)
class Terminated:
    """Sectors whose early end has been settled, by the epoch of that end."""

    sectors: dict[int, Bitfield] = field(default_factory=dict)
    partitions_processed: int = 0
    sectors_processed: int = 0

    def add(self, other: Terminated) -> None:
        """Take over what another step settled."""
        self.partitions_processed += other.partitions_processed
        self.sectors_processed += other.sectors_processed
        for epoch, numbers in other.sectors.items():
            self.sectors[epoch] = self.sectors.get(epoch, NOTHING) | numbers

    def below(self, partitions: int, sectors: int) -> bool:
        """Whether more may be settled in this message."""
        return self.partitions_processed < partitions and self.sectors_processed < sectors


@dataclass(frozen=True, slots=True)
class Faulted:
    """Sectors that became faulty, their power, and how the miner's power changes: unproven ones had none to lose."""

    numbers: Bitfield
    power: PowerPair
    delta: PowerPair


class Partition(Record):
    """Sectors by what became of them, when they end, and their power; each version's record lists the fields."""

    __slots__ = ()
    QUEUE: ClassVar[type[ExpirationQueue]] = ExpirationQueue
    if TYPE_CHECKING:
        sectors: Bitfield
        faults: Bitfield
        recoveries: Bitfield
        terminated: Bitfield
        expirations_epochs: Cid
        early_terminated: Cid
        live_power: PowerPair
        faulty_power: PowerPair
        recovering_power: PowerPair

        @property
        def unproven(self) -> Bitfield:
            """New sectors that no proof has held yet."""

        @property
        def unproven_power(self) -> PowerPair:
            """What they will have."""

    @classmethod
    def empty(cls, empty_array: Cid) -> Self:
        """A partition without sectors."""
        raise NotImplementedError

    def with_unproven(self, numbers: Bitfield, power: PowerPair) -> Self:
        """The same with other unproven sectors; version 0 never has any."""
        assert (numbers, power) == (NOTHING, NO_POWER), "unproven sectors in a partition of version 0"
        return self

    def checked(self) -> Self:
        """The same, after a change; version 0 takes what comes."""
        return self

    def queue(self, store: Blockstore, quant: Quant, size: int) -> ExpirationQueue:
        """Which of the sectors end when."""
        return self.QUEUE(store, self.expirations_epochs, quant, size)

    @property
    def live_sectors(self) -> Bitfield:
        """Those that have not ended."""
        return self.sectors - self.terminated

    @property
    def active_sectors(self) -> Bitfield:
        """Those that have power."""
        return self.live_sectors - self.faults - self.unproven

    @property
    def active_power(self) -> PowerPair:
        """The power that they have."""
        return self.live_power - self.faulty_power - self.unproven_power

    def _proving(self, numbers: Bitfield, sectors: Sequence[SectorOnChainInfo], size: int) -> tuple[Self, PowerPair]:
        """Without those of some sectors that are unproven; returns their power, too."""
        unproven = numbers & self.unproven
        if not unproven.runs:
            return self, NO_POWER
        power = power_of(size, [sector for sector in sectors if sector.number in unproven])
        return self.with_unproven(self.unproven - unproven, self.unproven_power - power), power

    def activate_unproven(self) -> tuple[Self, PowerPair]:
        """Give the unproven sectors, which were proven, their power; returns it."""
        if not self.unproven.runs:
            return self, NO_POWER
        return self.with_unproven(NOTHING, NO_POWER), self.unproven_power

    def add_sectors(
        self, store: Blockstore, new: Sequence[SectorOnChainInfo], size: int, quant: Quant, *, proven: bool
    ) -> tuple[Self, PowerPair]:
        """Add sectors; returns the power they have now, which is none before they are proven."""
        queue = self.queue(store, quant, size)
        numbers, power, _pledge = queue.add_active(new)
        root = queue.flush()
        if (self.sectors & numbers).runs:
            raise StateFault("a sector is in the partition already")
        changed = self.with_(
            expirations_epochs=root, sectors=self.sectors | numbers, live_power=self.live_power + power
        )
        if proven:
            return changed.checked(), power
        return changed.with_unproven(self.unproven | numbers, self.unproven_power + power).checked(), NO_POWER

    def _add_faults(
        self, store: Blockstore, numbers: Bitfield, found: Sequence[SectorOnChainInfo], at: int, size: int, quant: Quant
    ) -> tuple[Self, Faulted]:
        queue = self.queue(store, quant, size)
        power = queue.reschedule_as_faults(at, found)
        changed = self.with_(
            expirations_epochs=queue.flush(),
            faults=self.faults | numbers,
            faulty_power=self.faulty_power + power,
        )
        changed, unproven = changed._proving(numbers, found, size)
        return changed.checked(), Faulted(numbers, power, unproven - power)

    def _without_recoveries(self, numbers: Bitfield, power: PowerPair) -> Self:
        if not numbers.runs:
            return self
        return self.with_(recoveries=self.recoveries - numbers, recovering_power=self.recovering_power - power)

    def _need(self, numbers: Bitfield) -> None:
        if not holds_all(self.sectors, numbers):
            raise StateFault("not all sectors are in the partition", ExitCode.ILLEGAL_ARGUMENT)

    def declare_faults(
        self, store: Blockstore, sectors: Sectors, numbers: Bitfield, at: int, size: int, quant: Quant
    ) -> tuple[Self, Faulted]:
        """Mark sectors faulty, also those that were to recover; returns the newly faulty."""
        self._need(numbers)
        retracted = self.recoveries & numbers
        new = numbers - retracted - self.terminated - self.faults
        changed, faulted = self, Faulted(new, NO_POWER, NO_POWER)
        found = sectors.load(new)
        if found:
            changed, faulted = self._add_faults(store, new, found, at, size, quant)
        recovering = sectors.load(retracted)
        if recovering:
            changed = changed._without_recoveries(retracted, power_of(size, recovering))
        return changed.checked(), faulted

    def declare_recovered(self, sectors: Sectors, numbers: Bitfield, size: int) -> Self:
        """Promise that faulty sectors will be proven."""
        self._need(numbers)
        recoveries = (numbers & self.faults) - self.recoveries
        power = power_of(size, sectors.load(recoveries))
        return self.with_(
            recoveries=self.recoveries | recoveries, recovering_power=self.recovering_power + power
        ).checked()

    def recover(self, store: Blockstore, sectors: Sectors, size: int, quant: Quant) -> tuple[Self, PowerPair]:
        """Give the recovering sectors, which were proven, their power back."""
        found = sectors.load(self.recoveries)
        queue = self.queue(store, quant, size)
        power = queue.reschedule_recovered(found)
        changed = self.with_(
            expirations_epochs=queue.flush(),
            faults=self.faults - self.recoveries,
            recoveries=NOTHING,
            faulty_power=self.faulty_power - power,
            recovering_power=self.recovering_power - power,
        )
        return changed.checked(), power

    def skip(
        self, store: Blockstore, sectors: Sectors, skipped: Bitfield, at: int, size: int, quant: Quant
    ) -> tuple[Self, Faulted, PowerPair]:
        """Mark sectors faulty that a proof leaves out; returns them, and the power of recoveries taken back."""
        if not skipped.runs:
            return self, Faulted(NOTHING, NO_POWER, NO_POWER), NO_POWER
        self._need(skipped)
        retracted = self.recoveries & skipped
        retracted_power = power_of(size, sectors.load(retracted))
        new = skipped - self.terminated - self.faults
        changed, faulted = self._add_faults(store, new, sectors.load(new), at, size, quant)
        return changed._without_recoveries(retracted, retracted_power).checked(), faulted, retracted_power

    def miss_post(self, store: Blockstore, at: int, size: int, quant: Quant) -> tuple[Self, Faulted, PowerPair]:
        """Mark all faulty, for no proof came; returns what is newly faulty, and the power of failed recoveries."""
        queue = self.queue(store, quant, size)
        queue.reschedule_all_as_faults(at)
        changed = self.with_(
            expirations_epochs=queue.flush(),
            faults=self.live_sectors,
            recoveries=NOTHING,
            faulty_power=self.live_power,
            recovering_power=NO_POWER,
        ).with_unproven(NOTHING, NO_POWER)
        new = self.live_power - self.faulty_power
        faulted = Faulted(self.live_sectors - self.faults, new, self.unproven_power - new)
        return changed.checked(), faulted, self.recovering_power

    def reschedule(
        self, store: Blockstore, sectors: Sectors, epoch: int, numbers: Bitfield, size: int, quant: Quant
    ) -> tuple[Self, list[SectorOnChainInfo]]:
        """Let those of some sectors that are neither faulty nor ended end at another epoch; returns them."""
        active = (numbers & self.sectors) - self.terminated - self.faults
        found = sectors.load(active)
        queue = self.queue(store, quant, size)
        queue.reschedule(epoch, found)
        return self.with_(expirations_epochs=queue.flush()).checked(), found

    def replace_sectors(
        self,
        store: Blockstore,
        old: Sequence[SectorOnChainInfo],
        new: Sequence[SectorOnChainInfo],
        size: int,
        quant: Quant,
    ) -> tuple[Self, PowerPair, int]:
        """Put new versions in the place of active sectors; returns the changes of power and pledge."""
        queue = self.queue(store, quant, size)
        old_numbers, new_numbers, power, pledge = queue.replace(old, new)
        root = queue.flush()
        if not holds_all(self.active_sectors, old_numbers):
            raise StateFault("inactive sectors cannot be replaced")
        changed = self.with_(
            expirations_epochs=root,
            sectors=(self.sectors - old_numbers) | new_numbers,
            live_power=self.live_power + power,
        )
        return changed.checked(), power, pledge

    def _record_early(self, store: Blockstore, epoch: int, numbers: Bitfield) -> Cid:
        queue = BitfieldQueue(store, self.early_terminated, UNQUANTIZED)
        queue.add(epoch, numbers)
        return queue.flush()

    def terminate(
        self, store: Blockstore, sectors: Sectors, epoch: int, numbers: Bitfield, size: int, quant: Quant
    ) -> tuple[Self, ExpirationSet]:
        """End live sectors before their time; returns what ended."""
        if not holds_all(self.live_sectors, numbers):
            raise StateFault("only live sectors can be terminated", ExitCode.ILLEGAL_ARGUMENT)
        found = sectors.load(numbers)
        queue = self.queue(store, quant, size)
        removed, recovering = queue.remove(found, self.faults, self.recoveries)
        root = queue.flush()
        ended = removed.on_time_sectors | removed.early_sectors
        changed = self.with_(
            expirations_epochs=root,
            early_terminated=self._record_early(store, epoch, ended),
            faults=self.faults - ended,
            recoveries=self.recoveries - ended,
            terminated=self.terminated | ended,
            live_power=self.live_power - removed.active_power - removed.faulty_power,
            faulty_power=self.faulty_power - removed.faulty_power,
            recovering_power=self.recovering_power - recovering,
        )
        changed, unproven = changed._proving(ended, found, size)
        removed = dataclasses.replace(removed, active_power=removed.active_power - unproven)
        return changed.checked(), removed

    def pop_expired(self, store: Blockstore, until: int, size: int, quant: Quant) -> tuple[Self, ExpirationSet]:
        """End the sectors that are due; the early ones wait to be settled."""
        if self.unproven.runs:
            raise StateFault("sectors are unproven while others end")
        queue = self.queue(store, quant, size)
        popped = queue.pop_until(until)
        root = queue.flush()
        ended = popped.on_time_sectors | popped.early_sectors
        if self.recoveries.runs or self.recovering_power:
            raise StateFault("sectors are recovering while others end")
        if (self.terminated & ended).runs:
            raise StateFault("a sector ends twice")
        changed = self.with_(
            expirations_epochs=root,
            terminated=self.terminated | ended,
            faults=self.faults - ended,
            live_power=self.live_power - popped.active_power - popped.faulty_power,
            faulty_power=self.faulty_power - popped.faulty_power,
        )
        early = changed._record_early(store, until, popped.early_sectors)
        return changed.with_(early_terminated=early).checked(), popped

    def pop_early_terminations(self, store: Blockstore, sectors_max: int) -> tuple[Self, Terminated, bool]:
        """Settle early ends, at most so many; returns them, and whether there are more."""
        queue = BitfieldQueue(store, self.early_terminated, UNQUANTIZED)
        result = Terminated(partitions_processed=1)
        processed: list[int] = []
        rest: tuple[int, Bitfield] | None = None
        for epoch, numbers in queue.entries():
            limit = sectors_max - result.sectors_processed
            part = numbers
            if limit < len(numbers):
                part = Bitfield.of(sorted(numbers)[:limit])
                rest = (epoch, numbers - part)
            else:
                processed.append(epoch)
            result.sectors_processed += len(part)
            result.sectors[epoch] = part
            if result.sectors_processed >= sectors_max:
                break
        for epoch in processed:
            queue.delete(epoch)
        if rest is not None:
            queue.set(rest[0], rest[1].encode())
        changed = self.with_(early_terminated=queue.flush()).checked()
        return changed, result, len(queue) > 0


@record
class PartitionV0(Partition):
    """Version 0: a new sector has its power at once."""

    sectors: Bitfield
    faults: Bitfield
    recoveries: Bitfield
    terminated: Bitfield
    expirations_epochs: Cid
    early_terminated: Cid
    live_power: PowerPair
    faulty_power: PowerPair
    recovering_power: PowerPair

    @classmethod
    def empty(cls, empty_array: Cid) -> PartitionV0:
        """A partition without sectors."""
        return cls(NOTHING, NOTHING, NOTHING, NOTHING, empty_array, empty_array, NO_POWER, NO_POWER, NO_POWER)

    @property
    def unproven(self) -> Bitfield:
        """New sectors that no proof has held yet."""
        return NOTHING

    @property
    def unproven_power(self) -> PowerPair:
        """What they will have."""
        return NO_POWER
