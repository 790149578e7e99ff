"""The storage market: balances, deals, and what a provider must put up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from thespis.protocols.builtin.codes import MARKET, REWARD
from thespis.protocols.builtin.market.deals import NEVER, DealProposal, DealState
from thespis.protocols.builtin.market.publication import collateral_min
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.market.tables import BalanceTable
from thespis.protocols.builtin.queries.actors import id_address, state_at
from thespis.protocols.builtin.queries.errors import DealNotFoundError
from thespis.protocols.builtin.queries.power import power_state
from thespis.protocols.builtin.reward.state import RewardState
from thespis.protocols.chain.message import TOTAL_FILECOIN
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.state_tree import StateTree

IN_NO_SECTOR = DealState(NEVER, NEVER, NEVER)
"""The state of a deal that was published and is in no sector yet; the chain keeps none for it."""


@dataclass(frozen=True, slots=True)
class MarketBalance:
    """What somebody has in escrow, and what of that is locked for deals; attoFIL."""

    escrow: int
    locked: int


@dataclass(frozen=True, slots=True)
class Deal:
    """A published deal: what was agreed, and what became of it."""

    proposal: DealProposal
    state: DealState


@dataclass(frozen=True, slots=True)
class CollateralBounds:
    """The least and the most that a provider may put up for a deal; attoFIL."""

    least: int
    most: int


def market_state(store: Blockstore, tree: StateTree) -> MarketState:
    """The market actor's state; raises ActorNotFoundError for a state without that actor."""
    found = state_at(store, tree, MARKET)
    assert isinstance(found, MarketState), "the market's code is a market's"
    return found


def market_balance(store: Blockstore, tree: StateTree, address: Address) -> MarketBalance:
    """The balance of a client or provider, nothing for who never put in any; raises ActorNotFoundError."""
    market = market_state(store, tree)
    return _balance(store, market, id_address(tree, address))


def market_balances(store: Blockstore, tree: StateTree) -> dict[Address, MarketBalance]:
    """The balances of all who have something in escrow."""
    market = market_state(store, tree)
    entries = Hamt(store, market.escrow_table, version=HamtVersion.V0).items()
    found = [Address.parse(entry[0]) for entry in entries]
    return {address: _balance(store, market, address) for address in found}


def _balance(store: Blockstore, market: MarketState, address: Address) -> MarketBalance:
    escrow, locked = BalanceTable(store, market.escrow_table), BalanceTable(store, market.locked_table)
    return MarketBalance(escrow.of(address), locked.of(address))


def deals(store: Blockstore, tree: StateTree) -> Iterator[tuple[int, Deal]]:
    """Every deal that is on chain with its number; those that are over are gone."""
    market = market_state(store, tree)
    states = HistoricArray(store, market.states)
    for number, wire in HistoricArray(store, market.proposals).items():
        yield number, Deal(DealProposal.from_wire(wire), _state(states, number))


def deal(store: Blockstore, tree: StateTree, number: int) -> Deal:
    """One deal; raises DealNotFoundError."""
    market = market_state(store, tree)
    wire = HistoricArray(store, market.proposals).get(number) if number >= 0 else None
    if wire is None:
        raise DealNotFoundError(f"deal {number} not found; the next one is {market.next_id}, and ended ones are gone")
    return Deal(DealProposal.from_wire(wire), _state(HistoricArray(store, market.states), number))


def _state(states: HistoricArray, number: int) -> DealState:
    wire = states.get(number)
    return IN_NO_SECTOR if wire is None else DealState.from_wire(wire)


def is_pending(store: Blockstore, tree: StateTree, proposal: Cid) -> bool:
    """Whether a published proposal was not settled for the first time yet, so that the same may not be published."""
    pending = Hamt(store, market_state(store, tree).pending_proposals, version=HamtVersion.V0)
    return pending.get(proposal.data) is not None


def collateral_bounds(
    store: Blockstore, tree: StateTree, size: int, supply: int, network_version: int, *, verified: bool
) -> CollateralBounds:
    """What a provider has to put up for a deal of a padded size in bytes, with a circulating supply in attoFIL."""
    reward, power = state_at(store, tree, REWARD), power_state(store, tree)
    assert isinstance(reward, RewardState), "the reward actor's code is a reward actor's"
    least = collateral_min(
        size,
        reward.this_epoch_baseline_power,
        power.this_epoch_raw_byte_power,
        power.this_epoch_quality_adjusted_power,
        supply,
        network_version,
        verified=verified,
    )
    return CollateralBounds(least, TOTAL_FILECOIN)
