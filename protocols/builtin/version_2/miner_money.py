"""What a miner earns, owes, pays out and is fined, version 2 (specs-actors v2.3.6 ``monies.go``); attoFIL."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import REWARD
from thespis.protocols.builtin.methods import SEND
from thespis.protocols.builtin.policy import EPOCHS_IN_DAY
from thespis.protocols.builtin.smoothing import FilterEstimate
from thespis.protocols.builtin.storage_miner.calls import burn, epoch_reward, notify_pledge
from thespis.protocols.builtin.storage_miner.ending import ConsensusFaultParams, reported_fault
from thespis.protocols.builtin.storage_miner.identity import WithdrawBalanceParams
from thespis.protocols.builtin.storage_miner.money import expected_reward as unclamped_reward
from thespis.protocols.builtin.storage_miner.money import sector_quality_power
from thespis.protocols.builtin.version_2.miner_state import MinerStateV2, SectorOnChainInfoV2
from thespis.protocols.builtin.vesting import VESTING_V1
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import ChainEpoch, Record, TokenAmount, record
from thespis.protocols.vm.exit_codes import ExitCode, StateFault

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

CONTINUED_FAULT_PERIOD = EPOCHS_IN_DAY * 351 // 100
TERMINATION_PERIOD = EPOCHS_IN_DAY * 35 // 10
TERMINATION_AGE_MAX = 140 * EPOCHS_IN_DAY
CONSENSUS_FAULT_FACTOR, LEADERS_PER_EPOCH = 5, 5
BALANCE_BROKEN = 1000
"""The exit code for a miner that does not have what it has locked."""


@record
class ApplyRewardsParams(Record):
    """What a block earned, and what its miner owes for bad messages in it."""

    reward: TokenAmount
    penalty: TokenAmount


def expected_reward(reward: FilterEstimate, power: FilterEstimate, quality: int, duration: int) -> int:
    """What a power is expected to earn within a duration; never less than nothing."""
    return max(unclamped_reward(reward, power, quality, duration), 0)


def continued_fault_fee(reward: FilterEstimate, power: FilterEstimate, quality: int) -> int:
    """What a power costs that stays faulty for another proving period."""
    return expected_reward(reward, power, quality, CONTINUED_FAULT_PERIOD)


def termination_fee(
    size: int, epoch: int, reward: FilterEstimate, power: FilterEstimate, sectors: Iterable[SectorOnChainInfoV2]
) -> int:
    """What ending sectors early costs: half of what they, and those they replaced, may have earned in 140 days."""
    total = 0
    for sector in sectors:
        age = min(epoch - sector.activation, TERMINATION_AGE_MAX)
        replaced_age = min(sector.replaced_sector_age, TERMINATION_AGE_MAX - age)
        earned = sector.expected_day_reward * age + sector.replaced_day_reward * replaced_age
        least = expected_reward(reward, power, sector_quality_power(size, sector), TERMINATION_PERIOD)
        total += max(least, sector.expected_storage_pledge + earned // (2 * EPOCHS_IN_DAY))
    return total


def slasher_reward(age: int, penalty: int) -> int:
    """What the reporter of a consensus fault gets: a share that grows with the fault's age, a twentieth at most."""
    share: int = 100_785_473_384**age * penalty // (100_000_000_000**age * 1000)
    return min(share, penalty // 20)


def check_balance(runtime: ActorRuntime, state: MinerStateV2 | None = None) -> None:
    """End the call, as the last step of one that moves money, unless the miner has what it has locked."""
    try:
        (state or runtime.read_state(MinerStateV2)).check_balance(runtime.balance())
    except StateFault as fault:
        runtime.abort(BALANCE_BROKEN, str(fault))


def apply_rewards(runtime: ActorRuntime, params: ApplyRewardsParams) -> None:
    """Lock a block's reward, and pay penalties and older debt: first from what is vesting, then from the balance."""
    if params.reward < 0 or params.penalty < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"negative reward {params.reward} or penalty {params.penalty}")

    def take(state: MinerStateV2) -> tuple[MinerStateV2, tuple[int, int, int]]:
        runtime.validate_caller(REWARD)
        unlocked = state.unlocked_balance(runtime.balance())
        if unlocked < params.reward:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, f"{unlocked} is unlocked, {params.reward} is to be locked")
        state, freed = state.lock(runtime, runtime.epoch, params.reward, state.proving_period_start, VESTING_V1)
        state, vesting, balance = state.owing(params.penalty).repay(runtime, runtime.epoch, runtime.balance())
        return state, (params.reward - freed - vesting, vesting, balance)

    _state, (pledge, vesting, balance) = runtime.transaction(MinerStateV2, take)
    notify_pledge(runtime, pledge)
    burn(runtime, vesting + balance)


