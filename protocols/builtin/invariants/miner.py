"""A miner's books: its sectors by what became of them, their power and pledge, when they expire, and its money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING, BitfieldQueue, holds_all, merged
from thespis.protocols.builtin.storage_miner.expiration_queue import ExpirationSet
from thespis.protocols.builtin.storage_miner.layouts import layout_for
from thespis.protocols.builtin.storage_miner.money import power_of
from thespis.protocols.builtin.storage_miner.partition import Partition
from thespis.protocols.builtin.storage_miner.periods import UNQUANTIZED
from thespis.protocols.builtin.storage_miner.state import (
    NO_POWER,
    AnyMiner,
    Deadline,
    PowerPair,
    SectorOnChainInfo,
    SectorPreCommitOnChainInfo,
)
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.builtin.storage_miner.vesting import VestingFunds
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.ipld.blockstore import Blockstore, load
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricArray


@dataclass(slots=True)
class MinerBooks:
    """What a miner's state adds up to, and what of it contradicts itself.

    `pledged` is what the power actor counts: vesting funds and pledges, in attoFIL. Sectors of genesis are in no
    partition, and have their power all the same.
    """

    active_power: PowerPair = NO_POWER
    pledged: int = 0
    held: int = 0
    """What it must have at least."""
    violations: list[str] = field(default_factory=list)
    placed: Bitfield = NOTHING
    settled: Bitfield = NOTHING

    def check(self, holds: bool, what: str) -> None:
        """Note a condition that does not hold, in words."""
        if not holds:
            self.violations.append(what)


def miner_books(store: Blockstore, state: AnyMiner) -> MinerBooks:
    """Add up a miner's state, and note what in it contradicts itself."""
    books = MinerBooks(pledged=state.locked_funds + state.pledge)
    size = int(state.load_info(store).sector_size)
    sectors = {int(sector.number): sector for sector in state.load_sectors(store)}
    deadlines = state.load_deadlines(store)
    kind = layout_for(state).partition
    empty: set[object] = set()
    for index, root in enumerate(deadlines.due):
        if root in empty:
            continue
        deadline = deadlines.load(store, index)
        if not deadline.total_sectors:
            empty.add(root)
        _deadline(store, books, index, deadline, kind, sectors, size)
    numbers = Bitfield.of(sectors)
    books.check(holds_all(numbers, books.placed - books.settled), "a partition has a live sector that is not there")
    unplaced = [sectors[number] for number in numbers - books.placed]
    books.active_power += power_of(size, unplaced)
    pledge = sum(sector.initial_pledge for number, sector in sectors.items() if number not in books.settled)
    books.check(pledge == state.pledge, f"the sectors pledge {pledge}, the sum is {state.pledge}")
    _money(store, books, state)
    return books


def _money(store: Blockstore, books: MinerBooks, state: AnyMiner) -> None:
    committed = Hamt(store, state.pre_committed_sectors, version=HamtVersion.V0).items()
    deposits = sum(SectorPreCommitOnChainInfo.from_wire(entry[1]).pre_commit_deposit for entry in committed)
    books.check(deposits == state.pre_commit_deposits, f"deposits sum to {deposits}, not {state.pre_commit_deposits}")
    vesting = sum(amount for _, amount in VestingFunds.from_wire(load(store, state.vesting_funds)).funds)
    books.check(vesting == state.locked_funds, f"{vesting} is vesting, {state.locked_funds} is locked")
    books.held = state.locked_funds + state.pre_commit_deposits
    if isinstance(state, MinerStateV2):
        books.held += state.initial_pledge
        books.check(state.fee_debt >= 0, f"a debt of {state.fee_debt}")


