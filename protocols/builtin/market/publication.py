"""PublishStorageDeals: what a deal must be to come on chain.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/market/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import SIGNABLE, VERIFIED_REGISTRY
from thespis.protocols.builtin.market.deals import (
    ClientDealProposal,
    DealProposal,
    PublishDealsParams,
    PublishDealsReturn,
)
from thespis.protocols.builtin.market.escrow import control_of
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.market.tables import MarketTables
from thespis.protocols.builtin.methods import USE_BYTES
from thespis.protocols.builtin.power.methods import CurrentTotalPower
from thespis.protocols.builtin.storage_miner.calls import epoch_reward, network_power
from thespis.protocols.builtin.verifreg import Allowance
from thespis.protocols.chain.message import TOTAL_FILECOIN
from thespis.protocols.consensus.randomness import Purpose
from thespis.protocols.encoding.cid import FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED
from thespis.protocols.encoding.tuples import BigInteger, Unsigned
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

PIECE_BYTES_MIN = 128
"""The least padded size of a piece (go-state-types ``abi/piece.go``, PaddedPieceSize.Validate)."""

LABEL_BYTES_MAX = 256
"""The longest label, from version 2 on (``policy.go``, DealMaxLabelSize)."""

COLLATERAL_PERCENT_V0, COLLATERAL_PERCENT_V1 = 5, 1
"""Share of the circulating supply that providers of the whole network's storage would have to put up."""

VERIFIED_FACTOR = 10
"""How many times verified bytes count, in quality-adjusted power."""


def publish_storage_deals(runtime: ActorRuntime, params: PublishDealsParams) -> PublishDealsReturn:
    """Put deals on chain that clients signed, and lock the money of both sides; only their provider's worker may.

    All deals of a message are of one provider, and one that is wrong refuses all. Allowances of verified deals are used
    up after the state is written, since the registry is another actor.

    Source: ``market_actor.go``, PublishStorageDeals.
    """
    runtime.validate_caller_kind(*SIGNABLE)
    if not params.deals:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "no deals")
    raw = params.deals[0].proposal.provider
    provider = runtime.resolve(raw)
    if provider is None:
        runtime.abort(ExitCode.NOT_FOUND, f"there is no provider at {raw}")
    if runtime.code_name(provider) != "storageminer":
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{raw} is no miner")
    if control_of(runtime, provider).worker != runtime.caller:
        runtime.abort(ExitCode.FORBIDDEN, f"{runtime.caller} is not the worker of {provider}")
    baseline, power = epoch_reward(runtime).baseline_power, network_power(runtime)

    def publish(state: MarketState) -> tuple[MarketState, list[DealProposal]]:
        tables = MarketTables(runtime, state, write="pending proposals by_epoch escrow locked")
        published: list[DealProposal] = []
        for signed in params.deals:
            _check_deal(runtime, signed, baseline, power)
            deal = signed.proposal
            if deal.provider not in (provider, raw):
                runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "deals of several providers in one message")
            client = runtime.resolve(deal.client)
            if client is None:
                runtime.abort(ExitCode.NOT_FOUND, f"there is no client at {deal.client}")
            deal = dataclasses.replace(deal, provider=provider, client=client)
            tables.lock_deal(deal)
            number = state.next_id + len(published)
            key = deal.cid().data
            if tables.pending.get(key) is not None:
                runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the deal is published already")
            tables.pending.set(key, deal.to_wire())
            tables.proposals.set(number, deal.to_wire())
            tables.by_epoch.put_many(_first_settling(runtime, deal), [number], runtime)
            published.append(deal)
        return tables.closed(next_id=Unsigned(state.next_id + len(published))), published

    state, published = runtime.transaction(MarketState, publish)
    for deal in published:
        if deal.verified_deal:
            asked = Allowance(deal.client, BigInteger(deal.piece_size)).encode()
            code, _ = runtime.send(VERIFIED_REGISTRY, USE_BYTES, asked, 0)
            runtime.require_success(code, f"client {deal.client} may not have a verified deal")
    first = state.next_id - len(published)
    return PublishDealsReturn(tuple(Unsigned(first + place) for place in range(len(published))))


