"""What a miner asks of other actors, and what it tells them; each call may run their rules, and costs gas.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import BURNT_FUNDS, MARKET, POWER, REWARD
from thespis.protocols.builtin.methods import (
    BIG_INTEGER,
    CURRENT_TOTAL_POWER,
    ENROLL_CRON_EVENT,
    ON_MINER_SECTORS_TERMINATE,
    SEND,
    THIS_EPOCH_REWARD,
    UPDATE_CLAIMED_POWER,
    UPDATE_PLEDGE_TOTAL,
)
from thespis.protocols.builtin.power.methods import CurrentTotalPower, EnrollCronEventParams, UpdateClaimedPowerParams
from thespis.protocols.builtin.reward.methods import ThisEpochReward, ThisEpochRewardV0
from thespis.protocols.builtin.storage_miner.state import PowerPair
from thespis.protocols.encoding.tuples import ARRAY_ITEMS_MAX, BigInteger, ChainEpoch, Record, Unsigned, record

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


class CronEventType(IntEnum):
    """What a miner asks cron to be called for.

    Source: ``miner_actor.go``, CronEventType.
    """

    WORKER_KEY_CHANGE = 0
    PROVING_DEADLINE = 1
    PROCESS_EARLY_TERMINATIONS = 2

    def payload(self) -> bytes:
        """What the miner is handed when it is called."""
        return CronEventPayload(int(self)).encode()


@record
class CronEventPayload(Record):
    """What cron hands a miner that it calls: the event's kind."""

    event_type: int


@record
class SectorsTerminateParams(Record):
    """Deals whose sectors were terminated at an epoch."""

    epoch: ChainEpoch
    deal_ids: tuple[Unsigned, ...]


def epoch_reward(runtime: ActorRuntime) -> ThisEpochReward:
    """What epochs pay, smoothed, and the baseline, from the reward actor.

    Source: ``miner_actor.go``, requestCurrentEpochBlockReward.
    """
    code, returned = runtime.send(REWARD, THIS_EPOCH_REWARD, b"", 0)
    runtime.require_success(code, "the reward actor did not tell the epoch's reward")
    if runtime.actors_version:
        return ThisEpochReward.decode(returned)
    told = ThisEpochRewardV0.decode(returned)
    return ThisEpochReward(told.smoothed, told.baseline_power)


def network_power(runtime: ActorRuntime) -> CurrentTotalPower:
    """The network's power and pledge, from the power actor.

    Source: ``miner_actor.go``, requestCurrentTotalPower.
    """
    code, returned = runtime.send(POWER, CURRENT_TOTAL_POWER, b"", 0)
    runtime.require_success(code, "the power actor did not tell the network's power")
    return CurrentTotalPower.decode(returned)


def enroll(runtime: ActorRuntime, epoch: int, kind: CronEventType) -> None:
    """Ask the power actor to be called by cron at an epoch, for a reason.

    Source: ``miner_actor.go``, enrollCronEvent.
    """
    params = EnrollCronEventParams(ChainEpoch(epoch), kind.payload()).encode()
    code, _ = runtime.send(POWER, ENROLL_CRON_EVENT, params, 0)
    runtime.require_success(code, "the power actor did not take the cron event")


def update_power(runtime: ActorRuntime, delta: PowerPair) -> None:
    """Tell the power actor how this miner's power changed, unless it did not.

    Source: ``miner_actor.go``, requestUpdatePower.
    """
    if delta:
        params = UpdateClaimedPowerParams(BigInteger(delta.raw), BigInteger(delta.adjusted)).encode()
        code, _ = runtime.send(POWER, UPDATE_CLAIMED_POWER, params, 0)
        runtime.require_success(code, "the power actor did not take the change of power")


def notify_pledge(runtime: ActorRuntime, delta: int) -> None:
    """Tell the power actor how what this miner has locked changed, unless it did not; attoFIL.

    Source: ``miner_actor.go``, notifyPledgeChanged.
    """
    if delta:
        code, _ = runtime.send(POWER, UPDATE_PLEDGE_TOTAL, BIG_INTEGER.encode(delta), 0)
        runtime.require_success(code, "the power actor did not take the change of pledge")


def burn(runtime: ActorRuntime, amount: int) -> None:
    """Send a penalty to the burnt funds.

    Source: ``miner_actor.go``, burnFunds.
    """
    if amount > 0:
        code, _ = runtime.send(BURNT_FUNDS, SEND, b"", amount)
        runtime.require_success(code, "the penalty could not be burnt")


def terminate_deals(runtime: ActorRuntime, epoch: int, deals: Sequence[Unsigned]) -> None:
    """Tell the market that deals lost their sectors at an epoch, in parts that one message can hold.

    Source: ``miner_actor.go``, requestTerminateDeals.
    """
    for start in range(0, len(deals), ARRAY_ITEMS_MAX):
        part = tuple(deals[start : start + ARRAY_ITEMS_MAX])
        params = SectorsTerminateParams(ChainEpoch(epoch), part).encode()
        code, _ = runtime.send(MARKET, ON_MINER_SECTORS_TERMINATE, params, 0)
        runtime.require_success(code, "the market did not take the loss of the deals")
