"""What sectors earn and cost, version 2; powers in bytes, amounts in attoFIL, durations in epochs.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from thespis.protocols.builtin.policy import EPOCHS_IN_DAY
from thespis.protocols.builtin.smoothing import FilterEstimate
from thespis.protocols.builtin.storage_miner.money import expected_reward as unclamped_reward
from thespis.protocols.builtin.storage_miner.money import sector_quality_power
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2, SectorOnChainInfoV2
from thespis.protocols.vm.exit_codes import StateFault

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

CONTINUED_FAULT_PERIOD = EPOCHS_IN_DAY * 351 // 100
TERMINATION_PERIOD = EPOCHS_IN_DAY * 35 // 10
"""Faults and terminations cost what their power would earn in so many epochs, or more."""
TERMINATION_AGE_MAX = 140 * EPOCHS_IN_DAY
"""A termination costs half the reward of no more than these days (``monies.go``, TerminationLifetimeCap)."""
BALANCE_BROKEN = 1000
"""The exit code for a miner that does not have what it has locked."""


def expected_reward(reward: FilterEstimate, power: FilterEstimate, quality: int, duration: int) -> int:
    """What a power is expected to earn within a duration; never less than nothing.

    Source: ``monies.go``, ExpectedRewardForPower.
    """
    return max(unclamped_reward(reward, power, quality, duration), 0)


def continued_fault_fee(reward: FilterEstimate, power: FilterEstimate, quality: int) -> int:
    """What a power costs that stays faulty for another proving period.

    Source: ``monies.go``, PledgePenaltyForContinuedFault.
    """
    return expected_reward(reward, power, quality, CONTINUED_FAULT_PERIOD)


def termination_fee(
    size: int, epoch: int, reward: FilterEstimate, power: FilterEstimate, sectors: Iterable[SectorOnChainInfoV2]
) -> int:
    """What terminating sectors costs: half of what they, and those they replaced, may have earned in 140 days.

    It is no less than the reward of three and a half days, so that a young sector is not terminated to save its fee.

    Source: ``monies.go``, PledgePenaltyForTermination, PledgePenaltyForTerminationLowerBound.
    """
    total = 0
    for sector in sectors:
        age = min(epoch - sector.activation, TERMINATION_AGE_MAX)
        replaced_age = min(sector.replaced_sector_age, TERMINATION_AGE_MAX - age)
        earned = sector.expected_day_reward * age + sector.replaced_day_reward * replaced_age
        least = expected_reward(reward, power, sector_quality_power(size, sector), TERMINATION_PERIOD)
        total += max(least, sector.expected_storage_pledge + earned // (2 * EPOCHS_IN_DAY))
    return total


def slasher_reward(age: int, penalty: int) -> int:
    """What the reporter of a consensus fault gets: a share that grows with the fault's age, a twentieth at most.

    Source: ``policy.go``, RewardForConsensusSlashReport.
    """
    share: int = 100_785_473_384**age * penalty // (100_000_000_000**age * 1000)
    return min(share, penalty // 20)


def check_balance(runtime: ActorRuntime, state: MinerStateV2 | None = None) -> None:
    """Abort, as the last step of a call that moves money, unless the miner has what it has locked.

    Source: ``miner_state.go``, CheckBalanceInvariants.
    """
    try:
        (state or runtime.read_state(MinerStateV2)).check_balance(runtime.balance())
    except StateFault as fault:
        runtime.abort(BALANCE_BROKEN, str(fault))
