"""PreCommitSector, version 2: debts are paid first, and the proof is due a day later and not a week.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import MARKET
from thespis.protocols.builtin.market.calls import NO_DEALS, DealWeightsV2, VerifyDealsParams
from thespis.protocols.builtin.methods import VERIFY_DEALS_FOR_ACTIVATION
from thespis.protocols.builtin.storage_miner.calls import burn, epoch_reward, network_power, notify_pledge
from thespis.protocols.builtin.storage_miner.money import PRE_COMMIT_DEPOSIT_PERIOD, add_deposit, quality_power
from thespis.protocols.builtin.storage_miner.pre_commit import (
    allocate,
    check_deal_count,
    check_expiration,
    check_pre_commit,
    check_replaced,
    with_pre_commit,
)
from thespis.protocols.builtin.storage_miner.state import SectorPreCommitInfo, SectorPreCommitOnChainInfo
from thespis.protocols.builtin.storage_miner.v2.money import check_balance, expected_reward
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def pre_commit_sector(runtime: ActorRuntime, params: SectorPreCommitInfo) -> None:
    """Commit to a sector; only a controller of a miner that is not excluded for a consensus fault may.

    What is available is reckoned before the debt is paid, and less the debt already, so that it is not counted twice.

    Source: ``miner_actor.go``, PreCommitSector.
    """
    policy = runtime.policy
    check_pre_commit(runtime, params, runtime.epoch - policy.pre_commit_lookback_max)
    check_expiration(runtime, runtime.epoch + policy.prove_commit_duration_max, params.expiration)
    reward, power = epoch_reward(runtime), network_power(runtime)
    weights = NO_DEALS
    if params.deal_ids:
        asked = VerifyDealsParams(params.deal_ids, params.expiration, ChainEpoch(runtime.epoch)).encode()
        code, returned = runtime.send(MARKET, VERIFY_DEALS_FOR_ACTIVATION, asked, 0)
        runtime.require_success(code, "the deals cannot be activated")
        weights = DealWeightsV2.decode(returned)

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
