"""The reward actor, version 2: penalties are tripled and handed to the miner, which pays them out of what it has.

Sources are files of specs-actors v2.3.6, ``actors/builtin/reward/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import BURNT_FUNDS, SYSTEM
from thespis.protocols.builtin.methods import BIG_INTEGER, SEND, Methods, method
from thespis.protocols.builtin.reward.methods import AwardBlockRewardParams, ThisEpochReward, open_award, take_power
from thespis.protocols.builtin.reward.v2.state import RewardStateV2
from thespis.protocols.builtin.storage_miner.v2.balance import ApplyRewardsParams
from thespis.protocols.encoding.tuples import TokenAmount
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

PENALTY_FACTOR = 3
"""What a bad message costs the miner, times what its sender did not pay (``reward_actor.go``, PenaltyMultiplier)."""
APPLY_REWARDS = 14
"""The miner's method."""


def award_block_reward(runtime: ActorRuntime, params: AwardBlockRewardParams) -> None:
    """Pay the miner its share of the epoch's reward and its tips, and tell it three times its penalty.

    Source: ``reward_actor.go``, AwardBlockReward.
    """
    miner, total = open_award(runtime, params, RewardStateV2)
    told = ApplyRewardsParams(TokenAmount(total), TokenAmount(PENALTY_FACTOR * params.penalty))
    code, _ = runtime.send(miner, APPLY_REWARDS, told.encode(), total)
    if code != ExitCode.OK:
        runtime.send(BURNT_FUNDS, SEND, b"", total)


def this_epoch_reward(runtime: ActorRuntime) -> ThisEpochReward:
    """Tell anyone what epochs pay of late, and the baseline.

    Source: ``reward_actor.go``, ThisEpochReward.
    """
    runtime.accept_any_caller()
    state = runtime.read_state(RewardStateV2)
    return ThisEpochReward(state.this_epoch_reward_smoothed, state.this_epoch_baseline_power)


def update_network_kpi(runtime: ActorRuntime, power: int) -> None:
    """Take the network's power at the end of an epoch, in bytes; only the power actor's cron calls this.

    Source: ``reward_actor.go``, UpdateNetworkKPI.
    """
    take_power(runtime, power, RewardStateV2)


def constructor(runtime: ActorRuntime, power: int) -> None:
    """Made at genesis, with the power that the network starts with, in bytes.

    Source: ``reward_actor.go``, Constructor.
    """
    runtime.validate_caller(SYSTEM)
    runtime.create_state(RewardStateV2.initial(power))


METHODS: Methods = {
    1: method(constructor, BIG_INTEGER),
    2: method(award_block_reward, AwardBlockRewardParams),
    3: method(this_epoch_reward, returns=ThisEpochReward),
    4: method(update_network_kpi, BIG_INTEGER),
}
