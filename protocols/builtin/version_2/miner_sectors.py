"""New sectors, version 2: committed to, proven, confirmed; they have no power before their first window proof."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import MARKET
from thespis.protocols.builtin.market_types import NO_DEALS, DealWeightsV2, VerifyDealsParams
from thespis.protocols.builtin.methods import VERIFY_DEALS_FOR_ACTIVATION
from thespis.protocols.builtin.miner_state import (
    PowerPair,
    SectorOnChainInfo,
    SectorPreCommitInfo,
    SectorPreCommitOnChainInfo,
)
from thespis.protocols.builtin.power import ConfirmedSectors
from thespis.protocols.builtin.storage_miner.calls import burn, epoch_reward, network_power, notify_pledge, update_power
from thespis.protocols.builtin.storage_miner.commit import (
    SECTOR_NUMBER_MAX,
    ProveCommitParams,
    allocate,
    check_deal_count,
    check_pre_commit,
    check_replaced,
    hand_in_proof,
    validate_expiration,
    with_pre_commit,
)
from thespis.protocols.builtin.storage_miner.confirm import Confirming, confirming, reschedule_replaced, with_sectors
from thespis.protocols.builtin.storage_miner.money import (
    PRE_COMMIT_DEPOSIT_PERIOD,
    add_deposit,
    add_pledge,
    quality_power,
)
from thespis.protocols.builtin.storage_miner.sectors import find_pre_committed
from thespis.protocols.builtin.version_2.miner_money import check_balance, expected_reward
from thespis.protocols.builtin.version_2.miner_state import MinerStateV2, SectorOnChainInfoV2
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

PROOF_BYTES_MAX_V4 = 1024
"""Up to network version 4: an error, for no proof of a sector is that small."""
_OWN_BOUND_FROM = 5


def pre_commit_sector(runtime: ActorRuntime, params: SectorPreCommitInfo) -> None:
    """Commit to a sector, with a deposit that is lost unless it is proven in time; debts are paid first."""
    policy = runtime.policy
    check_pre_commit(runtime, params, runtime.epoch - policy.pre_commit_lookback_max)
    validate_expiration(runtime, runtime.epoch + policy.prove_commit_duration_max, params.expiration)
    reward, power = epoch_reward(runtime), network_power(runtime)
    weights = _deal_weights(runtime, params)

    def commit(state: MinerStateV2) -> tuple[MinerStateV2, tuple[int, int]]:
        state, freed = state.unlock_vested(runtime, runtime.epoch)
        available = state.available_balance(runtime.balance())
        state, debt = state.repay_all(runtime.balance())
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        if info.excluded(runtime.epoch):
            runtime.abort(ExitCode.FORBIDDEN, f"excluded for a consensus fault until {info.consensus_fault_elapsed}")
        if params.seal_proof != info.seal_proof_type:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"seal proof {params.seal_proof} is not the miner's")
        check_deal_count(runtime, params, info)
        if weights.deal_space > info.sector_size:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"deals of {weights.deal_space} bytes do not fit into the sector")
        state = allocate(runtime, state, params.sector_number)
        if params.replace_capacity:
            check_replaced(runtime, state, params)
        duration = params.expiration - runtime.epoch
        quality = quality_power(info.sector_size, duration, weights.deal_weight, weights.verified_deal_weight)
        deposit = expected_reward(reward.smoothed, power.smoothed, quality, PRE_COMMIT_DEPOSIT_PERIOD)
        if available < deposit:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, f"a deposit of {deposit} is due, {available} is available")
        state = add_deposit(runtime, state, deposit)
        kept = SectorPreCommitOnChainInfo(
            params, TokenAmount(deposit), ChainEpoch(runtime.epoch), weights.deal_weight, weights.verified_deal_weight
        )
        return with_pre_commit(runtime, state, kept, policy.prove_commit_duration_max), (freed, debt)

    _state, (freed, debt) = runtime.transaction(MinerStateV2, commit)
    burn(runtime, debt)
    check_balance(runtime)
    notify_pledge(runtime, -freed)


def _deal_weights(runtime: ActorRuntime, params: SectorPreCommitInfo) -> DealWeightsV2:
    if not params.deal_ids:
        return NO_DEALS
    asked = VerifyDealsParams(params.deal_ids, params.expiration, ChainEpoch(runtime.epoch)).encode()
    code, returned = runtime.send(MARKET, VERIFY_DEALS_FOR_ACTIVATION, asked, 0)
    runtime.require_success(code, "the deals cannot be activated")
    return DealWeightsV2.decode(returned)


def prove_commit_sector(runtime: ActorRuntime, params: ProveCommitParams) -> None:
    """Hand in the proof of a sector; the power actor checks it at the end of the epoch, with all others."""
    runtime.accept_any_caller()
    bounded = runtime.network_version >= _OWN_BOUND_FROM
    number, most = params.sector_number, runtime.policy.seal_proof_bytes_max if bounded else PROOF_BYTES_MAX_V4
    if number > SECTOR_NUMBER_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector number {number}; they run to {SECTOR_NUMBER_MAX}")
    if len(params.proof) > most:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a proof of {len(params.proof)} bytes; {most} at most")

    def find(state: MinerStateV2) -> tuple[MinerStateV2, SectorPreCommitOnChainInfo]:
        found = find_pre_committed(runtime, state, number)
        if found is None:
            runtime.abort(ExitCode.NOT_FOUND, f"sector {number} was not committed to")
        return state, found

    # the reference of this version writes the state that it only reads
    _state, found = runtime.transaction(MinerStateV2, find)
    hand_in_proof(runtime, found, params.proof, runtime.policy.prove_commit_duration_max, found.info.seal_rand_epoch)


def confirm_sector_proofs(runtime: ActorRuntime, params: ConfirmedSectors) -> None:
    """Take sectors up whose proofs held: their deals begin, they get a deadline and a pledge, but no power yet."""
    given = confirming(runtime, params)

    def take_up(state: MinerStateV2) -> tuple[MinerStateV2, tuple[PowerPair, int, int]]:
        state, moved = reschedule_replaced(runtime, state, given.info, given.replaced)
        lasting = given.lasting(runtime)
        sectors = [_taken_up(runtime, each, given, moved) for each in lasting]
        state, new_power = with_sectors(runtime, state, given.info, sectors)
        state, freed = state.unlock_vested(runtime, runtime.epoch)
        state = add_deposit(runtime, state, -sum(each.pre_commit_deposit for each in lasting))
        pledge, unlocked = sum(each.initial_pledge for each in sectors), state.unlocked_balance(runtime.balance())
        if unlocked < pledge:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, f"a pledge of {pledge} is due, {unlocked} is unlocked")
        state = add_pledge(runtime, state, pledge)
        check_balance(runtime, state)
        return state, (new_power, pledge, freed)

    _state, (new_power, pledge, freed) = runtime.transaction(MinerStateV2, take_up)
    update_power(runtime, new_power)
    notify_pledge(runtime, pledge - freed)


def _taken_up(
    runtime: ActorRuntime,
    kept: SectorPreCommitOnChainInfo,
    given: Confirming,
    moved: Sequence[SectorOnChainInfo],
) -> SectorOnChainInfoV2:
    """A committed sector as a proven one; it pledges no less than the one that it replaces."""
    committed, made = kept.info, SectorOnChainInfoV2.of(given.taken_up(runtime, kept, expected_reward))
    if not committed.replace_capacity:
        return made
    old = next((sector for sector in moved if sector.number == committed.replace_sector_number), None)
    if old is None:
        runtime.abort(ExitCode.NOT_FOUND, f"sector {committed.replace_sector_number} cannot be replaced any more")
    return dataclasses.replace(
        made,
        initial_pledge=max(made.initial_pledge, old.initial_pledge),
        replaced_sector_age=ChainEpoch(max(0, runtime.epoch - old.activation)),
        replaced_day_reward=old.expected_day_reward,
    )
