"""``Filecoin.State*``: actors, miners, calls, and where messages are."""

from __future__ import annotations

from typing import Any

from base58 import b58encode
from thespis.actors.api import forms
from thespis.actors.api.queries import key_at, query, tree_at
from thespis.actors.api.records import item_form, record_form
from thespis.actors.api.registry import APPLICATION, ReadView, RpcError, rpc
from thespis.actors.chain.world import run_tipset
from thespis.actors.msg_pool.gas import try_message
from thespis.protocols.builtin.codes import name_of
from thespis.protocols.builtin.queries import actors, power, supply
from thespis.protocols.builtin.queries.miner import miner_info
from thespis.protocols.builtin.registry import method_of
from thespis.protocols.builtin.storage_miner.state import PowerPair
from thespis.protocols.builtin.storage_miner.v2.state import MinerInfoV2
from thespis.protocols.chain.gas_outputs import gas_outputs
from thespis.protocols.chain.message import Message
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.errors import DecodeError
from thespis.protocols.networks.genesis import MINING_RESERVE
from thespis.protocols.vm.machine import Applied
from thespis.protocols.vm.state_tree import Actor

EPOCHS_AHEAD_MAX = 2880
"""A day: who mines over a tipset that is older has other things to mend."""


@rpc("StateNetworkName", "read", quick=True)
def network_name(node: ReadView) -> Any:
    """The network's name."""
    return node.chain.genesis.profile.name


@rpc("StateNetworkVersion", "read", forms.key, quick=True)
def network_version(node: ReadView, key: TipsetKey) -> Any:
    """The network version in force."""
    return node.chain.genesis.profile.network_version(node.tipset(key).height)


@query("StateGetActor", forms.address, forms.key)
def get_actor(node: ReadView, address: Address, key: TipsetKey) -> Any:
    """An actor's entry."""
    return _entry(actors.actor_at(tree_at(node, key), address))


def _entry(actor: Actor) -> dict[str, Any]:
    return {
        "Code": forms.cid_form(actor.code),
        "Head": forms.cid_form(actor.head),
        "Nonce": actor.nonce,
        "Balance": str(actor.balance),
        "DelegatedAddress": None,
    }


@query("StateReadState", forms.address, forms.key)
def read_state(node: ReadView, address: Address, key: TipsetKey) -> Any:
    """An actor's state with field names."""
    actor = actors.actor_at(tree_at(node, key), address)
    shown = record_form(actors.any_state(node.chain.blocks, actor))
    return {"Balance": str(actor.balance), "Code": forms.cid_form(actor.code), "State": shown}


@query("StateDecodeParams", forms.address, forms.integer, forms.binary, forms.key)
def decode_params(node: ReadView, address: Address, number: int, params: bytes, key: TipsetKey) -> Any:
    """A message's parameters with field names; those of a method that takes none are not looked at."""
    code = actors.actor_at(tree_at(node, key), address).code
    method = method_of(code, number)
    if method is None and number:
        raise RpcError(APPLICATION, f"the {name_of(code)} actor has no method {number}")
    if method is None or method.params is None:
        return {}
    try:
        value = method.params.decode(params, dialect=Dialect.ACTORS)
    except DecodeError as error:
        raise RpcError(APPLICATION, f"these are no parameters of method {number} of {name_of(code)}: {error}") from None
    return item_form(method.params, value)


@query("StateListActors", forms.key)
def list_actors(node: ReadView, key: TipsetKey) -> Any:
    """Every actor's id."""
    return (address for address, _ in tree_at(node, key).actors())


@query("Thespis.Actors", forms.key)
def actor_views(node: ReadView, key: TipsetKey) -> Any:
    """Every actor with its kind, for `thespis actor ls`."""
    return (
        {"Address": address, "ActorType": name_of(actor.code), **_entry(actor)}
        for address, actor in tree_at(node, key).actors()
    )


@query("StateLookupID", forms.address, forms.key)
def lookup_id(node: ReadView, address: Address, key: TipsetKey) -> Any:
    """The id of an address."""
    return actors.id_address(tree_at(node, key), address)


@query("StateAccountKey", forms.address, forms.key)
def account_key(node: ReadView, address: Address, key: TipsetKey) -> Any:
    """The key of an account."""
    return key_at(node, key, address)


@query("StateListMiners", forms.key)
def list_miners(node: ReadView, key: TipsetKey) -> Any:
    """Every miner that has a claim."""
    return list(power.miners(node.chain.blocks, tree_at(node, key)))


@query("StateMinerPower", forms.address, forms.key)
def show_miner_power(node: ReadView, address: Address, key: TipsetKey) -> Any:
    """A miner's power and the network's."""
    found = power.claimed_power(node.chain.blocks, tree_at(node, key), address)
    return {
        "MinerPower": _power(found.own),
        "TotalPower": _power(found.total),
        "HasMinPower": found.has_minimum,
    }


def _power(power: PowerPair) -> dict[str, str]:
    return {"RawBytePower": str(power.raw), "QualityAdjPower": str(power.adjusted)}


