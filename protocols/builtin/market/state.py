"""The state of the storage market actor (specs-actors v0.9.15)."""

from __future__ import annotations

from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch, Record, TokenAmount, Unsigned, record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.historic import HistoricArray, HistoricMap


@record
class MarketState(Record):
    """Deals, balances, and what is due when; amounts in attoFIL."""

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
        """A market without deals."""
        empty_map = HistoricMap(store).flush()
        empty_array = HistoricArray(store).flush()
        zero = TokenAmount(0)
        return cls(
            empty_array, empty_array, empty_map, empty_map, empty_map, Unsigned(0), empty_map, ChainEpoch(-1),
            zero, zero, zero,
        )  # fmt: skip
