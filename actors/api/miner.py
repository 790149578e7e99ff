"""``Filecoin.State*`` of a miner's sectors: which there are, when they are due, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import APPLICATION, NodeView, RpcError, rpc
from thespis.actors.chain.views import miner_state
from thespis.protocols.builtin.storage_miner.layouts import layout_for
from thespis.protocols.builtin.storage_miner.partition import Partition
from thespis.protocols.builtin.storage_miner.periods import UNQUANTIZED, current_deadline
from thespis.protocols.builtin.storage_miner.queues import BitfieldQueue, ExpirationSet, merged
from thespis.protocols.builtin.storage_miner.sectors import Sectors, find_pre_committed
from thespis.protocols.builtin.storage_miner.state import AnyMiner, SectorOnChainInfo
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.ipld.blockstore import Blockstore, Overlay, load
from thespis.protocols.ipld.historic import HistoricArray


def _miner(node: NodeView, miner: Address, key: TipsetKey) -> tuple[AnyMiner, int]:
    """The miner's state after a tipset, and its balance."""
    actor, state = miner_state(node.chain.blocks, node.chain.state_after(node.tipset(key)), miner)
    return state, actor.balance


def _partitions(store: Blockstore, state: AnyMiner) -> Iterator[tuple[int, int, Partition]]:
    """Every partition with its deadline and its place there."""
    kind = layout_for(state).partition
    deadlines = state.load_deadlines(store)
    for index in range(len(deadlines.due)):
        for number, wire in HistoricArray(store, deadlines.load(store, index).partitions).items():
            yield index, number, kind.from_wire(wire)


def _numbers(store: Blockstore, state: AnyMiner, field: str) -> Bitfield:
    return merged(getattr(partition, field) for _deadline, _place, partition in _partitions(store, state))


def _place(store: Blockstore, state: AnyMiner, number: int) -> tuple[int, int, Partition]:
    for index, place, partition in _partitions(store, state):
        if number in partition.sectors:
            return index, place, partition
    raise RpcError(APPLICATION, f"sector {number} is in no partition; genesis' own sectors never are")


def _sector(store: Blockstore, state: AnyMiner, number: int) -> SectorOnChainInfo:
    found = Sectors(store, state).find(number)
    if found is None:
        raise RpcError(APPLICATION, f"sector {number} is not proven")
    return found


@rpc("StateMinerSectors", "read", forms.address, forms.optional_bitfield, forms.key)
def sectors(node: NodeView, miner: Address, wanted: Bitfield | None, key: TipsetKey) -> Any:
    """A miner's proven sectors, or of them those that are asked for."""
    state, _ = _miner(node, miner, key)
    found = state.load_sectors(node.chain.blocks)
    return [forms.record_form(each) for each in found if wanted is None or each.number in wanted]


@rpc("StateMinerActiveSectors", "read", forms.address, forms.key)
def active_sectors(node: NodeView, miner: Address, key: TipsetKey) -> Any:
    """Those that have power."""
    store, (state, _) = node.chain.blocks, _miner(node, miner, key)
    active = _numbers(store, state, "active_sectors")
    return [forms.record_form(each) for each in state.load_sectors(store) if each.number in active]


@rpc("StateMinerSectorCount", "read", forms.address, forms.key)
def sector_count(node: NodeView, miner: Address, key: TipsetKey) -> Any:
    """How many are live, have power, and are faulty."""
    store, (state, _) = node.chain.blocks, _miner(node, miner, key)
    found = [partition for _deadline, _number, partition in _partitions(store, state)]
    return {
        "Live": sum(len(each.live_sectors) for each in found),
        "Active": sum(len(each.active_sectors) for each in found),
        "Faulty": sum(len(each.faults) for each in found),
    }


@rpc("StateMinerDeadlines", "read", forms.address, forms.key)
def deadlines(node: NodeView, miner: Address, key: TipsetKey) -> Any:
    """What was proven at each deadline of the period; disputes and daily fees came with later actors."""
    store, (state, _) = node.chain.blocks, _miner(node, miner, key)
    found = state.load_deadlines(store)
    return [
        {
            "PostSubmissions": found.load(store, index).post_submissions.run_lengths(),
            "DisputableProofCount": 0,
            "DailyFee": "0",
        }
        for index in range(len(found.due))
    ]


@rpc("StateMinerPartitions", "read", forms.address, forms.integer, forms.key)
def partitions(node: NodeView, miner: Address, index: int, key: TipsetKey) -> Any:
    """A deadline's partitions, by what became of their sectors."""
    store, (state, _) = node.chain.blocks, _miner(node, miner, key)
    count = len(state.load_deadlines(store).due)
    if not 0 <= index < count:
        raise RpcError(APPLICATION, f"deadline {index}; they run from 0 to {count - 1}")
    return [
        {
            "AllSectors": partition.sectors.run_lengths(),
            "FaultySectors": partition.faults.run_lengths(),
            "RecoveringSectors": partition.recoveries.run_lengths(),
            "LiveSectors": partition.live_sectors.run_lengths(),
            "ActiveSectors": partition.active_sectors.run_lengths(),
        }
        for deadline, _number, partition in _partitions(store, state)
        if deadline == index
    ]


