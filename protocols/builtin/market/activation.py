"""Deals and the sectors that they are in: what they add to a sector, when they begin, and when they lose it.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/market/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.market.calls import (
    ActivateDealsParams,
    ComputeDataCommitmentParams,
    DealWeights,
    DealWeightsV2,
    VerifyDealsParams,
)
from thespis.protocols.builtin.market.deals import NEVER, DealState
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.market.tables import MarketTables
from thespis.protocols.builtin.storage_miner.calls import SectorsTerminateParams
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Unsigned
from thespis.protocols.vm.exit_codes import ExitCode, StateFault

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def deal_weights(
    runtime: ActorRuntime, state: MarketState, deals: tuple[Unsigned, ...], expiry: int, start: int
) -> DealWeightsV2:
    """Byte-epochs and bytes of deals that the calling miner may put into a sector; aborts for any that it may not.

    A deal must begin no sooner than the sector and end no later. From version 2 on none may be named twice, which gave
    power twice.

    Source: ``market_actor.go``, ValidateDealsForActivation, validateDealCanActivate.
    """
    tables = MarketTables(runtime, state, write="", read="proposals")
    weights, space = {False: 0, True: 0}, 0
    seen: set[Unsigned] = set()
    for number in deals:
        if runtime.actors_version and number in seen:
            raise StateFault(f"deal {number} is named twice", ExitCode.ILLEGAL_ARGUMENT)
        seen.add(number)
        deal = tables.proposal(number)
        if deal.provider != runtime.caller:
            raise StateFault(f"deal {number} is of {deal.provider}", ExitCode.FORBIDDEN)
        if start > deal.start_epoch:
            raise StateFault(f"deal {number} had to begin at {deal.start_epoch}", ExitCode.ILLEGAL_ARGUMENT)
        if deal.end_epoch > expiry:
            raise StateFault(f"deal {number} outlives the sector", ExitCode.ILLEGAL_ARGUMENT)
        weights[deal.verified_deal] += deal.weight
        space += deal.piece_size
    return DealWeightsV2(BigInteger(weights[False]), BigInteger(weights[True]), Unsigned(space))


def verify_deals_for_activation(runtime: ActorRuntime, params: VerifyDealsParams) -> DealWeights:
    """Tell a miner what deals add to the power of a sector.

    Source: v0.9.15 ``market_actor.go``, VerifyDealsForActivation.
    """
    runtime.validate_caller_kind("storageminer")
    state = runtime.read_state(MarketState)
    found = deal_weights(runtime, state, params.deal_ids, params.sector_expiry, params.sector_start)
    return DealWeights(found.deal_weight, found.verified_deal_weight)


def activate_deals(runtime: ActorRuntime, params: ActivateDealsParams) -> None:
    """Begin deals whose sector is proven; all of a sector or none.

    Source: ``market_actor.go``, ActivateDeals.
    """
    runtime.validate_caller_kind("storageminer")

    def activate(state: MarketState) -> tuple[MarketState, None]:
        deal_weights(runtime, state, params.deal_ids, params.sector_expiry, runtime.epoch)
        tables = MarketTables(runtime, state, write="states", read="pending proposals")
        for number in params.deal_ids:
            if tables.find_state(number) is not None:
                runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"deal {number} is in a sector already")
            deal = tables.proposal(number)
            if tables.pending.get(deal.cid().data) is None:
                runtime.abort(ExitCode.ILLEGAL_STATE, f"deal {number} does not wait for a sector")
            tables.states.set(number, DealState(ChainEpoch(runtime.epoch), NEVER, NEVER).to_wire())
        return tables.closed(), None

    runtime.transaction(MarketState, activate)


def compute_data_commitment(runtime: ActorRuntime, params: ComputeDataCommitmentParams) -> Cid:
    """Tell a miner what the data of a sector with these deals commits to.

    Source: ``market_actor.go``, ComputeDataCommitment.
    """
    runtime.validate_caller_kind("storageminer")
    state = runtime.read_state(MarketState)
    tables = MarketTables(runtime, state, write="", read="proposals")
    deals = [tables.proposal(number) for number in params.deal_ids]
    with runtime.failing_as(ExitCode.ILLEGAL_ARGUMENT):
        pieces = [(deal.piece_cid, int(deal.piece_size)) for deal in deals]
        return runtime.syscalls.unsealed_sector_cid(params.sector_type, pieces)


def on_miner_sectors_terminate(runtime: ActorRuntime, params: SectorsTerminateParams) -> None:
    """Note that deals lost their sector; the next settling slashes the provider.

    Deals that are over by then, or gone, are passed over.

    Source: ``market_actor.go``, OnMinerSectorsTerminate.
    """
    runtime.validate_caller_kind("storageminer")

    def note(state: MarketState) -> tuple[MarketState, None]:
        tables = MarketTables(runtime, state, write="states", read="proposals")
        for number in params.deal_ids:
            deal = tables.find_proposal(number)
            if deal is None:
                continue
            runtime.check(deal.provider == runtime.caller, f"deal {number} is not of {runtime.caller}")
            if deal.end_epoch <= params.epoch:
                continue
            found = tables.find_state(number)
            if found is None:
                runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"deal {number} is in no sector")
            if found.slash_epoch == NEVER:
                tables.states.set(number, dataclasses.replace(found, slash_epoch=params.epoch).to_wire())
        return tables.closed(), None

    runtime.transaction(MarketState, note)
