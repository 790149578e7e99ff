"""Deals and the sectors that they are in, version 2: a miner is also told how much room its deals take.

Sources are files of specs-actors v2.3.6, ``actors/builtin/market/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.market.activation import deal_weights
from thespis.protocols.builtin.market.calls import DealWeightsV2, VerifyDealsParams
from thespis.protocols.builtin.market.state import MarketState

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def verify_deals_for_activation(runtime: ActorRuntime, params: VerifyDealsParams) -> DealWeightsV2:
    """Tell a miner what deals add to the power of a sector, and how many of its bytes they take.

    Source: ``market_actor.go``, VerifyDealsForActivation.
    """
    runtime.validate_caller_kind("storageminer")
    state = runtime.read_state(MarketState)
    return deal_weights(runtime, state, params.deal_ids, params.sector_expiry, params.sector_start)