@rpc("StateMinerProvingDeadline", "read", forms.address, forms.key)
def proving_deadline(node: NodeView, miner: Address, key: TipsetKey) -> Any:
    """The deadline that a miner is at."""
    state, _ = _miner(node, miner, key)
    policy = node.chain.genesis.profile.policy
    now = current_deadline(policy, state, node.tipset(key).height)
    return {
        "CurrentEpoch": now.epoch,
        "PeriodStart": now.period_start,
        "Index": now.index,
        "Open": now.open,
        "Close": now.close,
        "Challenge": now.challenge,
        "FaultCutoff": now.open - policy.fault_declaration_cutoff,
        "WPoStPeriodDeadlines": policy.deadlines,
        "WPoStProvingPeriod": policy.proving_period,
        "WPoStChallengeWindow": policy.challenge_window,
        "WPoStChallengeLookback": policy.challenge_lookback,
        "FaultDeclarationCutoff": policy.fault_declaration_cutoff,
    }


@rpc("StateMinerFaults", "read", forms.address, forms.key)
def faults(node: NodeView, miner: Address, key: TipsetKey) -> Any:
    """The faulty sectors."""
    return _numbers(node.chain.blocks, _miner(node, miner, key)[0], "faults").run_lengths()


@rpc("StateMinerRecoveries", "read", forms.address, forms.key)
def recoveries(node: NodeView, miner: Address, key: TipsetKey) -> Any:
    """The faulty sectors that were declared recovered."""
    return _numbers(node.chain.blocks, _miner(node, miner, key)[0], "recoveries").run_lengths()


@rpc("StateMinerAvailableBalance", "read", forms.address, forms.key)
def available_balance(node: NodeView, miner: Address, key: TipsetKey) -> Any:
    """What the owner could withdraw: neither locked nor deposited, pledged or owed; what has vested counts."""
    state, balance = _miner(node, miner, key)
    state, _freed = state.unlock_vested(Overlay(node.chain.blocks), node.tipset(key).height)
    return str(state.available_balance(balance))


@rpc("StateMinerSectorAllocated", "read", forms.address, forms.integer, forms.key)
def sector_allocated(node: NodeView, miner: Address, number: int, key: TipsetKey) -> Any:
    """Whether a sector number was used."""
    state, _ = _miner(node, miner, key)
    return number in Bitfield.decode(load(node.chain.blocks, state.allocated_sectors))


@rpc("StateSectorGetInfo", "read", forms.address, forms.integer, forms.key)
def sector_info(node: NodeView, miner: Address, number: int, key: TipsetKey) -> Any:
    """A proven sector, or null."""
    found = Sectors(node.chain.blocks, _miner(node, miner, key)[0]).find(number)
    return None if found is None else forms.record_form(found)


@rpc("StateSectorPreCommitInfo", "read", forms.address, forms.integer, forms.key)
def sector_pre_commit(node: NodeView, miner: Address, number: int, key: TipsetKey) -> Any:
    """What was committed to under a number and is not proven yet, or null."""
    state, _ = _miner(node, miner, key)
    found = find_pre_committed(node.chain.blocks, state, number)
    return None if found is None else forms.record_form(found)


@rpc("StateSectorExpiration", "read", forms.address, forms.integer, forms.key)
def sector_expiration(node: NodeView, miner: Address, number: int, key: TipsetKey) -> Any:
    """When a sector's queue lets it end: on time, or early since it is faulty; zero where it does not."""
    store, (state, _) = node.chain.blocks, _miner(node, miner, key)
    _deadline, _number, partition = _place(store, state, number)
    found = {"OnTime": 0, "Early": 0}
    for epoch, wire in HistoricArray(store, partition.expirations_epochs).items():
        entry = ExpirationSet.from_wire(wire)
        if number in entry.on_time_sectors:
            found["OnTime"] = epoch
        if number in entry.early_sectors:
            found["Early"] = epoch
    for epoch, numbers in BitfieldQueue(store, partition.early_terminated, UNQUANTIZED).entries():
        if number in numbers:
            found["Early"] = epoch
    return found


@rpc("StateSectorPartition", "read", forms.address, forms.integer, forms.key)
def sector_partition(node: NodeView, miner: Address, number: int, key: TipsetKey) -> Any:
    """Where a sector is due."""
    store, (state, _) = node.chain.blocks, _miner(node, miner, key)
    _sector(store, state, number)
    index, place, _partition = _place(store, state, number)
    return {"Deadline": index, "Partition": place}
