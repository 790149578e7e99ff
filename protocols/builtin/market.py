"""The storage market actor as far as an empty market goes: the tick that finds no deal due (specs-actors v0.9.15).

Genesis has this actor and cron calls it every epoch. Its deals come with the storage market; a tick that finds one due
is answered as not implemented.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from protocols.builtin.codes import CRON
from protocols.builtin.methods import Methods
from protocols.encoding.cid import Cid
from protocols.encoding.tuples import ChainEpoch, Record, TokenAmount, Unsigned, record
from protocols.encoding.varint import encode_varint
from protocols.ipld.amt import Amt, AmtVersion
from protocols.ipld.blockstore import Blockstore
from protocols.ipld.hamt import Hamt, HamtVersion

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime


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
        empty_map = Hamt(store, version=HamtVersion.V0).flush()
        empty_array = Amt(store, version=AmtVersion.V0).flush()
        zero = TokenAmount(0)
        return cls(
            empty_array, empty_array, empty_map, empty_map, empty_map, Unsigned(0), empty_map, ChainEpoch(-1),
            zero, zero, zero,
        )  # fmt: skip


def cron_tick(runtime: ActorRuntime, _data: bytes) -> bytes:
    """Settle the deals that are due."""
    runtime.validate_caller(CRON)

    def settle(state: MarketState) -> tuple[MarketState, None]:
        due = Hamt(runtime, state.deal_operations_by_epoch, version=HamtVersion.V0)
        for epoch in range(state.last_cron + 1, runtime.epoch + 1):
            if due.get(encode_varint(epoch)) is not None:
                raise runtime.not_implemented(f"settling deals of epoch {epoch} by the storagemarket actor")
        return dataclasses.replace(state, last_cron=ChainEpoch(runtime.epoch)), None

    runtime.transaction(MarketState, settle)
    return b""


METHODS: Methods = {9: cron_tick}
METHODS_TO_COME = frozenset(range(1, 9))
