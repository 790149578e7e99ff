"""When a partition's sectors expire, version 2: sectors are found where they are, and no set has less than nothing.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from thespis.protocols.builtin.storage_miner.expiration_queue import EMPTY_SET, ExpirationQueue, ExpirationSet, Group
from thespis.protocols.builtin.storage_miner.state import SectorOnChainInfo
from thespis.protocols.vm.exit_codes import StateFault


class ExpirationQueueV2(ExpirationQueue):
    """Sets of a partition's sectors by the epoch at which they expire; one with less than nothing is never written."""

    def _store_set(self, epoch: int, entry: ExpirationSet) -> None:
        """Write a set; raises StateFault for one with less than nothing.

        Source: ``expiration_queue.go``, ValidateState.
        """
        if entry.on_time_pledge < 0 or entry.active_power.is_negative or entry.faulty_power.is_negative:
            raise StateFault(f"the set of sectors that expire at epoch {epoch} would become negative")
        ExpirationQueue._store_set(self, epoch, entry)

    def _check_movable(self, entry: ExpirationSet) -> None:
        """Early sectors are faulty already, and their time is not to be cut short by a new fault of others."""
        if entry.early_sectors.runs:
            raise StateFault("sectors that expire early would be moved to an even earlier epoch")

    def _located(self, sectors: Iterable[SectorOnChainInfo]) -> Iterator[tuple[Group, ExpirationSet]]:
        """Active sectors by the epoch at which they expire, with that epoch's set.

        Sets where sectors' own expirations say are read first, which finds all that were not rescheduled; only then are
        all others walked through, the earliest first, for a rescheduled sector expires soon.

        Source: ``expiration_queue.go``, findSectorsByExpiration.
        """
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
                    raise StateFault(f"a sector that expires early at epoch {epoch} is taken for an active one")
                take(epoch, entry)
                if not remaining:
                    break
        if remaining:
            raise StateFault(f"sectors {sorted(remaining)[:5]} are in no expiration set")
        yield from sorted(located, key=lambda found: found[0].epoch)
