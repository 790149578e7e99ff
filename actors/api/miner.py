"""``Filecoin.State*`` of a miner's sectors: which there are, when they are due, and what became of them."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.queries import query, tree_at
from thespis.actors.api.records import record_form
from thespis.actors.api.registry import APPLICATION, V0, ReadView, RpcError
from thespis.protocols.builtin.policy import PERIOD_DEADLINES
from thespis.protocols.builtin.queries import miner as queries
from thespis.protocols.builtin.storage_miner.periods import current_deadline
from thespis.protocols.builtin.storage_miner.sectors import Sectors, find_pre_committed
from thespis.protocols.builtin.storage_miner.state import AnyMiner, SectorOnChainInfo
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.ipld.blockstore import Blockstore


def _miner(node: ReadView, miner: Address, key: TipsetKey) -> tuple[Blockstore, AnyMiner]:
    """The store and in it a miner's state after a tipset, as queries take them."""
    return node.chain.blocks, queries.miner_state(node.chain.blocks, tree_at(node, key), miner)[1]


@query("StateMinerSectors", forms.address, forms.optional_bitfield, forms.key)
def sectors(node: ReadView, miner: Address, wanted: Bitfield | None, key: TipsetKey) -> Any:
    """A miner's proven sectors, or of them those that are asked for."""
    store, state = _miner(node, miner, key)
    return (_sector(each) for each in state.load_sectors(store) if wanted is None or each.number in wanted)


def _sector(sector: SectorOnChainInfo) -> dict[str, Any]:
    """A sector with the fields that it got with later versions of the actors, as Lotus fills them in for these."""
    later = {"PowerBaseEpoch": 0, "ReplacedDayReward": "0", "SectorKeyCID": None, "Flags": 0, "DailyFee": "0"}
    return {**later, **record_form(sector)}


@query("StateMinerActiveSectors", forms.address, forms.key)
def active_sectors(node: ReadView, miner: Address, key: TipsetKey) -> Any:
    """Those that have power."""
    return (_sector(each) for each in queries.active_sectors(*_miner(node, miner, key)))


@query("StateMinerSectorCount", forms.address, forms.key)
def sector_count(node: ReadView, miner: Address, key: TipsetKey) -> Any:
    """How many are live, have power, and are faulty."""
    found = queries.sector_counts(*_miner(node, miner, key))
    return {"Live": found.live, "Active": found.active, "Faulty": found.faulty}


@query("StateMinerDeadlines", forms.address, forms.key)
def deadlines(node: ReadView, miner: Address, key: TipsetKey) -> Any:
    """What was proven at each deadline of the period; disputes and daily fees came with later actors."""
    return [
        {"PostSubmissions": forms.bitfield_form(proven), "DisputableProofCount": 0, "DailyFee": "0"}
        for proven in queries.submissions(*_miner(node, miner, key))
    ]


@query("StateMinerPartitions", forms.address, forms.integer, forms.key)
def partitions(node: ReadView, miner: Address, index: int, key: TipsetKey) -> Any:
    """A deadline's partitions, by what became of their sectors."""
    return [
        {
            "AllSectors": forms.bitfield_form(place.partition.sectors),
            "FaultySectors": forms.bitfield_form(place.partition.faults),
            "RecoveringSectors": forms.bitfield_form(place.partition.recoveries),
            "LiveSectors": forms.bitfield_form(place.partition.live_sectors),
            "ActiveSectors": forms.bitfield_form(place.partition.active_sectors),
        }
        for place in queries.places_of(*_miner(node, miner, key), index)
    ]


@query("StateMinerProvingDeadline", forms.address, forms.key)
def proving_deadline(node: ReadView, miner: Address, key: TipsetKey) -> Any:
    """The deadline that a miner is at."""
    policy = node.chain.genesis.profile.policy
    now = current_deadline(policy, _miner(node, miner, key)[1], node.tipset(key).height)
    return {
        "CurrentEpoch": now.epoch,
        "PeriodStart": now.period_start,
        "Index": now.index,
        "Open": now.open,
        "Close": now.close,
        "Challenge": now.challenge,
        "FaultCutoff": now.fault_cutoff,
        "WPoStPeriodDeadlines": PERIOD_DEADLINES,
        "WPoStProvingPeriod": policy.proving_period,
        "WPoStChallengeWindow": policy.challenge_window,
        "WPoStChallengeLookback": policy.challenge_lookback,
        "FaultDeclarationCutoff": policy.fault_declaration_cutoff,
    }


@query("StateMinerFaults", forms.address, forms.key)
def faults(node: ReadView, miner: Address, key: TipsetKey) -> Any:
    """The faulty sectors."""
    return forms.bitfield_form(queries.faults(*_miner(node, miner, key)))


@query("StateMinerRecoveries", forms.address, forms.key)
def recoveries(node: ReadView, miner: Address, key: TipsetKey) -> Any:
    """The faulty sectors that were declared recovered."""
    return forms.bitfield_form(queries.recoveries(*_miner(node, miner, key)))


@query("StateMinerAvailableBalance", forms.address, forms.key)
def available_balance(node: ReadView, miner: Address, key: TipsetKey) -> Any:
    """What the owner could withdraw: neither locked nor deposited, pledged or owed; what has vested counts."""
    store, tipset = node.chain.blocks, node.tipset(key)
    actor, state = queries.miner_state(store, tree_at(node, key), miner)
    return str(queries.available_balance(store, state, actor.balance, tipset.height))


@query("StateMinerSectorAllocated", forms.address, forms.integer, forms.key)
def sector_allocated(node: ReadView, miner: Address, number: int, key: TipsetKey) -> Any:
    """Whether a sector number was used."""
    return queries.is_allocated(*_miner(node, miner, key), number)


@query("StateSectorGetInfo", forms.address, forms.integer, forms.key)
def sector_info(node: ReadView, miner: Address, number: int, key: TipsetKey) -> Any:
    """A proven sector, or null."""
    found = Sectors(*_miner(node, miner, key)).find(number)
    return None if found is None else _sector(found)


@query("StateSectorPreCommitInfo", forms.address, forms.integer, forms.key)
def sector_pre_commit(node: ReadView, miner: Address, number: int, key: TipsetKey) -> Any:
    """What was committed to under a number and is not proven yet; where nothing was, null, and an error in v0."""
    found = find_pre_committed(*_miner(node, miner, key), number)
    if found is None and node.path == V0:
        raise RpcError(APPLICATION, f"sector {number} of {miner} is not pre-committed")
    if found is None:
        return None
    form = record_form(found)
    return {**form, "Info": {**form["Info"], "UnsealedCid": None}}


@query("StateSectorExpiration", forms.address, forms.integer, forms.key)
def sector_expiration(node: ReadView, miner: Address, number: int, key: TipsetKey) -> Any:
    """When a sector's queue lets it expire: on time, or early since it is faulty; zero where it does not."""
    found = queries.sector_expiration(*_miner(node, miner, key), number)
    return {"OnTime": found.on_time or 0, "Early": found.early or 0}


@query("StateSectorPartition", forms.address, forms.integer, forms.key)
def sector_partition(node: ReadView, miner: Address, number: int, key: TipsetKey) -> Any:
    """Where a sector is due."""
    store, state = _miner(node, miner, key)
    queries.sector(store, state, number)
    place = queries.place_of(store, state, number)
    return {"Deadline": place.deadline, "Partition": place.index}
