"""The storage market actor: balances in escrow, deals, and their settling day by day (specs-actors v0.9.15)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import BURNT_FUNDS, CRON, SIGNABLE, SYSTEM, VERIFIED_REGISTRY
from thespis.protocols.builtin.market.calls import (
    ActivateDealsParams,
    ComputeDataCommitmentParams,
    DealWeights,
    DealWeightsV2,
    VerifyDealsParams,
)
from thespis.protocols.builtin.market.deals import (
    NEVER,
    ClientDealProposal,
    DealProposal,
    DealState,
    Escrow,
    PublishDealsParams,
    PublishDealsReturn,
)
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.market.tables import MarketTables
from thespis.protocols.builtin.methods import (
    ADDRESS,
    CID,
    CONTROL_ADDRESSES,
    RESTORE_BYTES,
    SEND,
    USE_BYTES,
    Methods,
    method,
)
from thespis.protocols.builtin.power.methods import CurrentTotalPower
from thespis.protocols.builtin.storage_miner.calls import SectorsTerminateParams, epoch_reward, network_power
from thespis.protocols.builtin.storage_miner.identity import ControlAddresses
from thespis.protocols.builtin.verifreg import Allowance
from thespis.protocols.chain.message import TOTAL_FILECOIN
from thespis.protocols.consensus.randomness import Purpose
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED, Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Unsigned
from thespis.protocols.encoding.varint import encode_varint
from thespis.protocols.vm.exit_codes import ExitCode, StateFault

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

PIECE_BYTES_MIN = 128
LABEL_BYTES_MAX = 256
"""From version 2 on."""
COLLATERAL_PERCENT_V0, COLLATERAL_PERCENT_V1 = 5, 1
"""Share of the circulating supply that providers of the whole network's storage would have to put up."""
VERIFIED_FACTOR = 10


def constructor(runtime: ActorRuntime) -> None:
    """Made at genesis, without deals."""
    runtime.validate_caller(SYSTEM)
    runtime.create_state(MarketState.initial(runtime))


def add_balance(runtime: ActorRuntime, address: Address) -> None:
    """Put what the message carries into the escrow of a client or provider."""
    if runtime.value <= 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "nothing to add")
    runtime.validate_caller_kind(*SIGNABLE)
    nominal, _recipient, _approved = _escrow_of(runtime, address)

    def add(state: MarketState) -> tuple[MarketState, None]:
        tables = MarketTables(runtime, state, write="locked escrow")
        tables.escrow.add(nominal, runtime.value)
        return tables.closed(), None

    runtime.transaction(MarketState, add)


def withdraw_balance(runtime: ActorRuntime, params: Escrow) -> None:
    """Pay out of an escrow what is not locked."""
    if params.amount < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"cannot withdraw {params.amount}")
    if not runtime.actors_version:  # the reference of version 0 validates twice here, which ends every call
        runtime.validate_caller_kind(*SIGNABLE)
    nominal, recipient, approved = _escrow_of(runtime, params.address)
    runtime.validate_caller(*approved)

    def take(state: MarketState) -> tuple[MarketState, int]:
        tables = MarketTables(runtime, state, write="locked escrow")
        taken = tables.escrow.subtract_down_to(nominal, params.amount, tables.locked.of(nominal))
        return tables.closed(), taken

    _state, taken = runtime.transaction(MarketState, take)
    code, _ = runtime.send(recipient, SEND, b"", taken)
    runtime.require_success(code, "the balance could not be paid out")


def _escrow_of(runtime: ActorRuntime, address: Address) -> tuple[Address, Address, tuple[Address, ...]]:
    """Under whom a balance stands, who is paid from it, and who may ask for that; a miner's owner and worker."""
    nominal = runtime.resolve(address)
    kind = runtime.code_name(nominal) if nominal else ""
    if nominal is None or not kind:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"there is no actor at {address}")
    if kind == "storageminer":
        control = _control_of(runtime, nominal)
        return nominal, control.owner, (control.owner, control.worker)
    return nominal, nominal, (nominal,)


def _control_of(runtime: ActorRuntime, miner: Address) -> ControlAddresses:
    code, returned = runtime.send(miner, CONTROL_ADDRESSES, b"", 0)
    runtime.require_success(code, f"miner {miner} did not tell who controls it")
    return ControlAddresses.decode(returned)


