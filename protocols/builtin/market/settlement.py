"""CronTick: deals are paid for, slashed and ended.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/market/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import BURNT_FUNDS, CRON, VERIFIED_REGISTRY
from thespis.protocols.builtin.market.deals import NEVER, DealProposal
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.market.tables import MarketTables
from thespis.protocols.builtin.methods import RESTORE_BYTES, SEND
from thespis.protocols.builtin.verifreg import Allowance
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch
from thespis.protocols.encoding.varint import encode_varint

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def cron_tick(runtime: ActorRuntime) -> None:
    """Settle the deals that are due: pay for the days that passed, slash lost ones, and forget those that are over.

    A deal that came into no sector by its start costs the provider its collateral; its client's allowance is given
    back. Deals that go on are looked at again after the interval; ones that fall due at one epoch are noted together,
    in the order in which they were settled.

    Source: ``market_actor.go``, CronTick; ``market_state.go``, updatePendingDealState, processDealInitTimedOut.
    """
    runtime.validate_caller(CRON)
    slashed = 0
    timed_out: list[DealProposal] = []

    def settle(state: MarketState) -> tuple[MarketState, None]:
        nonlocal slashed
        tables = MarketTables(runtime, state, write="states locked escrow by_epoch proposals pending")
        later: dict[int, list[int]] = {}
        for epoch in range(state.last_cron + 1, runtime.epoch + 1):
            for number in tables.by_epoch.members(epoch, runtime):
                deal = tables.proposal(number)
                found = tables.find_state(number)
                if found is None:
                    runtime.check(runtime.epoch >= deal.start_epoch, "a deal times out before it begins")
                    slashed += tables.time_out(deal)
                    if deal.verified_deal:
                        timed_out.append(deal)
                    tables.forget(number, deal.cid(), with_state=False, pending=True)
                    continue
                if found.last_updated_epoch == NEVER:
                    tables.unpend(deal.cid())
                amount, over = tables.settle(deal, found, runtime.epoch)
                if over:
                    slashed += amount
                    tables.forget(number, deal.cid(), with_state=True, pending=False)
                    continue
                runtime.check(deal.start_epoch <= runtime.epoch, "a deal is settled before it begins")
                updated = dataclasses.replace(found, last_updated_epoch=ChainEpoch(runtime.epoch))
                tables.states.set(number, updated.to_wire())
                later.setdefault(runtime.epoch + runtime.policy.deal_updates_interval, []).append(number)
            tables.by_epoch.delete(encode_varint(epoch))
        for epoch, numbers in sorted(later.items()):
            tables.by_epoch.put_many(epoch, numbers, runtime)
        return tables.closed(last_cron=ChainEpoch(runtime.epoch)), None

    runtime.transaction(MarketState, settle)
    for deal in timed_out:
        asked = Allowance(deal.client, BigInteger(deal.piece_size)).encode()
        runtime.send(VERIFIED_REGISTRY, RESTORE_BYTES, asked, 0)
    if slashed:
        code, _ = runtime.send(BURNT_FUNDS, SEND, b"", slashed)
        runtime.require_success(code, "what was slashed could not be burnt")
