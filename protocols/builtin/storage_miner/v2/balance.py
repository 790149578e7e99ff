"""ApplyRewards, WithdrawBalance and RepayDebt, version 2: whatever a miner gets, its debt is paid first.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import REWARD
from thespis.protocols.builtin.methods import SEND
from thespis.protocols.builtin.storage_miner.balance import WithdrawBalanceParams
from thespis.protocols.builtin.storage_miner.calls import burn, notify_pledge
from thespis.protocols.builtin.storage_miner.v2.money import check_balance
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.builtin.storage_miner.vesting import VESTING_V1
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import Record, TokenAmount, record
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class ApplyRewardsParams(Record):
    """What a block earned, and what its miner owes for bad messages in it; attoFIL."""

    reward: TokenAmount
    penalty: TokenAmount


def apply_rewards(runtime: ActorRuntime, params: ApplyRewardsParams) -> None:
    """Lock a block's reward, and pay penalties and older debt: first from what is vesting, then from the balance.

    Only the reward actor calls this. The reward is locked before the penalty is paid, so that it can pay for it.

    Source: ``miner_actor.go``, ApplyRewards.
    """
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
    """Pay all debt, and the owner what is then free; only the owner may, and not while fees are due.

    Source: ``miner_actor.go``, WithdrawBalance.
    """
    if params.amount_requested < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"cannot withdraw {params.amount_requested}, which is negative")

    def unlock(state: MinerStateV2) -> tuple[MinerStateV2, tuple[Address, int, int, int]]:
        info = state.load_info(runtime)
        runtime.validate_caller(info.owner)
        if state.early_terminations:
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
    """Pay what can be paid of the debt; only a controller of the miner may.

    Source: ``miner_actor.go``, RepayDebt.
    """

    def pay(state: MinerStateV2) -> tuple[MinerStateV2, tuple[int, int]]:
        runtime.validate_caller(*state.load_info(runtime).controllers())
        state, vesting, balance = state.repay(runtime, runtime.epoch, runtime.balance())
        return state, (vesting, balance)

    state, (vesting, balance) = runtime.transaction(MinerStateV2, pay)
    notify_pledge(runtime, -vesting)
    burn(runtime, vesting + balance)
    check_balance(runtime, state)
