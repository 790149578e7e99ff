"""``Filecoin.State*`` of the storage market and the verified registry: balances, deals, allowances."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.queries import query, tree_at
from thespis.actors.api.records import record_form
from thespis.actors.api.registry import Entries, ReadView
from thespis.actors.chain.world import ChainWorld
from thespis.protocols.builtin.queries import market as queries
from thespis.protocols.builtin.queries import verified_registry
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid


@query("StateMarketBalance", forms.address, forms.key)
def balance(node: ReadView, address: Address, key: TipsetKey) -> Any:
    """What someone has in escrow, and what of it is locked."""
    return _balance(queries.market_balance(node.chain.blocks, tree_at(node, key), address))


def _balance(found: queries.MarketBalance) -> dict[str, str]:
    return {"Escrow": str(found.escrow), "Locked": str(found.locked)}


@query("StateMarketParticipants", forms.key)
def participants(node: ReadView, key: TipsetKey) -> Any:
    """Everyone who has something in escrow."""
    found = queries.market_balances(node.chain.blocks, tree_at(node, key))
    return {address.text(node.address_network): _balance(each) for address, each in found.items()}


@query("StateMarketDeals", forms.key)
def deals(node: ReadView, key: TipsetKey) -> Any:
    """Every deal that is on chain, by number."""
    found = queries.deals(node.chain.blocks, tree_at(node, key))
    return Entries((str(number), _deal(each)) for number, each in found)


@query("StateMarketStorageDeal", forms.integer, forms.key)
def deal(node: ReadView, number: int, key: TipsetKey) -> Any:
    """One deal."""
    return _deal(queries.deal(node.chain.blocks, tree_at(node, key), number))


def _deal(found: queries.Deal) -> dict[str, Any]:
    """Lotus says of these versions' deals, which do not know their sector, that it is 0."""
    return {"Proposal": record_form(found.proposal), "State": {"SectorNumber": 0, **record_form(found.state)}}


@query("StateMarketProposalPending", forms.cid, forms.key)
def proposal_pending(node: ReadView, proposal: Cid, key: TipsetKey) -> Any:
    """Whether a published proposal still waits to be settled first."""
    return queries.is_pending(node.chain.blocks, tree_at(node, key), proposal)


@query("StateDealProviderCollateralBounds", forms.integer, forms.boolean, forms.key)
def collateral_bounds(node: ReadView, size: int, verified: bool, key: TipsetKey) -> Any:
    """What a provider has to put up for a deal of a padded size, at least and at most."""
    tipset, tree = node.tipset(key), tree_at(node, key)
    supply = ChainWorld(node.chain, tipset).circulating_supply(tipset.height, tree)
    version = node.chain.genesis.profile.network_version(tipset.height + 1)
    found = queries.collateral_bounds(node.chain.blocks, tree, size, supply, version, verified=verified)
    return {"Min": str(found.least), "Max": str(found.most)}


@query("StateVerifiedRegistryRootKey", forms.key)
def registry_root_key(node: ReadView, key: TipsetKey) -> Any:
    """Who may appoint verifiers."""
    return verified_registry.root_key(node.chain.blocks, tree_at(node, key))


@query("StateVerifierStatus", forms.address, forms.key)
def verifier_status(node: ReadView, address: Address, key: TipsetKey) -> Any:
    """How many bytes a verifier may still give away, or null for one who is none."""
    return _bytes(verified_registry.verifier_allowance(node.chain.blocks, tree_at(node, key), address))


@query("StateVerifiedClientStatus", forms.address, forms.key)
def client_status(node: ReadView, address: Address, key: TipsetKey) -> Any:
    """How many bytes a client may still have in verified deals, or null for one who may have none."""
    return _bytes(verified_registry.client_allowance(node.chain.blocks, tree_at(node, key), address))


def _bytes(allowance: int | None) -> str | None:
    return None if allowance is None else str(allowance)
