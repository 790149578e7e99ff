"""Queues of expirations, version 2 (specs-actors v2.3.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from thespis.protocols.builtin.storage_miner.queues import EMPTY_SET, ExpirationQueue, ExpirationSet, Group
from thespis.protocols.builtin.storage_miner.state import SectorOnChainInfo
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
