"""The state of the storage market actor.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/market/``.
"""

from __future__ import annotations

from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch, StateRecord, TokenAmount, Unsigned, record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.historic import HistoricArray, HistoricMap


@record
class MarketState(StateRecord):
    """Deals, balances, and what is due when; amounts in attoFIL.

    `pending_proposals` are those that were published and not settled yet, by their CIDs, so that none is published
    twice.

    Source: ``market_state.go``, State.
    """

    proposals: Cid
    states: Cid
    pending_proposals: Cid
    escrow_table: Cid
    locked_table: Cid
    next_id: Unsigned
    deal_operations_by_epoch: Cid
    last_cron: ChainEpoch
    total_client_locked_collateral: TokenAmount
    total_provider_locked_collateral: TokenAmount
    total_client_storage_fee: TokenAmount

    @classmethod
    def initial(cls, store: Blockstore) -> MarketState:
        """A market without deals and balances.

        Source: ``market_state.go``, ConstructState.
        """
        empty_map = HistoricMap(store).flush()
        empty_array = HistoricArray(store).flush()
        zero = TokenAmount(0)
        return cls(
            empty_array, empty_array, empty_map, empty_map, empty_map, Unsigned(0), empty_map, ChainEpoch(-1),
            zero, zero, zero,
        )  # fmt: skip
