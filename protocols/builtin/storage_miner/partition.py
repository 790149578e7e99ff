"""A partition: sectors that are proven together, and what became of each.

Five sets of sector numbers say it all. `sectors` are all that were ever put in, until the partition is compacted;
`terminated` those of them that expired or were terminated; `faults` have no power; `recoveries`, a part of the faults,
will be in the next proof; `unproven`, which version 0 does not have, get their power with their first proof. So

    live = sectors - terminated,    active = live - faults - unproven,    recoveries <= faults <= live

and each set has its power beside it, so that nobody has to look at sectors to tell it: a rule that moves a sector from
one set to another moves its power, and moves it in the queue of expirations, too.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING, BitfieldQueue, holds_all
from thespis.protocols.builtin.storage_miner.expiration_queue import ExpirationQueue, ExpirationSet
from thespis.protocols.builtin.storage_miner.money import power_of
from thespis.protocols.builtin.storage_miner.outcomes import Faulted, Terminated
from thespis.protocols.builtin.storage_miner.periods import UNQUANTIZED, Quant
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import NO_POWER, PowerPair, SectorOnChainInfo
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import StateRecord, record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.vm.exit_codes import ExitCode, StateFault


class Partition(StateRecord):
    """Sectors by what became of them, when they expire, and their power; each version's record lists the fields."""

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
            """New sectors that no proof has covered yet."""

        @property
        def unproven_power(self) -> PowerPair:
            """The power that unproven sectors will have with their first proof."""

    @classmethod
    def empty(cls, empty_array: Cid) -> Self:
        """A partition without sectors."""
        raise NotImplementedError

    def with_unproven(self, numbers: Bitfield, power: PowerPair) -> Self:
        """The same with other unproven sectors; version 0 never has any."""
        assert (numbers, power) == (NOTHING, NO_POWER), "unproven sectors in a partition of version 0"
        return self

    def checked(self) -> Self:
        """The same; version 2 raises StateFault for a partition that contradicts itself, version 0 takes what comes."""
        return self

    def queue(self, store: Blockstore, quant: Quant, size: int) -> ExpirationQueue:
        """Which of the sectors expire when."""
        return self.QUEUE(store, self.expirations_epochs, quant, size)

    @property
    def live_sectors(self) -> Bitfield:
        """Those that have neither expired nor been terminated; faulty ones are live."""
        return self.sectors - self.terminated

    @property
    def active_sectors(self) -> Bitfield:
        """Those that have power: live, not faulty, and proven at least once."""
        return self.live_sectors - self.faults - self.unproven

    @property
    def active_power(self) -> PowerPair:
        """The power of active sectors."""
        return self.live_power - self.faulty_power - self.unproven_power

    def _without_unproven(
        self, numbers: Bitfield, sectors: Sequence[SectorOnChainInfo], size: int
    ) -> tuple[Self, PowerPair]:
        """Strike those of some sectors off that are unproven; returns the power that they never had."""
        unproven = numbers & self.unproven
        if not unproven.runs:
            return self, NO_POWER
        power = power_of(size, [sector for sector in sectors if sector.number in unproven])
        return self.with_unproven(self.unproven - unproven, self.unproven_power - power), power

    def activate_unproven(self) -> tuple[Self, PowerPair]:
        """Give unproven sectors their power, now that a proof covers them; returns it.

        Source: v2.3.6 ``partition_state.go``, ActivateUnproven.
        """
        if not self.unproven.runs:
            return self, NO_POWER
        return self.with_unproven(NOTHING, NO_POWER), self.unproven_power

    def add_sectors(
        self, store: Blockstore, new: Sequence[SectorOnChainInfo], size: int, quant: Quant, *, proven: bool
    ) -> tuple[Self, PowerPair]:
        """Add sectors that expire when they say; returns the power they have at once, which is none before a proof.

        Source: ``partition_state.go``, AddSectors.
        """
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
        """Mark sectors faulty (``partition_state.go``, addFaults)."""
        queue = self.queue(store, quant, size)
        power = queue.reschedule_as_faults(at, found)
        changed = self.with_(
            expirations_epochs=queue.flush(),
            faults=self.faults | numbers,
            faulty_power=self.faulty_power + power,
        )
        changed, unproven = changed._without_unproven(numbers, found, size)
        return changed.checked(), Faulted(numbers, power, unproven - power)

    def _without_recoveries(self, numbers: Bitfield, power: PowerPair) -> Self:
        """Take promises to recover back (``partition_state.go``, removeRecoveries)."""
        if not numbers.runs:
            return self
        return self.with_(recoveries=self.recoveries - numbers, recovering_power=self.recovering_power - power)

    def _check_contains(self, numbers: Bitfield, code: ExitCode = ExitCode.ILLEGAL_ARGUMENT) -> None:
        """Raise StateFault for others (``miner_actor.go``, validatePartitionContainsSectors)."""
        if not holds_all(self.sectors, numbers):
            raise StateFault("not all sectors are in the partition", code)

    def declare_faults(
        self, store: Blockstore, sectors: Sectors, numbers: Bitfield, expires_at: int, size: int, quant: Quant
    ) -> tuple[Self, Faulted]:
        """Mark sectors faulty, to expire early at an epoch, and take back promises to recover; returns the new faults.

        Source: ``partition_state.go``, DeclareFaults.
        """
        self._check_contains(numbers)
        retracted = self.recoveries & numbers
        new = numbers - retracted - self.terminated - self.faults
        changed, faulted = self, Faulted(new, NO_POWER, NO_POWER)
        found = sectors.load(new)
        if found:
            changed, faulted = self._add_faults(store, new, found, expires_at, size, quant)
        recovering = sectors.load(retracted)
        if recovering:
            changed = changed._without_recoveries(retracted, power_of(size, recovering))
        return changed.checked(), faulted

    def declare_recovered(self, sectors: Sectors, numbers: Bitfield, size: int) -> Self:
        """Promise that the next proof covers sectors; those that are not faulty or promised already are passed over.

        Sectors of elsewhere end the call as a state that cannot be, and not as an argument that may not be.

        Source: ``partition_state.go``, DeclareFaultsRecovered; ``deadline_state.go``, DeclareFaultsRecovered.
        """
        self._check_contains(numbers, ExitCode.ILLEGAL_STATE)
        recoveries = (numbers & self.faults) - self.recoveries
        power = power_of(size, sectors.load(recoveries))
        return self.with_(
            recoveries=self.recoveries | recoveries, recovering_power=self.recovering_power + power
        ).checked()

    def recover(self, store: Blockstore, sectors: Sectors, size: int, quant: Quant) -> tuple[Self, PowerPair]:
        """Give recovering sectors their power back, now that a proof covers them; they expire on time again.

        Source: ``partition_state.go``, RecoverFaults.
        """
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
        self, store: Blockstore, sectors: Sectors, skipped: Bitfield, expires_at: int, size: int, quant: Quant
    ) -> tuple[Self, Faulted, PowerPair]:
        """Mark sectors faulty that a proof leaves out; returns them, and the power of recoveries that it takes back.

        Source: ``partition_state.go``, RecordSkippedFaults.
        """
        if not skipped.runs:
            return self, Faulted(NOTHING, NO_POWER, NO_POWER), NO_POWER
        self._check_contains(skipped)
        retracted = self.recoveries & skipped
        retracted_power = power_of(size, sectors.load(retracted))
        # a recovering sector is faulty still: it is no new fault, its promise is only taken back
        new = skipped - self.terminated - self.faults
        changed, faulted = self._add_faults(store, new, sectors.load(new), expires_at, size, quant)
        return changed._without_recoveries(retracted, retracted_power).checked(), faulted, retracted_power

    def miss_post(self, store: Blockstore, expires_at: int, size: int, quant: Quant) -> tuple[Self, Faulted, PowerPair]:
        """Mark every live sector faulty, for no proof came; returns the new faults, and the power of failed recoveries.

        Source: ``partition_state.go``, RecordMissedPost.
        """
        queue = self.queue(store, quant, size)
        queue.reschedule_all_as_faults(expires_at)
        changed = self.with_(
            expirations_epochs=queue.flush(),
            faults=self.live_sectors,
            recoveries=NOTHING,
            faulty_power=self.live_power,
            recovering_power=NO_POWER,
        ).with_unproven(NOTHING, NO_POWER)
        new = self.live_power - self.faulty_power
        # unproven sectors become faulty like the rest, but the miner loses only power that it had
        faulted = Faulted(self.live_sectors - self.faults, new, self.unproven_power - new)
        return changed.checked(), faulted, self.recovering_power

    def reschedule(
        self, store: Blockstore, sectors: Sectors, epoch: int, numbers: Bitfield, size: int, quant: Quant
    ) -> tuple[Self, list[SectorOnChainInfo]]:
        """Let those of some sectors that are live and not faulty expire at another epoch; returns them.

        Source: ``partition_state.go``, RescheduleExpirations.
        """
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
        """Put sectors in the place of active ones; returns the changes of power and pledge.

        Source: ``partition_state.go``, ReplaceSectors.
        """
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
        """The queue with further terminations (``partition_state.go``, recordEarlyTermination)."""
        queue = BitfieldQueue(store, self.early_terminated, UNQUANTIZED)
        queue.add(epoch, numbers)
        return queue.flush()

    def terminate(
        self, store: Blockstore, sectors: Sectors, epoch: int, numbers: Bitfield, size: int, quant: Quant
    ) -> tuple[Self, ExpirationSet]:
        """Terminate live sectors, whose fee is settled later; returns them, with the power that the miner loses.

        Source: ``partition_state.go``, TerminateSectors.
        """
        if not holds_all(self.live_sectors, numbers):
            raise StateFault("only live sectors can be terminated", ExitCode.ILLEGAL_ARGUMENT)
        found = sectors.load(numbers)
        queue = self.queue(store, quant, size)
        removed, recovering = queue.remove(found, self.faults, self.recoveries)
        root = queue.flush()
        terminated = removed.on_time_sectors | removed.early_sectors
        changed = self.with_(
            expirations_epochs=root,
            early_terminated=self._record_early(store, epoch, terminated),
            faults=self.faults - terminated,
            recoveries=self.recoveries - terminated,
            terminated=self.terminated | terminated,
            live_power=self.live_power - removed.active_power - removed.faulty_power,
            faulty_power=self.faulty_power - removed.faulty_power,
            recovering_power=self.recovering_power - recovering,
        )
        # the queue counts unproven sectors as active; the miner does not lose power that it never had
        changed, unproven = changed._without_unproven(terminated, found, size)
        removed = dataclasses.replace(removed, active_power=removed.active_power - unproven)
        return changed.checked(), removed

    def pop_expired(self, store: Blockstore, until: int, size: int, quant: Quant) -> tuple[Self, ExpirationSet]:
        """Let sectors expire that are due up to an epoch; those that expire early wait for their fee to be settled.

        A deadline is closed before its sectors expire, which leaves none unproven or recovering. Were one, it would
        expire with power that another set counts.

        Source: ``partition_state.go``, PopExpiredSectors.
        """
        if self.unproven.runs:
            raise StateFault("sectors are unproven while others expire")
        queue = self.queue(store, quant, size)
        popped = queue.pop_until(until)
        root = queue.flush()
        expired = popped.on_time_sectors | popped.early_sectors
        if self.recoveries.runs or self.recovering_power:
            raise StateFault("sectors are recovering while others expire")
        if (self.terminated & expired).runs:
            raise StateFault("a sector expires that was terminated")
        changed = self.with_(
            expirations_epochs=root,
            terminated=self.terminated | expired,
            faults=self.faults - expired,
            live_power=self.live_power - popped.active_power - popped.faulty_power,
            faulty_power=self.faulty_power - popped.faulty_power,
        )
        early = changed._record_early(store, until, popped.early_sectors)
        return changed.with_(early_terminated=early).checked(), popped

    def pop_early_terminations(self, store: Blockstore, sectors_max: int) -> tuple[Self, Terminated, bool]:
        """Take out terminated sectors to settle their fees, at most so many; returns them, and whether more are left.

        Source: ``partition_state.go``, PopEarlyTerminations.
        """
        queue = BitfieldQueue(store, self.early_terminated, UNQUANTIZED)
        result = Terminated(partitions_processed=1)
        processed: list[int] = []
        rest: tuple[int, Bitfield] | None = None
        for epoch, numbers in queue.entries():
            limit = sectors_max - result.sectors_processed
            part = numbers
            if limit < numbers.count():
                part = Bitfield.of(sorted(numbers)[:limit])
                rest = (epoch, numbers - part)
            else:
                processed.append(epoch)
            result.sectors_processed += part.count()
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
        """New sectors that no proof has covered yet."""
        return NOTHING

    @property
    def unproven_power(self) -> PowerPair:
        """The power that unproven sectors will have with their first proof."""
        return NO_POWER
