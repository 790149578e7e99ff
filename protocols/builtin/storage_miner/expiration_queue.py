"""When a partition's sectors expire: sets of them by epoch, on time at the end of their life, or early as faulty ones.

A sector stands in one set only. While it is active it stands among the on-time sectors of the epoch at which it wants
to expire, rounded up to the end of its deadline; its pledge and its active power are counted there. When it becomes
faulty it may stay so for some weeks only: if its own expiration comes later, it moves to the early sectors of the epoch
at which that time is over, and its pledge is counted nowhere, since a termination fee will be due; if it comes sooner
it stays where it is, and only its power is faulty. Recovery is the way back.

So early sectors are always faulty, on-time ones may be, and active power is always that of on-time sectors.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING, holds_all, merged
from thespis.protocols.builtin.storage_miner.money import power_of
from thespis.protocols.builtin.storage_miner.periods import Quant
from thespis.protocols.builtin.storage_miner.state import NO_POWER, PowerPair, SectorOnChainInfo
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import StateRecord, TokenAmount, record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.exit_codes import StateFault


@record
class ExpirationSet(StateRecord):
    """Sectors that expire at an epoch: on time, or early since they were faulty for too long; pledge in attoFIL.

    Source: ``expiration_queue.go``, ExpirationSet.
    """

    on_time_sectors: Bitfield
    early_sectors: Bitfield
    on_time_pledge: TokenAmount
    active_power: PowerPair
    faulty_power: PowerPair

    @property
    def is_empty(self) -> bool:
        """Whether no sector expires; pledge and power are then zero, too."""
        return not self.on_time_sectors.runs and not self.early_sectors.runs

    def __add__(self, other: ExpirationSet) -> ExpirationSet:
        return ExpirationSet(
            self.on_time_sectors | other.on_time_sectors,
            self.early_sectors | other.early_sectors,
            TokenAmount(self.on_time_pledge + other.on_time_pledge),
            self.active_power + other.active_power,
            self.faulty_power + other.faulty_power,
        )

    def without(self, other: ExpirationSet) -> ExpirationSet:
        """The set less some of its sectors; raises StateFault for ones not in it, and below nothing."""
        if not holds_all(self.on_time_sectors, other.on_time_sectors):
            raise StateFault("sectors are to be removed that do not expire on time here")
        if not holds_all(self.early_sectors, other.early_sectors):
            raise StateFault("sectors are to be removed that do not expire early here")
        rest = ExpirationSet(
            self.on_time_sectors - other.on_time_sectors,
            self.early_sectors - other.early_sectors,
            TokenAmount(self.on_time_pledge - other.on_time_pledge),
            self.active_power - other.active_power,
            self.faulty_power - other.faulty_power,
        )
        if rest.on_time_pledge < 0 or rest.active_power.adjusted < 0 or rest.faulty_power.adjusted < 0:
            raise StateFault("an expiration set would become negative")
        return rest


EMPTY_SET = ExpirationSet(NOTHING, NOTHING, TokenAmount(0), NO_POWER, NO_POWER)


@dataclass(frozen=True, slots=True)
class Group:
    """Active sectors that expire on time at one epoch, with their power in bytes and their pledge in attoFIL."""

    epoch: int
    numbers: Bitfield
    power: PowerPair
    pledge: int

    def on_time(self) -> ExpirationSet:
        """The group as a set."""
        return ExpirationSet(self.numbers, NOTHING, TokenAmount(self.pledge), self.power, NO_POWER)


class ExpirationQueue(HistoricArray):
    """Sets of a partition's sectors by the epoch at which they expire."""

    def __init__(self, store: Blockstore, root: Cid, quant: Quant, sector_size: int) -> None:
        super().__init__(store, root)
        self._quant = quant
        self._size = sector_size

    def _groups(self, sectors: Iterable[SectorOnChainInfo]) -> list[Group]:
        by_epoch: dict[int, list[SectorOnChainInfo]] = {}
        for sector in sectors:
            by_epoch.setdefault(self._quant.up(sector.expiration), []).append(sector)
        return [self._group(epoch, group) for epoch, group in sorted(by_epoch.items())]

    def _group(self, epoch: int, sectors: Sequence[SectorOnChainInfo]) -> Group:
        return Group(
            epoch,
            Bitfield.of(int(sector.number) for sector in sectors),
            power_of(self._size, sectors),
            sum(sector.initial_pledge for sector in sectors),
        )

    def _find(self, epoch: int) -> ExpirationSet | None:
        wire = self.get(epoch)
        return None if wire is None else ExpirationSet.from_wire(wire)

    def _need(self, epoch: int) -> ExpirationSet:
        found = self._find(epoch)
        if found is None:
            raise StateFault(f"no sector expires at epoch {epoch}")
        return found

    def _put(self, epoch: int, entry: ExpirationSet) -> None:
        if entry.is_empty:
            self.delete(epoch)
        else:
            self._store_set(epoch, entry)

    def _store_set(self, epoch: int, entry: ExpirationSet) -> None:
        self.set(epoch, entry.to_wire())

    def _add(self, epoch: int, entry: ExpirationSet) -> None:
        at = self._quant.up(epoch)
        self._store_set(at, (self._find(at) or EMPTY_SET) + entry)

    def _located(self, sectors: Iterable[SectorOnChainInfo]) -> Iterator[tuple[Group, ExpirationSet]]:
        """Active sectors by the epoch at which they expire, with that epoch's set: where their own expiration says.

        So version 0 does not find sectors that were rescheduled, which version 2 looks for.

        Source: v0.9.15 ``expiration_queue.go``, groupSectorsByExpiration.
        """
        for group in self._groups(sectors):
            yield group, self._need(group.epoch)

    def add_active(self, sectors: Iterable[SectorOnChainInfo]) -> tuple[Bitfield, PowerPair, int]:
        """Add active sectors where their own expiration says; returns their numbers, power and pledge.

        Source: ``expiration_queue.go``, AddActiveSectors.
        """
        groups = self._groups(sectors)
        for group in groups:
            self._add(group.epoch, group.on_time())
        return _totals(groups)

    def remove_active(self, sectors: Iterable[SectorOnChainInfo]) -> tuple[Bitfield, PowerPair, int]:
        """Take active sectors out; returns their numbers, power and pledge.

        Source: ``expiration_queue.go``, removeActiveSectors.
        """
        groups = []
        for group, entry in self._located(sectors):
            self._put(group.epoch, entry.without(group.on_time()))
            groups.append(group)
        return _totals(groups)

    def reschedule(self, epoch: int, sectors: Sequence[SectorOnChainInfo]) -> None:
        """Let active sectors expire on time at another epoch than their own.

        Source: ``expiration_queue.go``, RescheduleExpirations.
        """
        if sectors:
            numbers, power, pledge = self.remove_active(sectors)
            self._add(epoch, ExpirationSet(numbers, NOTHING, TokenAmount(pledge), power, NO_POWER))

    def reschedule_as_faults(self, epoch: int, sectors: Iterable[SectorOnChainInfo]) -> PowerPair:
        """Let sectors that become faulty expire early at an epoch, unless they expire sooner; returns their power.

        Source: ``expiration_queue.go``, RescheduleAsFaults.
        """
        early, rescheduled, total = NOTHING, NO_POWER, NO_POWER
        for group, found in self._located(sectors):
            entry = found
            total += group.power
            if group.epoch <= self._quant.up(epoch):
                # they expire before they were faulty for too long: on time, with their pledge, though without power
                entry = dataclasses.replace(
                    entry,
                    active_power=entry.active_power - group.power,
                    faulty_power=entry.faulty_power + group.power,
                )
            else:
                entry = dataclasses.replace(
                    entry,
                    on_time_sectors=entry.on_time_sectors - group.numbers,
                    on_time_pledge=TokenAmount(entry.on_time_pledge - group.pledge),
                    active_power=entry.active_power - group.power,
                )
                early |= group.numbers
                rescheduled += group.power
            self._put(group.epoch, entry)
        if early.runs:
            self._add(epoch, ExpirationSet(NOTHING, early, TokenAmount(0), NO_POWER, rescheduled))
        return total

    def reschedule_all_as_faults(self, epoch: int) -> None:
        """The same for every sector of the queue, without loading a sector.

        Source: ``expiration_queue.go``, RescheduleAllAsFaults.
        """
        moved: list[tuple[int, ExpirationSet]] = []
        for at, wire in self.items():
            entry = ExpirationSet.from_wire(wire)
            if at <= self._quant.up(epoch):
                faulty = entry.faulty_power + entry.active_power
                changed = dataclasses.replace(entry, faulty_power=faulty, active_power=NO_POWER)
                self._store_set(at, changed)
            else:
                self._check_movable(entry)
                moved.append((at, entry))
        if moved:
            power = NO_POWER
            for _at, entry in moved:
                power = power + entry.active_power + entry.faulty_power
            early = merged(entry.on_time_sectors | entry.early_sectors for _at, entry in moved)
            self._add(epoch, ExpirationSet(NOTHING, early, TokenAmount(0), NO_POWER, power))
            for at, _entry in moved:
                self.delete(at)

    def _check_movable(self, entry: ExpirationSet) -> None:
        """Raise StateFault for a set that may not move to an earlier epoch; version 0 moves every set."""

    def reschedule_recovered(self, sectors: Sequence[SectorOnChainInfo]) -> PowerPair:
        """Let faulty sectors expire on time again, and have power; returns it.

        Source: ``expiration_queue.go``, RescheduleRecovered.
        """
        remaining = {int(sector.number) for sector in sectors}
        again: list[SectorOnChainInfo] = []
        recovered = NO_POWER

        def visit(entry: ExpirationSet) -> ExpirationSet:
            nonlocal recovered
            on_time, early = set(entry.on_time_sectors), set(entry.early_sectors)
            for sector in sectors:
                number, power = int(sector.number), power_of(self._size, [sector])
                if number in on_time:  # its expiration was sooner than that of its fault: it never moved
                    entry = dataclasses.replace(
                        entry, faulty_power=entry.faulty_power - power, active_power=entry.active_power + power
                    )
                elif number in early:
                    left = entry.early_sectors - Bitfield.of([number])
                    entry = dataclasses.replace(entry, early_sectors=left, faulty_power=entry.faulty_power - power)
                    again.append(sector)
                else:
                    continue
                recovered += power
                remaining.discard(number)
            return entry

        self._visit(visit, remaining)
        self.add_active(again)
        return recovered

    def replace(
        self, old: Iterable[SectorOnChainInfo], new: Iterable[SectorOnChainInfo]
    ) -> tuple[Bitfield, Bitfield, PowerPair, int]:
        """Put active sectors in the place of others; returns the numbers of both, and the changes of power and pledge.

        Source: ``expiration_queue.go``, ReplaceSectors.
        """
        old_numbers, old_power, old_pledge = self.remove_active(old)
        new_numbers, new_power, new_pledge = self.add_active(new)
        return old_numbers, new_numbers, new_power - old_power, new_pledge - old_pledge

    def remove(
        self, sectors: Sequence[SectorOnChainInfo], faults: Bitfield, recovering: Bitfield
    ) -> tuple[ExpirationSet, PowerPair]:
        """Take sectors out, active and faulty; returns what was removed, and how much of its power was recovering.

        Source: ``expiration_queue.go``, RemoveSectors.
        """
        faulty = [sector for sector in sectors if sector.number in faults]
        numbers, power, pledge = self.remove_active(sector for sector in sectors if sector.number not in faults)
        removed = ExpirationSet(numbers, NOTHING, TokenAmount(pledge), power, NO_POWER)
        remaining = {int(sector.number) for sector in faulty}
        recovering_power = NO_POWER

        def visit(entry: ExpirationSet) -> ExpirationSet:
            nonlocal removed, recovering_power
            on_time, early = set(entry.on_time_sectors), set(entry.early_sectors)
            for sector in faulty:
                number = int(sector.number)
                bit, power = Bitfield.of([number]), power_of(self._size, [sector])
                if number in on_time:
                    part = ExpirationSet(bit, NOTHING, sector.initial_pledge, NO_POWER, power)
                elif number in early:
                    part = ExpirationSet(NOTHING, bit, TokenAmount(0), NO_POWER, power)
                else:
                    continue
                entry = ExpirationSet(
                    entry.on_time_sectors - part.on_time_sectors,
                    entry.early_sectors - part.early_sectors,
                    TokenAmount(entry.on_time_pledge - part.on_time_pledge),
                    entry.active_power,
                    entry.faulty_power - power,
                )
                removed += part
                if number in recovering:
                    recovering_power += power
                remaining.discard(number)
            return entry

        self._visit(visit, remaining)
        return removed, recovering_power

    def _visit(self, change: Callable[[ExpirationSet], ExpirationSet], remaining: set[int]) -> None:
        """Change sets in the order of their epochs until no sector remains to be found; the first is always read.

        A set that becomes empty is deleted after the walk, not within it. Raises StateFault for sectors in no set.

        Source: ``expiration_queue.go``, traverseMutate.
        """
        emptied = []
        for epoch, wire in self.items():
            entry = ExpirationSet.from_wire(wire)
            changed = change(entry)
            if changed is not entry:
                if changed.is_empty:
                    emptied.append(epoch)
                else:
                    self._store_set(epoch, changed)
            if not remaining:
                break
        for epoch in emptied:
            self.delete(epoch)
        if remaining:
            raise StateFault(f"sectors {sorted(remaining)[:5]} are in no expiration set")

    def pop_until(self, until: int) -> ExpirationSet:
        """Take out and add up all sets up to an epoch.

        Source: ``expiration_queue.go``, PopUntil.
        """
        popped, total = [], EMPTY_SET
        for epoch, wire in self.items():
            if epoch > until:
                break
            popped.append(epoch)
            total += ExpirationSet.from_wire(wire)
        for epoch in popped:
            self.delete(epoch)
        return total


def _totals(groups: Iterable[Group]) -> tuple[Bitfield, PowerPair, int]:
    numbers, power, pledge = NOTHING, NO_POWER, 0
    for group in groups:
        numbers, power, pledge = numbers | group.numbers, power + group.power, pledge + group.pledge
    return numbers, power, pledge
