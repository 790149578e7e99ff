"""``Filecoin.State*`` of the storage market and the verified registry: balances, deals, allowances."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import ACTOR_NOT_FOUND, APPLICATION, NodeView, RpcError, rpc
from thespis.actors.api.state import actor_at, tree_at
from thespis.actors.chain.views import power_state
from thespis.actors.chain.world import ChainWorld
from thespis.protocols.builtin.codes import MARKET, REWARD, VERIFIED_REGISTRY
from thespis.protocols.builtin.market.deals import NEVER, DealProposal, DealState
from thespis.protocols.builtin.market.methods import collateral_min
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.market.tables import BalanceTable
from thespis.protocols.builtin.reward.state import RewardState
from thespis.protocols.builtin.states import state_of
from thespis.protocols.builtin.verifreg import VerifregState
from thespis.protocols.chain.message import TOTAL_FILECOIN
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bigint import decode_bigint
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Record
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.state_tree import StateTree

DEAL_UNKNOWN = DealState(NEVER, NEVER, NEVER)
"""A deal that is in no sector yet."""


def _singleton(node: NodeView, tree: StateTree, address: Address) -> Record:
    actor = actor_at(tree, address)
    return state_of(actor.code, node.chain.blocks.get(actor.head))


def _market(node: NodeView, tree: StateTree) -> MarketState:
    found = _singleton(node, tree, MARKET)
    assert isinstance(found, MarketState), "the market's code is a market's"
    return found


@rpc("StateMarketBalance", "read", forms.address, forms.key)
def balance(node: NodeView, address: Address, key: TipsetKey) -> Any:
    """What someone has in escrow, and what of it is locked."""
    tree = tree_at(node, key)
    market, nominal = _market(node, tree), tree.resolve(address)
    if nominal is None:
        raise RpcError(ACTOR_NOT_FOUND, f"actor not found: {address}")
    return _balance(node, market, nominal)


def _balance(node: NodeView, market: MarketState, address: Address) -> dict[str, str]:
    store = node.chain.blocks
    escrow, locked = BalanceTable(store, market.escrow_table), BalanceTable(store, market.locked_table)
    return {"Escrow": str(escrow.of(address)), "Locked": str(locked.of(address))}


@rpc("StateMarketParticipants", "read", forms.key)
def participants(node: NodeView, key: TipsetKey) -> Any:
    """Everyone who has something in escrow."""
    market = _market(node, tree_at(node, key))
    entries = Hamt(node.chain.blocks, market.escrow_table, version=HamtVersion.V0).items()
    found = [Address.parse(entry[0]) for entry in entries]
    return {str(address): _balance(node, market, address) for address in found}


@rpc("StateMarketDeals", "read", forms.key)
def deals(node: NodeView, key: TipsetKey) -> Any:
    """Every deal that is on chain, by number."""
    market = _market(node, tree_at(node, key))
    proposals, states = (HistoricArray(node.chain.blocks, root) for root in (market.proposals, market.states))
    return {str(number): _deal(wire, states.get(number)) for number, wire in proposals.items()}


@rpc("StateMarketStorageDeal", "read", forms.integer, forms.key)
def deal(node: NodeView, number: int, key: TipsetKey) -> Any:
    """One deal."""
    market, store = _market(node, tree_at(node, key)), node.chain.blocks
    wire = HistoricArray(store, market.proposals).get(number) if number >= 0 else None
    if wire is None:
        raise RpcError(
            APPLICATION, f"deal {number} not found; the next one is {market.next_id}, and ended ones are gone"
        )
    return _deal(wire, HistoricArray(store, market.states).get(number))


def _deal(proposal: Any, state: Any) -> dict[str, Any]:
    found = DEAL_UNKNOWN if state is None else DealState.from_wire(state)
    return {"Proposal": forms.record_form(DealProposal.from_wire(proposal)), "State": forms.record_form(found)}


@rpc("StateMarketProposalPending", "read", forms.cid, forms.key)
def proposal_pending(node: NodeView, proposal: Cid, key: TipsetKey) -> Any:
    """Whether a published proposal still waits to be settled first."""
    market = _market(node, tree_at(node, key))
    pending = Hamt(node.chain.blocks, market.pending_proposals, version=HamtVersion.V0)
    return pending.get(proposal.data) is not None


@rpc("StateDealProviderCollateralBounds", "read", forms.integer, forms.boolean, forms.key)
def collateral_bounds(node: NodeView, size: int, verified: bool, key: TipsetKey) -> Any:
    """What a provider has to put up for a deal of a padded size, at least and at most."""
    tipset, tree = node.tipset(key), tree_at(node, key)
    reward, power = _singleton(node, tree, REWARD), power_state(node.chain.blocks, tree)
    assert isinstance(reward, RewardState), "the reward actor's code is a reward actor's"
    least = collateral_min(
        size,
        reward.this_epoch_baseline_power,
        power.this_epoch_raw_byte_power,
        power.this_epoch_quality_adjusted_power,
        ChainWorld(node.chain, tipset).circulating_supply(tipset.height, tree),
        node.chain.genesis.profile.network_version(tipset.height + 1),
        verified=verified,
    )
    return {"Min": str(least), "Max": str(TOTAL_FILECOIN)}


@rpc("StateVerifiedRegistryRootKey", "read", forms.key)
def registry_root_key(node: NodeView, key: TipsetKey) -> Any:
    """Who may appoint verifiers."""
    return str(_registry(node, tree_at(node, key)).root_key)


@rpc("StateVerifierStatus", "read", forms.address, forms.key)
def verifier_status(node: NodeView, address: Address, key: TipsetKey) -> Any:
    """How many bytes a verifier may still give away, or null for one who is none."""
    tree = tree_at(node, key)
    return _allowance(node, tree, _registry(node, tree).verifiers, address)


@rpc("StateVerifiedClientStatus", "read", forms.address, forms.key)
def client_status(node: NodeView, address: Address, key: TipsetKey) -> Any:
    """How many bytes a client may still have in verified deals, or null for one who may have none."""
    tree = tree_at(node, key)
    return _allowance(node, tree, _registry(node, tree).verified_clients, address)


def _registry(node: NodeView, tree: StateTree) -> VerifregState:
    found = _singleton(node, tree, VERIFIED_REGISTRY)
    assert isinstance(found, VerifregState), "the registry's code is a registry's"
    return found


def _allowance(node: NodeView, tree: StateTree, table: Cid, address: Address) -> str | None:
    """In version 0 of the actors allowances stand under whatever address was given."""
    entries = Hamt(node.chain.blocks, table, version=HamtVersion.V0)
    for name in (tree.resolve(address), address):
        wire = None if name is None else entries.get(name.data)
        if wire is not None:
            return str(decode_bigint(wire))
    return None