def withdraw_balance(runtime: ActorRuntime, params: WithdrawBalanceParams) -> None:
    """Pay all debt, and the owner what is then free; only the owner may."""
    if params.amount_requested < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"cannot withdraw {params.amount_requested}, which is negative")

    def unlock(state: MinerStateV2) -> tuple[MinerStateV2, tuple[Address, int, int, int]]:
        info = state.load_info(runtime)
        runtime.validate_caller(info.owner)
        if len(state.early_terminations):
            runtime.abort(ExitCode.FORBIDDEN, "fees of terminated sectors are outstanding")
        state, freed = state.unlock_vested(runtime, runtime.epoch)
        available = state.available_balance(runtime.balance())
        state, debt = state.repay_all(runtime.balance())
        return state, (info.owner, freed, available, debt)

    state, (owner, freed, available, debt) = runtime.transaction(MinerStateV2, unlock)
    amount = min(available, params.amount_requested)
    if amount > 0:
        code, _ = runtime.send(owner, SEND, b"", amount)
        runtime.require_success(code, "the owner could not be paid")
    burn(runtime, debt)
    notify_pledge(runtime, -freed)
    check_balance(runtime, state)


def repay_debt(runtime: ActorRuntime) -> None:
    """Pay what can be paid of the debt."""

    def pay(state: MinerStateV2) -> tuple[MinerStateV2, tuple[int, int]]:
        runtime.validate_caller(*state.load_info(runtime).controllers())
        state, vesting, balance = state.repay(runtime, runtime.epoch, runtime.balance())
        return state, (vesting, balance)

    state, (vesting, balance) = runtime.transaction(MinerStateV2, pay)
    notify_pledge(runtime, -vesting)
    burn(runtime, vesting + balance)
    check_balance(runtime, state)


def report_consensus_fault(runtime: ActorRuntime, params: ConsensusFaultParams) -> None:
    """Show that the miner signed what no honest miner signs: it is fined and excluded, the reporter gets a share."""
    fault, age = reported_fault(runtime, params)
    penalty = epoch_reward(runtime).smoothed.value() * CONSENSUS_FAULT_FACTOR // LEADERS_PER_EPOCH

    def punish(state: MinerStateV2) -> tuple[MinerStateV2, tuple[int, int]]:
        info = state.load_info(runtime)
        if fault.epoch < info.consensus_fault_elapsed:
            runtime.abort(ExitCode.FORBIDDEN, f"the miner was excluded until {info.consensus_fault_elapsed} already")
        state, vesting, balance = state.owing(penalty).repay(runtime, runtime.epoch, runtime.balance())
        until = ChainEpoch(runtime.epoch + runtime.policy.chain_finality)
        info = dataclasses.replace(info, consensus_fault_elapsed=until)
        return state.with_info(runtime, info), (vesting, balance)

    _state, (vesting, balance) = runtime.transaction(MinerStateV2, punish)
    reward = min(vesting + balance, slasher_reward(age, penalty))
    runtime.send(runtime.caller, SEND, b"", reward)
    burn(runtime, vesting + balance - reward)
    notify_pledge(runtime, -vesting)
    check_balance(runtime)