def _deadline(
    store: Blockstore,
    books: MinerBooks,
    index: int,
    deadline: Deadline,
    kind: type[Partition],
    sectors: dict[int, SectorOnChainInfo],
    size: int,
) -> None:
    live = total = 0
    faulty = NO_POWER
    for number, wire in HistoricArray(store, deadline.partitions).items():
        partition = kind.from_wire(wire)
        books.violations += [
            f"deadline {index}, partition {number}: {what}"
            for what in partition_violations(store, partition, sectors, size)
        ]
        books.check(not (books.placed & partition.sectors).runs, f"sectors of deadline {index} are in two partitions")
        books.placed |= partition.sectors
        books.settled |= partition.terminated - _unsettled(store, partition)
        live, total = live + partition.live_sectors.count(), total + partition.sectors.count()
        faulty += partition.faulty_power
        books.active_power += partition.active_power
    counted = (deadline.live_sectors, deadline.total_sectors)
    books.check((live, total) == counted, f"deadline {index} has {live} of {total} sectors live; it counts {counted}")
    books.check(faulty == deadline.faulty_power, f"deadline {index} counts other faulty power than its partitions")


def _unsettled(store: Blockstore, partition: Partition) -> Bitfield:
    """Sectors that were terminated early and whose fee and pledge are not settled yet."""
    return merged(numbers for _, numbers in BitfieldQueue(store, partition.early_terminated, UNQUANTIZED).entries())


def partition_violations(
    store: Blockstore, partition: Partition, sectors: dict[int, SectorOnChainInfo], size: int
) -> list[str]:
    """What does not hold of a partition: its sets, its powers, and its queue of expirations."""
    found: list[str] = []
    apart = (partition.unproven, partition.faults, partition.terminated)
    if sum(field.count() for field in apart) != merged(apart).count():
        found.append("sectors are in several of unproven, faulty and terminated")
    if not holds_all(partition.sectors, apart[0] | apart[1] | apart[2]):
        found.append("it counts sectors that it does not have")
    if not holds_all(partition.faults, partition.recoveries):
        found.append("sectors recover that are not faulty")

    def power(numbers: Bitfield) -> PowerPair:
        return power_of(size, _those(sectors, numbers))

    for name, numbers, said in (
        ("live", partition.live_sectors, partition.live_power),
        ("unproven", partition.unproven, partition.unproven_power),
        ("faulty", partition.faults, partition.faulty_power),
        ("recovering", partition.recoveries, partition.recovering_power),
    ):
        if power(numbers) != said:
            found.append(f"{name} sectors have {power(numbers)}, {said} is counted")
    return found + _queue_violations(store, partition, sectors, size)


def _queue_violations(
    store: Blockstore, partition: Partition, sectors: dict[int, SectorOnChainInfo], size: int
) -> list[str]:
    found: list[str] = []
    queued = NOTHING
    for epoch, wire in HistoricArray(store, partition.expirations_epochs).items():
        entry = ExpirationSet.from_wire(wire)
        here = entry.on_time_sectors | entry.early_sectors
        if (queued & here).runs or (entry.on_time_sectors & entry.early_sectors).runs:
            found.append(f"sectors end twice, the second time at epoch {epoch}")
        queued |= here
        active = power_of(size, _those(sectors, here - partition.faults))
        faulty = power_of(size, _those(sectors, here & partition.faults))
        if (active, faulty) != (entry.active_power, entry.faulty_power):
            found.append(f"the sectors that end at epoch {epoch} have other power than their set says")
        pledge = sum(sector.initial_pledge for sector in _those(sectors, entry.on_time_sectors))
        if pledge != entry.on_time_pledge:
            found.append(f"the sectors that end at epoch {epoch} pledge {pledge}, not {entry.on_time_pledge}")
        if not holds_all(partition.faults, entry.early_sectors):
            found.append(f"sectors end early at epoch {epoch} that are not faulty")
    if queued != partition.live_sectors:
        found.append(f"{queued.count()} sectors have an end, {partition.live_sectors.count()} are live")
    return found


def _those(sectors: dict[int, SectorOnChainInfo], numbers: Bitfield) -> Sequence[SectorOnChainInfo]:
    return [sectors[number] for number in numbers if number in sectors]