def publish_storage_deals(runtime: ActorRuntime, params: PublishDealsParams) -> PublishDealsReturn:
    """Put deals on chain that a provider has and clients signed; both sides' money is locked."""
    runtime.validate_caller_kind(*SIGNABLE)
    if not params.deals:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "no deals")
    raw = params.deals[0].proposal.provider
    provider = runtime.resolve(raw)
    if provider is None:
        runtime.abort(ExitCode.NOT_FOUND, f"there is no provider at {raw}")
    if runtime.code_name(provider) != "storageminer":
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{raw} is no miner")
    if _control_of(runtime, provider).worker != runtime.caller:
        runtime.abort(ExitCode.FORBIDDEN, f"{runtime.caller} is not the worker of {provider}")
    baseline, power = epoch_reward(runtime).baseline_power, network_power(runtime)

    def publish(state: MarketState) -> tuple[MarketState, list[DealProposal]]:
        tables = MarketTables(runtime, state, write="pending proposals by_epoch escrow locked")
        published: list[DealProposal] = []
        for signed in params.deals:
            _validate(runtime, signed, baseline, power)
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
    """When cron looks at a deal first: spread at random, so that deals are not all settled at once."""
    seed = runtime.beacon_randomness(Purpose.MARKET_DEAL_CRON_SEED, runtime.epoch - 1, deal.encode())
    return deal.start_epoch + int.from_bytes(seed[:8], "big") % runtime.policy.deal_updates_interval


def _validate(runtime: ActorRuntime, signed: ClientDealProposal, baseline: int, power: CurrentTotalPower) -> None:
    deal, policy = signed.proposal, runtime.policy

    def refuse(reason: str) -> None:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, reason)

    with runtime.failing_as(ExitCode.ILLEGAL_ARGUMENT):
        runtime.syscalls.verify_signature(signed.client_signature, deal.client, deal.encode())
    if runtime.actors_version and len(deal.label.encode()) > LABEL_BYTES_MAX:
        refuse(f"a label of {len(deal.label.encode())} bytes; {LABEL_BYTES_MAX} at most")
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
    least = provider_collateral_min(deal, baseline, power, runtime.circulating_supply(), runtime.network_version)
    if not least <= deal.provider_collateral <= TOTAL_FILECOIN:
        refuse(f"a provider's collateral of {deal.provider_collateral}; the least is {least}")
    if not 0 <= deal.client_collateral <= TOTAL_FILECOIN:
        refuse(f"a client's collateral of {deal.client_collateral}")


def provider_collateral_min(
    deal: DealProposal, baseline: int, power: CurrentTotalPower, supply: int, network_version: int
) -> int:
    """What the provider of a deal has to put up."""
    raw, adjusted, size = power.raw_byte_power, power.quality_adjusted_power, int(deal.piece_size)
    return collateral_min(size, baseline, raw, adjusted, supply, network_version, verified=deal.verified_deal)


def collateral_min(
    size: int, baseline: int, raw: int, adjusted: int, supply: int, network_version: int, *, verified: bool
) -> int:
    """A share of the supply in attoFIL, as large as a deal's of the network's storage, or of the baseline; bytes."""
    if network_version >= 1:
        share, network, percent = size, raw, COLLATERAL_PERCENT_V1
    else:
        share = size * (VERIFIED_FACTOR if verified else 1)
        network, percent = adjusted, COLLATERAL_PERCENT_V0
    return percent * supply * share // (100 * max(network, baseline, share))


def deal_weights(
    runtime: ActorRuntime, state: MarketState, deals: tuple[Unsigned, ...], expiry: int, start: int
) -> DealWeightsV2:
    """Byte-epochs of deals that the calling miner may put into a sector; ends the call for any that it may not.

    From version 2 on none may be named twice.
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
    """Tell a miner what deals add to the power of a sector."""
    runtime.validate_caller_kind("storageminer")
    state = runtime.read_state(MarketState)
    found = deal_weights(runtime, state, params.deal_ids, params.sector_expiry, params.sector_start)
    return DealWeights(found.deal_weight, found.verified_deal_weight)


def activate_deals(runtime: ActorRuntime, params: ActivateDealsParams) -> None:
    """Begin deals whose sector is proven."""
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
    """Tell a miner what the data of a sector with deals commits to."""
    runtime.validate_caller_kind("storageminer")
    state = runtime.read_state(MarketState)
    tables = MarketTables(runtime, state, write="", read="proposals")
    deals = [tables.proposal(number) for number in params.deal_ids]
    with runtime.failing_as(ExitCode.ILLEGAL_ARGUMENT):
        pieces = [(deal.piece_cid, int(deal.piece_size)) for deal in deals]
        return runtime.syscalls.unsealed_sector_cid(params.sector_type, pieces)


def on_miner_sectors_terminate(runtime: ActorRuntime, params: SectorsTerminateParams) -> None:
    """Note that deals lost their sector; the next settling slashes the provider."""
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


def cron_tick(runtime: ActorRuntime) -> None:
    """Settle the deals that are due: pay, slash, end."""
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


METHODS: Methods = {
    1: method(constructor),
    2: method(add_balance, ADDRESS),
    3: method(withdraw_balance, Escrow),
    4: method(publish_storage_deals, PublishDealsParams, PublishDealsReturn),
    5: method(verify_deals_for_activation, VerifyDealsParams, DealWeights),
    6: method(activate_deals, ActivateDealsParams),
    7: method(on_miner_sectors_terminate, SectorsTerminateParams),
    8: method(compute_data_commitment, ComputeDataCommitmentParams, CID),
    9: method(cron_tick),
}
