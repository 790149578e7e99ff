"""AddLockedFund and WithdrawBalance: what a miner earns is locked at first, and what is free is its owner's.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import REWARD
from thespis.protocols.builtin.storage_miner.calls import notify_pledge
from thespis.protocols.builtin.storage_miner.money import require_pledge
from thespis.protocols.builtin.storage_miner.state import MinerState
from thespis.protocols.builtin.storage_miner.vesting import VESTING_V0, VESTING_V1
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import Record, TokenAmount, record
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class WithdrawBalanceParams(Record):
    """How much attoFIL the owner wants at most."""

    amount_requested: TokenAmount


def add_locked_fund(runtime: ActorRuntime, amount: int) -> None:
    """Lock funds that vest over half a year; the reward actor pays blocks this way.

    What stands to lose keeps a miner honest. Network version 0 let nothing vest in the first twenty days.

    Source: v0.9.15 ``miner_actor.go``, AddLockedFund.
    """
    if amount < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"cannot lock {amount}, which is negative")
    schedule = VESTING_V1 if runtime.network_version >= 1 else VESTING_V0

    def lock(state: MinerState) -> tuple[MinerState, int]:
        runtime.validate_caller(*state.load_info(runtime).controllers(), REWARD)
        unlocked = state.unlocked_balance(runtime.balance())
        if unlocked < amount:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, f"{unlocked} is unlocked, {amount} is to be locked")
        return state.lock(runtime, runtime.epoch, amount, state.proving_period_start, schedule)

    _state, freed = runtime.transaction(MinerState, lock)
    notify_pledge(runtime, amount - freed)


def withdraw_balance(runtime: ActorRuntime, params: WithdrawBalanceParams) -> None:
    """Pay the owner what is neither locked, deposited nor pledged; only the owner may, and not while fees are due.

    Source: v0.9.15 ``miner_actor.go``, WithdrawBalance.
    """
    if params.amount_requested < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"cannot withdraw {params.amount_requested}, which is negative")

    def unlock(state: MinerState) -> tuple[MinerState, tuple[Address, int]]:
        info = state.load_info(runtime)
        runtime.validate_caller(info.owner)
        if state.early_terminations:
            runtime.abort(ExitCode.FORBIDDEN, "fees of terminated sectors are outstanding")
        state, freed = state.unlock_vested(runtime, runtime.epoch)
        require_pledge(runtime, state)
        return state, (info.owner, freed)

    state, (owner, freed) = runtime.transaction(MinerState, unlock)
    available = state.available_balance(runtime.balance())
    code, _ = runtime.send(owner, 0, b"", min(available, params.amount_requested))
    runtime.require_success(code, "the owner could not be paid")
    notify_pledge(runtime, -freed)
