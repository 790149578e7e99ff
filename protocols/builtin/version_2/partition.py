"""A partition of version 2: new sectors wait for their first proof, and no change may leave it contradicting itself.

Queues of ends find sectors that were moved to another epoch than their own (specs-actors v2.3.6).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import ClassVar

from thespis.protocols.builtin.miner_state import NO_POWER, PowerPair, SectorOnChainInfo
from thespis.protocols.builtin.storage_miner.partition import Partition
from thespis.protocols.builtin.storage_miner.queues import (
    EMPTY_SET,
    NOTHING,
    ExpirationQueue,
    ExpirationSet,
    Group,
    holds_all,
)
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import record
from thespis.protocols.vm.exit_codes import StateFault


class ExpirationQueueV2(ExpirationQueue):
    """Which sectors of a partition end when; no set ever has less than nothing."""

    def _store_set(self, epoch: int, entry: ExpirationSet) -> None:
        if entry.on_time_pledge < 0 or entry.active_power.is_negative or entry.faulty_power.is_negative:
            raise StateFault(f"the set of sectors that end at epoch {epoch} would become negative")
        ExpirationQueue._store_set(self, epoch, entry)

    def _check_movable(self, entry: ExpirationSet) -> None:
        if entry.early_sectors.runs:
            raise StateFault("sectors that end early would be moved to an even earlier epoch")

    def _located(self, sectors: Iterable[SectorOnChainInfo]) -> Iterator[tuple[Group, ExpirationSet]]:
        """Active sectors by the epoch at which they end: where their own expiration says, or else wherever they are."""
        remaining = {int(sector.number): sector for sector in sectors}
        declared = {self._quant.up(sector.expiration) for sector in remaining.values()}
        located: list[tuple[Group, ExpirationSet]] = []

        def take(epoch: int, entry: ExpirationSet) -> None:
            here = [remaining.pop(number) for number in entry.on_time_sectors if number in remaining]
            if here:
                located.append((self._group(epoch, here), entry))

        for epoch in sorted(declared):
            take(epoch, self._find(epoch) or EMPTY_SET)
        if remaining:
            for epoch, wire in self.items():
                if epoch in declared:
                    continue
                entry = ExpirationSet.from_wire(wire)
                if any(number in remaining for number in entry.early_sectors):
                    raise StateFault(f"a sector that ends early at epoch {epoch} is taken for an active one")
                take(epoch, entry)
                if not remaining:
                    break
        if remaining:
            raise StateFault(f"sectors {sorted(remaining)[:5]} are in no expiration set")
        yield from sorted(located, key=lambda found: found[0].epoch)


@record
class PartitionV2(Partition):
    """Sectors by what became of them, when they end, and their power."""

    sectors: Bitfield
    unproven: Bitfield
    faults: Bitfield
    recoveries: Bitfield
    terminated: Bitfield
    expirations_epochs: Cid
    early_terminated: Cid
    live_power: PowerPair
    unproven_power: PowerPair
    faulty_power: PowerPair
    recovering_power: PowerPair

    QUEUE: ClassVar[type[ExpirationQueue]] = ExpirationQueueV2

    @classmethod
    def empty(cls, empty_array: Cid) -> PartitionV2:
        """A partition without sectors."""
        return cls(
            NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, empty_array, empty_array,
            NO_POWER, NO_POWER, NO_POWER, NO_POWER,
        )  # fmt: skip

    def with_unproven(self, numbers: Bitfield, power: PowerPair) -> PartitionV2:
        """The same with other unproven sectors."""
        return dataclasses.replace(self, unproven=numbers, unproven_power=power)

    def checked(self) -> PartitionV2:
        """The same; raises StateFault where its powers or its sets of sectors contradict each other."""
        powers = (self.live_power, self.unproven_power, self.faulty_power, self.recovering_power)
        if any(power.is_negative for power in powers):
            raise StateFault("a partition would have negative power")
        if max(self.unproven_power.raw, self.faulty_power.raw) > self.live_power.raw:
            raise StateFault("a partition would have more unproven or faulty power than power")
        if self.recovering_power.raw > min(self.live_power.raw, self.faulty_power.raw):
            raise StateFault("a partition would have more recovering than faulty power")
        inactive = self.unproven | self.faults
        if (self.terminated & inactive).runs:
            raise StateFault("terminated sectors of a partition would be unproven or faulty, too")
        if not holds_all(self.sectors, inactive | self.terminated):
            raise StateFault("a partition would count sectors that it does not have")
        if not holds_all(self.faults, self.recoveries):
            raise StateFault("sectors of a partition would recover that are not faulty")
        return self