@query("StateMinerInfo", forms.address, forms.key)
def show_miner_info(node: ReadView, address: Address, key: TipsetKey) -> Any:
    """Who stands behind a miner; fields of later network versions are empty."""
    info = miner_info(node.chain.blocks, tree_at(node, key), address)
    pending = info.pending_worker_key
    proposed = info.pending_owner_address if isinstance(info, MinerInfoV2) else None
    return {
        "Owner": info.owner,
        "Worker": info.worker,
        "NewWorker": pending.new_worker if pending else "<empty>",
        "ControlAddresses": list(info.control_addresses),
        "WorkerChangeEpoch": pending.effective_at if pending else -1,
        "PeerId": b58encode(info.peer_id).decode() if info.peer_id else None,
        "Multiaddrs": [forms.bytes_form(each) for each in info.multiaddrs],
        "WindowPoStProofType": info.seal_proof_type,
        "SectorSize": info.sector_size,
        "WindowPoStPartitionSectors": info.window_post_partition_sectors,
        "ConsensusFaultElapsed": info.consensus_fault_elapsed if isinstance(info, MinerInfoV2) else -1,
        "PendingOwnerAddress": proposed,
        "Beneficiary": info.owner,
        "BeneficiaryTerm": {"Quota": "0", "UsedQuota": "0", "Expiration": 0},
        "PendingBeneficiaryTerm": None,
    }


@query("StateCirculatingSupply", forms.key)
def circulating_supply(node: ReadView, key: TipsetKey) -> Any:
    """Everything that is neither in the mining reserve nor burnt nor locked by miners."""
    return str(supply.circulating_supply(node.chain.blocks, tree_at(node, key)))


@query("Thespis.Supply", forms.key)
def show_supply(node: ReadView, key: TipsetKey) -> Any:
    """The sum of all balances, which no message changes, and what of it was mined and burnt."""
    found = supply.supply(tree_at(node, key))
    return {
        "Total": str(found.total),
        "Mined": str(MINING_RESERVE - found.to_be_mined),
        "Burnt": str(found.burnt),
    }


# -- calls and messages --------------------------------------------------------------------------------------


@rpc("StateCall", "read", forms.message, forms.key)
def call(node: ReadView, message: Message, key: TipsetKey) -> Any:
    """What a message would do, without doing it."""
    tipset = node.tipset(key)
    return _invocation(message.cid(), message, try_message(node.chain, tipset, message), _gas_cost(None, message, 0, 0))


@rpc("StateReplay", "read", forms.key, forms.cid)
def replay(node: ReadView, key: TipsetKey, cid: Cid) -> Any:
    """What a message on chain did, found by executing its tipset anew; without a key it is searched for."""
    height = node.chain.index.message_height(cid)
    at = key or (None if height is None else node.chain.index.at_height(height))
    if at is None:
        raise RpcError(APPLICATION, f"message {cid} is not on the heaviest chain; name the tipset that has it")
    tipset = node.chain.tipset(at)
    executed, _written = run_tipset(node.chain, tipset)
    for (found, message), applied in zip(node.chain.applied_messages(tipset), executed.applied, strict=True):
        if found == cid:
            cost = _gas_cost(cid, message, applied.receipt.gas_used, tipset.blocks[0].parent_base_fee)
            return _invocation(cid, message, applied, cost)
    raise RpcError(APPLICATION, f"the tipset at height {tipset.height} does not have message {cid}")


def _gas_cost(cid: Cid | None, message: Message, used: int, base_fee: int) -> dict[str, Any]:
    """What a message paid for gas; nothing for one that was only tried, or that was refused.

    Source: Lotus v1.36.0 ``chain/stmgr/utils.go``, MakeMsgGasCost.
    """
    limit = message.gas_limit if used else 0
    cap, premium = message.gas_fee_cap, message.gas_premium
    outputs = gas_outputs(used, limit, base_fee, cap, premium, charge_network_fee=True)
    return {
        "Message": cid and forms.cid_form(cid),
        "GasUsed": str(used),
        "BaseFeeBurn": str(outputs.base_fee_burn),
        "OverEstimationBurn": str(outputs.overestimation_burn),
        "MinerPenalty": str(outputs.miner_penalty),
        "MinerTip": str(outputs.miner_tip),
        "Refund": str(outputs.refund),
        "TotalCost": str(limit * cap - outputs.refund),
    }


def _invocation(cid: Cid, message: Message, applied: Applied, cost: dict[str, Any]) -> dict[str, Any]:
    """Calls within a message are not recorded, so there is no trace of them."""
    return {
        "MsgCid": forms.cid_form(cid),
        "Msg": forms.message_form(message, cid),
        "MsgRct": forms.receipt_form(applied.receipt),
        "GasCost": cost,
        "ExecutionTrace": None,
        "Error": applied.reason or "; ".join(applied.crashes),
        "Duration": 0,
    }


@rpc("MinerGetBaseInfo", "read", forms.address, forms.integer, forms.key)
def mining_base_info(node: ReadView, miner: Address, height: int, key: TipsetKey) -> Any:
    """What a miner needs to know to try an epoch; each epoch between adds a beacon entry, so there is a bound."""
    parent = node.tipset(key)
    last = parent.height + EPOCHS_AHEAD_MAX
    if not 0 <= height <= last:
        raise RpcError(APPLICATION, f"epoch {height} over a tipset of height {parent.height}; ask for 0 to {last}")
    context = node.chain.epoch_context(parent, height, miner)
    entries = context.beacon_entries_due()
    info = miner_info(node.chain.blocks, node.chain.lookback_state(parent, height), miner)
    return {
        "MinerPower": str(context.miner_power),
        "NetworkPower": str(context.total_power),
        "Sectors": [],
        "WorkerKey": context.worker,
        "SectorSize": info.sector_size,
        "PrevBeaconEntry": forms.beacon_form(context.previous_beacon),
        "BeaconEntries": [forms.beacon_form(entry) for entry in entries],
        "EligibleForMining": context.eligible,
    }
