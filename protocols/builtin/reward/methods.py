"""The reward actor: pays each block, and learns each epoch how much the next one mints.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/reward/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import BURNT_FUNDS, POWER, SYSTEM
from thespis.protocols.builtin.methods import ADD_LOCKED_FUND, BIG_INTEGER, Methods, method
from thespis.protocols.builtin.reward.state import RewardState
from thespis.protocols.builtin.smoothing import FilterEstimate
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import BigInteger, Record, TokenAmount, record
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class AwardBlockRewardParams(Record):
    """Who mined, what it owes for bad messages, the tips of its messages (both attoFIL), and how often it won.

    Source: ``reward_actor.go``, AwardBlockRewardParams.
    """

    miner: Address
    penalty: TokenAmount
    gas_reward: TokenAmount
    win_count: int


@record
class ThisEpochReward(Record):
    """What epochs pay of late in attoFIL, smoothed, and the baseline that storage is held to, in bytes."""

    smoothed: FilterEstimate
    baseline_power: BigInteger


@record
class ThisEpochRewardV0(Record):
    """The same as version 0 tells it, with what the present epoch pays."""

    reward: TokenAmount
    smoothed: FilterEstimate
    baseline_power: BigInteger


def constructor(runtime: ActorRuntime, power: int) -> None:
    """Made at genesis, with the power that the network starts with, in bytes.

    Source: ``reward_actor.go``, Constructor.
    """
    runtime.validate_caller(SYSTEM)
    runtime.create_state(RewardState.initial(power))


def award_block_reward(runtime: ActorRuntime, params: AwardBlockRewardParams) -> None:
    """Pay the miner its share of the epoch's reward and its tips, less its penalty, which is burnt.

    Only the system calls this, once per block; the tips are in this actor's balance already. A miner that cannot take
    the money loses it to the burnt funds.

    Source: v0.9.15 ``reward_actor.go``, AwardBlockReward.
    """
    miner, total = open_award(runtime, params, RewardState)
    penalty = min(params.penalty, total)
    payable = total - penalty
    code, _ = runtime.send(miner, ADD_LOCKED_FUND, BIG_INTEGER.encode(payable), payable)
    if code != ExitCode.OK:
        runtime.send(BURNT_FUNDS, 0, b"", payable)
    if penalty > 0:
        code, _ = runtime.send(BURNT_FUNDS, 0, b"", penalty)
        runtime.require_success(code, "the penalty could not be burnt")


def open_award(runtime: ActorRuntime, params: AwardBlockRewardParams, kind: type[RewardState]) -> tuple[Address, int]:
    """Check an award and mint for it; returns the miner, and what it is paid with the tips, in attoFIL.

    Source: ``reward_actor.go``, AwardBlockReward.
    """
    runtime.validate_caller(SYSTEM)
    balance = runtime.balance()
    if params.penalty < 0 or params.gas_reward < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"negative penalty {params.penalty} or tips {params.gas_reward}")
    if balance < params.gas_reward:
        runtime.abort(ExitCode.ILLEGAL_STATE, f"balance {balance} does not cover tips of {params.gas_reward}")
    if params.win_count <= 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"win count {params.win_count}; a block has at least one")
    miner = runtime.resolve(params.miner)
    if miner is None:
        runtime.abort(ExitCode.NOT_FOUND, f"there is no actor at {params.miner}")

    def mine(state: RewardState) -> tuple[RewardState, int]:
        minted = state.minted(params.win_count, balance - params.gas_reward)
        return dataclasses.replace(state, total_mined=TokenAmount(state.total_mined + minted)), minted

    _state, minted = runtime.transaction(kind, mine)
    return miner, minted + params.gas_reward


def this_epoch_reward(runtime: ActorRuntime) -> ThisEpochRewardV0:
    """Tell anyone what the present epoch pays.

    Source: v0.9.15 ``reward_actor.go``, ThisEpochReward.
    """
    runtime.accept_any_caller()
    state = runtime.read_state(RewardState)
    return ThisEpochRewardV0(state.this_epoch_reward, state.this_epoch_reward_smoothed, state.this_epoch_baseline_power)


def update_network_kpi(runtime: ActorRuntime, power: int) -> None:
    """Take the network's power at the end of an epoch, in bytes; only the power actor's cron calls this.

    Source: ``reward_actor.go``, UpdateNetworkKPI.
    """
    take_power(runtime, power, RewardState)


def take_power(runtime: ActorRuntime, power: int, kind: type[RewardState]) -> None:
    """Work out what the next epoch pays."""
    runtime.validate_caller(POWER)
    runtime.transaction(kind, lambda state: (state.after(runtime.epoch, power, runtime.network_version), None))


METHODS: Methods = {
    1: method(constructor, BIG_INTEGER),
    2: method(award_block_reward, AwardBlockRewardParams),
    3: method(this_epoch_reward, returns=ThisEpochRewardV0),
    4: method(update_network_kpi, BIG_INTEGER),
}
