"""The storage market actor, version 2: a miner is also told how much room its deals take (specs-actors v2.3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.market import methods as version_0
from thespis.protocols.builtin.market.calls import DealWeightsV2, VerifyDealsParams
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.methods import Methods, method

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def verify_deals_for_activation(runtime: ActorRuntime, params: VerifyDealsParams) -> DealWeightsV2:
    """Tell a miner what deals add to the power of a sector, and how much of it they take."""
    runtime.validate_caller_kind("storageminer")
    state = runtime.read_state(MarketState)
    return version_0.deal_weights(runtime, state, params.deal_ids, params.sector_expiry, params.sector_start)


METHODS: Methods = version_0.METHODS | {5: method(verify_deals_for_activation, VerifyDealsParams, DealWeightsV2)}
