"""The market's books: what is in escrow, what of it is locked, and which deals it is locked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from thespis.protocols.builtin.market.deals import NEVER, DealProposal, DealState
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, unpack_state
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricArray


def market_violations(store: Blockstore, state: MarketState, balance: int) -> Iterator[str]:
    """What does not hold of the market."""
    escrow, locked = (_balances(store, root) for root in (state.escrow_table, state.locked_table))
    if sum(escrow.values()) != balance:
        yield f"{sum(escrow.values())} is in escrow, the market has {balance}"
    for key in escrow.keys() | locked.keys():
        if not 0 <= locked[key] <= escrow[key]:
            yield f"{locked[key]} of {escrow[key]} is locked for {key.hex()}"
    totals = (
        state.total_client_locked_collateral,
        state.total_client_storage_fee,
        state.total_provider_locked_collateral,
    )
    if sum(totals) != sum(locked.values()):
        yield f"the reasons sum to {sum(totals)}, {sum(locked.values())} is locked"
    yield from _deal_violations(store, state, totals)


def _deal_violations(store: Blockstore, state: MarketState, totals: tuple[int, int, int]) -> Iterator[str]:
    """Each total is what the deals that are there stand for."""
    proposals, states = _rows(store, state.proposals), _rows(store, state.states)
    pending = {entry[0] for entry in Hamt(store, state.pending_proposals, version=HamtVersion.V0).items()}
    client = fee = provider = 0
    waiting: set[bytes] = set()
    for number, wire in proposals.items():
        deal = DealProposal.from_wire(wire)
        found = DealState.from_wire(states[number]) if number in states else None
        paid_until = deal.start_epoch if found is None else max(deal.start_epoch, found.last_updated_epoch)
        client += deal.client_collateral
        fee += (deal.end_epoch - paid_until) * deal.storage_price_per_epoch
        provider += deal.provider_collateral
        if found is None or found.last_updated_epoch == NEVER:
            waiting.add(deal.cid().data)
        if number >= state.next_id:
            yield f"deal {number} is beyond the next number {state.next_id}"
    if (client, fee, provider) != totals:
        yield f"the deals stand for {client}, {fee} and {provider}; the totals are {totals}"
    if waiting != pending:
        yield f"{len(waiting)} deals wait to be settled first, {len(pending)} are pending"
    if not states.keys() <= proposals.keys():
        yield "a deal has a state and no proposal"


def _balances(store: Blockstore, root: Cid) -> Counter[bytes]:
    entries = Hamt(store, root, version=HamtVersion.V0).items()
    return Counter({entry[0]: unpack_state(TokenAmount, entry[1]) for entry in entries})


def _rows(store: Blockstore, root: Cid) -> dict[int, object]:
    return dict(HistoricArray(store, root).items())
