"""A miner: who stands behind it, its sectors and what became of them, when they are due, and what its owner may take.

Most questions are about a miner's state, which `miner_state` finds in a state tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from thespis.protocols.builtin.codes import name_of
from thespis.protocols.builtin.queries.errors import DeadlineNotFoundError, MinerNotFoundError, SectorNotFoundError
from thespis.protocols.builtin.states import state_of
from thespis.protocols.builtin.storage_miner.bitfield_queue import BitfieldQueue, merged
from thespis.protocols.builtin.storage_miner.expiration_queue import ExpirationSet
from thespis.protocols.builtin.storage_miner.layouts import layout_for
from thespis.protocols.builtin.storage_miner.partition import Partition
from thespis.protocols.builtin.storage_miner.periods import UNQUANTIZED
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import AnyMiner, MinerInfo, SectorOnChainInfo
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import unpack_state
from thespis.protocols.ipld.blockstore import Blockstore, Overlay, load
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.state_tree import Actor, StateTree


@dataclass(frozen=True, slots=True)
class Place:
    """A partition, the number of its deadline, and its own there."""

    deadline: int
    index: int
    partition: Partition


@dataclass(frozen=True, slots=True)
class SectorCounts:
    """How many sectors have neither expired nor been terminated, have power, and are faulty."""

    live: int
    active: int
    faulty: int


@dataclass(frozen=True, slots=True)
class SectorExpiration:
    """The epochs at which a sector expires, on time or early as one that stays faulty; None where it does not."""

    on_time: int | None
    early: int | None


def miner_state(store: Blockstore, tree: StateTree, miner: Address) -> tuple[Actor, AnyMiner]:
    """A miner's entry and its state; raises MinerNotFoundError when there is none, or an actor of another kind."""
    actor = tree.get(miner)
    if actor is None or name_of(actor.code) != "storageminer":
        raise MinerNotFoundError(f"there is no miner at {miner}")
    found = state_of(actor.code, store.get(actor.head))
    assert isinstance(found, AnyMiner), "the code is a miner's"
    return actor, found


def miner_info(store: Blockstore, tree: StateTree, miner: Address) -> MinerInfo:
    """Owner, worker and control addresses of a miner, how it is reached and how it seals."""
    return miner_state(store, tree, miner)[1].load_info(store)


def places(store: Blockstore, state: AnyMiner) -> Iterator[Place]:
    """Every partition of a miner, deadline by deadline."""
    for index in range(len(state.load_deadlines(store).due)):
        yield from places_of(store, state, index)


def places_of(store: Blockstore, state: AnyMiner, deadline: int) -> Iterator[Place]:
    """The partitions of one deadline; raises DeadlineNotFoundError."""
    kind, deadlines = layout_for(state).partition, state.load_deadlines(store)
    if not 0 <= deadline < len(deadlines.due):
        raise DeadlineNotFoundError(f"deadline {deadline}; they run from 0 to {len(deadlines.due) - 1}")
    for index, wire in HistoricArray(store, deadlines.load(store, deadline).partitions).items():
        yield Place(deadline, index, kind.from_wire(wire))


def place_of(store: Blockstore, state: AnyMiner, number: int) -> Place:
    """Where a sector is due; raises SectorNotFoundError for one of genesis, which never is, and for one not proven."""
    for place in places(store, state):
        if number in place.partition.sectors:
            return place
    raise SectorNotFoundError(f"sector {number} is in no partition; genesis' own sectors never are")


def submissions(store: Blockstore, state: AnyMiner) -> list[Bitfield]:
    """Which partitions of each deadline have been proven since it opened last."""
    deadlines = state.load_deadlines(store)
    return [deadlines.load(store, index).post_submissions for index in range(len(deadlines.due))]


def sector(store: Blockstore, state: AnyMiner, number: int) -> SectorOnChainInfo:
    """A proven sector; raises SectorNotFoundError."""
    found = Sectors(store, state).find(number)
    if found is None:
        raise SectorNotFoundError(f"sector {number} is not proven")
    return found


def active_sectors(store: Blockstore, state: AnyMiner) -> list[SectorOnChainInfo]:
    """The sectors that have power, by number: neither expired, terminated nor faulty, and proven at a deadline."""
    active = merged(place.partition.active_sectors for place in places(store, state))
    return [each for each in state.load_sectors(store) if each.number in active]


def faults(store: Blockstore, state: AnyMiner) -> Bitfield:
    """The faulty sectors, also those that are declared to recover."""
    return merged(place.partition.faults for place in places(store, state))


def recoveries(store: Blockstore, state: AnyMiner) -> Bitfield:
    """The faulty sectors that the miner declared to recover with the next proof."""
    return merged(place.partition.recoveries for place in places(store, state))


def sector_counts(store: Blockstore, state: AnyMiner) -> SectorCounts:
    """How many sectors are live, active and faulty."""
    found = [place.partition for place in places(store, state)]
    return SectorCounts(
        sum(each.live_sectors.count() for each in found),
        sum(each.active_sectors.count() for each in found),
        sum(each.faults.count() for each in found),
    )


def sector_expiration(store: Blockstore, state: AnyMiner, number: int) -> SectorExpiration:
    """When a sector expires by its partition's queue; raises SectorNotFoundError.

    The queue counts, not the sector's own record: a faulty sector expires early, and a replaced one with its deadline.
    """
    partition, on_time, early = place_of(store, state, number).partition, None, None
    for epoch, wire in HistoricArray(store, partition.expirations_epochs).items():
        entry = ExpirationSet.from_wire(wire)
        if number in entry.on_time_sectors:
            on_time = epoch
        if number in entry.early_sectors:
            early = epoch
    for epoch, numbers in BitfieldQueue(store, partition.early_terminated, UNQUANTIZED).entries():
        if number in numbers:
            early = epoch
    return SectorExpiration(on_time, early)


def is_allocated(store: Blockstore, state: AnyMiner, number: int) -> bool:
    """Whether a sector number was used up, by a commitment or by compacting."""
    return number in unpack_state(Bitfield, load(store, state.allocated_sectors))


def available_balance(store: Blockstore, state: AnyMiner, balance: int, epoch: int) -> int:
    """AttoFIL that the owner could withdraw: neither locked, deposited, pledged nor owed; what has vested counts."""
    state, _freed = state.unlock_vested(Overlay(store), epoch)
    return state.available_balance(balance)
