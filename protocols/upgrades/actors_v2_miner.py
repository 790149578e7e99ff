"""A miner of version 0 as one of version 2, and what a fault of version 0 had made wrong in it corrected.

A sector that was replaced and then found faulty was in two sets of its partition's queue of ends, which broke the
power of sets, partition and claim, and could stop the miner's cron (specs-actors v2.3.6 ``nv4/miner_corrections``).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from thespis.protocols.builtin.policy import Policy
from thespis.protocols.builtin.power.state import Claim
from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING
from thespis.protocols.builtin.storage_miner.calls import CronEventType
from thespis.protocols.builtin.storage_miner.expiration_queue import ExpirationSet
from thespis.protocols.builtin.storage_miner.money import power_of
from thespis.protocols.builtin.storage_miner.partition import PartitionV0
from thespis.protocols.builtin.storage_miner.periods import current_deadline
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import NO_POWER, Deadline, Deadlines, MinerState, PowerPair
from thespis.protocols.builtin.storage_miner.v2.partition import PartitionV2
from thespis.protocols.builtin.storage_miner.v2.state import MinerInfoV2, MinerStateV2, SectorOnChainInfoV2
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.ipld.amt import Amt, AmtVersion
from thespis.protocols.ipld.blockstore import Blockstore, load, save
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricArray


@dataclass(slots=True)
class Corrections:
    """After which epoch miners are corrected, and what the power actor has to take over from that.

    That is claims, and cron events (epoch, miner, payload).
    """

    epoch: int
    policy: Policy
    claims: dict[Address, Claim] = field(default_factory=dict)
    events: list[tuple[int, Address, bytes]] = field(default_factory=list)


def migrate_miner(
    store: Blockstore, state: MinerState, address: Address, balance: int, corrections: Corrections
) -> tuple[Cid, int]:
    """The root of the new state, and what the miner owes; it is lent that, so that it has what it has locked."""
    state = _corrected(store, state, address, corrections)
    liabilities = state.locked_funds + state.pre_commit_deposits + state.initial_pledge_requirement
    debt = max(0, liabilities - balance)
    committed = Hamt(store, version=HamtVersion.V0)
    for entry in Hamt(store, state.pre_committed_sectors, version=HamtVersion.V0).items():
        committed.set(entry[0], entry[1])
    moved = MinerStateV2(
        info=save(store, MinerInfoV2.of(state.load_info(store)).to_wire()),
        pre_commit_deposits=state.pre_commit_deposits,
        locked_funds=state.locked_funds,
        vesting_funds=state.vesting_funds,
        fee_debt=TokenAmount(debt),
        initial_pledge=state.initial_pledge_requirement,
        pre_committed_sectors=committed.flush(),
        pre_committed_sectors_expiry=state.pre_committed_sectors_expiry,
        allocated_sectors=state.allocated_sectors,
        sectors=_sectors(store, state),
        proving_period_start=state.proving_period_start,
        current_deadline=state.current_deadline,
        deadlines=_deadlines(store, state),
        early_terminations=state.early_terminations,
    )
    return save(store, moved.to_wire()), debt


def _sectors(store: Blockstore, state: MinerState) -> Cid:
    listed = Amt(store, version=AmtVersion.V0)
    for sector in state.load_sectors(store):
        listed.set(int(sector.number), SectorOnChainInfoV2.of(sector).to_wire())
    return listed.flush()


def _deadlines(store: Blockstore, state: MinerState) -> Cid:
    roots: list[Cid] = []
    for root in state.load_deadlines(store).due:
        deadline = Deadline.from_wire(load(store, root))
        partitions = Amt(store, version=AmtVersion.V0)
        for index, wire in HistoricArray(store, deadline.partitions).items():
            old = PartitionV0.from_wire(wire)
            fields = {each.name: getattr(old, each.name) for each in dataclasses.fields(old)}
            partitions.set(index, PartitionV2(**fields, unproven=NOTHING, unproven_power=NO_POWER).to_wire())
        roots.append(save(store, dataclasses.replace(deadline, partitions=partitions.flush()).to_wire()))
    return save(store, Deadlines(tuple(roots)).to_wire())


def _corrected(store: Blockstore, state: MinerState, address: Address, corrections: Corrections) -> MinerState:
    epoch, policy = corrections.epoch + 1, corrections.policy
    if state.proving_period_start > epoch:  # a new miner, whose first period is still to come
        return state
    size = int(state.load_info(store).sector_size)
    sectors = Sectors(store, state)
    deadlines, changed = state.load_deadlines(store), False
    missed = (epoch - state.proving_period_start) // policy.proving_period
    start = state.proving_period_start + missed * policy.proving_period
    index = (epoch - start) // policy.challenge_window
    late = missed > 0 or index != state.current_deadline
    state = dataclasses.replace(state, proving_period_start=ChainEpoch(start), current_deadline=Unsigned(index))
    for number in range(len(deadlines.due)):
        deadline = deadlines.load(store, number)
        fixed = _corrected_deadline(store, deadline, sectors, size, late=late)
        if fixed != deadline or late:
            deadlines, changed = deadlines.update(store, number, fixed), True
    if not changed:
        return state
    state = state.with_deadlines(store, deadlines)
    power = _active_power(store, deadlines)
    corrections.claims[address] = Claim(BigInteger(power.raw), BigInteger(power.adjusted))
    last = current_deadline(policy, state, epoch).last
    corrections.events.append((last, address, CronEventType.PROVING_DEADLINE.payload()))
    return state


def _corrected_deadline(store: Blockstore, deadline: Deadline, sectors: Sectors, size: int, *, late: bool) -> Deadline:
    """Like the reference, it counts faulty power of corrected partitions alone."""
    partitions = HistoricArray(store, deadline.partitions)
    faulty, altered = NO_POWER, {}
    for index, wire in partitions.items():
        old = PartitionV0.from_wire(wire)
        found = _corrected_queue(store, old, sectors, size)
        if found is None:
            continue
        root, active_power, faulty_power = found
        new = dataclasses.replace(
            old, expirations_epochs=root, live_power=active_power + faulty_power, faulty_power=faulty_power
        )
        if late:
            new = dataclasses.replace(new, recoveries=NOTHING, recovering_power=NO_POWER)
        if new != old or late:
            altered[index] = new
        faulty += faulty_power
    if late:
        deadline = dataclasses.replace(deadline, post_submissions=NOTHING)
    if not altered:
        return deadline
    for index, new in altered.items():
        partitions.set(index, new.to_wire())
    return dataclasses.replace(deadline, partitions=partitions.flush(), faulty_power=faulty)


def _corrected_queue(
    store: Blockstore, partition: PartitionV0, sectors: Sectors, size: int
) -> tuple[Cid, PowerPair, PowerPair] | None:
    """A queue without what ends twice, and its active and faulty power; None for one that was right."""
    queue = HistoricArray(store, partition.expirations_epochs)
    ended, right = partition.terminated, True
    entries: list[tuple[int, ExpirationSet]] = []
    for epoch, wire in queue.items():
        entry = ExpirationSet.from_wire(wire)
        if ((entry.early_sectors | entry.on_time_sectors) & ended).runs:
            right = False
            entry = dataclasses.replace(
                entry, early_sectors=entry.early_sectors - ended, on_time_sectors=entry.on_time_sectors - ended
            )
        ended |= entry.early_sectors | entry.on_time_sectors
        entries.append((epoch, entry))
    if right:
        return None
    active, faulty = NO_POWER, NO_POWER
    for epoch, entry in entries:
        counted = _counted(entry, sectors, partition.faults, size)
        active, faulty = active + counted.active_power, faulty + counted.faulty_power
        queue.set(epoch, counted.to_wire())
    return queue.flush(), active, faulty


def _counted(entry: ExpirationSet, sectors: Sectors, faults: Bitfield, size: int) -> ExpirationSet:
    """A set with the power and the pledge of its sectors."""
    everyone = entry.on_time_sectors | entry.early_sectors
    on_time = sectors.load(entry.on_time_sectors)
    return dataclasses.replace(
        entry,
        active_power=power_of(size, sectors.load(everyone - faults)),
        faulty_power=power_of(size, sectors.load(everyone & faults)),
        on_time_pledge=TokenAmount(sum(sector.initial_pledge for sector in on_time)),
    )


def _active_power(store: Blockstore, deadlines: Deadlines) -> PowerPair:
    power = NO_POWER
    for index in range(len(deadlines.due)):
        root = deadlines.load(store, index).partitions
        for partition in [PartitionV0.from_wire(wire) for _index, wire in HistoricArray(store, root).items()]:
            power += partition.active_power
    return power