def _first_settling(runtime: ActorRuntime, deal: DealProposal) -> int:
    """When cron looks at a deal first: spread at random, so that deals are not all settled at once.

    Source: ``market_actor.go``, genRandNextEpoch.
    """
    seed = runtime.beacon_randomness(Purpose.MARKET_DEAL_CRON_SEED, runtime.epoch - 1, deal.encode())
    return deal.start_epoch + int.from_bytes(seed[:8], "big") % runtime.policy.deal_updates_interval


def _check_deal(runtime: ActorRuntime, signed: ClientDealProposal, baseline: int, power: CurrentTotalPower) -> None:
    """Abort for a deal that its client did not sign, or whose terms are out of bounds; bytes, epochs, attoFIL.

    Source: ``market_actor.go``, validateDeal; ``market_state.go``, dealProposalIsInternallyValid; ``policy.go``,
    DealProviderCollateralBounds.
    """
    deal, policy = signed.proposal, runtime.policy

    def refuse(reason: str) -> None:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, reason)

    with runtime.failing_as(ExitCode.ILLEGAL_ARGUMENT):
        runtime.syscalls.verify_signature(signed.client_signature, deal.client, deal.encode())
    label_bytes = len(deal.label.encode("utf-8", "surrogateescape"))
    if runtime.actors_version and label_bytes > LABEL_BYTES_MAX:
        refuse(f"a label of {label_bytes} bytes; {LABEL_BYTES_MAX} at most")
    size = int(deal.piece_size)
    if size < PIECE_BYTES_MIN or size & (size - 1):
        refuse(f"a piece of {size} padded bytes; sizes are powers of two from {PIECE_BYTES_MIN} on")
    codec, multihash, digest = deal.piece_cid.parts()
    if (codec, multihash, len(digest)) != (FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED, 32):
        refuse(f"{deal.piece_cid} is no commitment to a piece")
    if deal.end_epoch <= deal.start_epoch:
        refuse("the deal ends before it begins")
    if runtime.epoch > deal.start_epoch:
        refuse(f"the deal should have begun at epoch {deal.start_epoch}")
    if not policy.deal_duration_min <= deal.duration <= policy.deal_duration_max:
        refuse(f"a duration of {deal.duration} epochs")
    if not 0 <= deal.storage_price_per_epoch <= TOTAL_FILECOIN:
        refuse(f"a price of {deal.storage_price_per_epoch}")
    least = collateral_min(
        size,
        baseline,
        power.raw_byte_power,
        power.quality_adjusted_power,
        runtime.circulating_supply(),
        runtime.network_version,
        verified=deal.verified_deal,
    )
    if not least <= deal.provider_collateral <= TOTAL_FILECOIN:
        refuse(f"a provider's collateral of {deal.provider_collateral}; the least is {least}")
    if not 0 <= deal.client_collateral <= TOTAL_FILECOIN:
        refuse(f"a client's collateral of {deal.client_collateral}")


def collateral_min(
    size: int, baseline: int, raw: int, adjusted: int, supply: int, network_version: int, *, verified: bool
) -> int:
    """What the provider of a deal has to put up, in attoFIL; sizes and powers in bytes.

    It is a share of the supply, as large as the deal's share of the network's storage or of the baseline, whichever is
    more: all deals together never bind more than a few hundredths of what circulates.

    Source: ``policy.go``, DealProviderCollateralBounds.
    """
    if network_version >= 1:
        share, network, percent = size, raw, COLLATERAL_PERCENT_V1
    else:
        share = size * (VERIFIED_FACTOR if verified else 1)
        network, percent = adjusted, COLLATERAL_PERCENT_V0
    return percent * supply * share // (100 * max(network, baseline, share))
