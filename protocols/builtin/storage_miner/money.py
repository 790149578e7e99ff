"""What sectors earn, lock and cost; powers in bytes, amounts in attoFIL, durations in epochs.

Everything is reckoned from what a power is expected to earn: the pledge is that of twenty days, a fault costs that of
some days, a termination that of the sector's age. Estimates of the network's reward and power are smoothed, so that
nobody gains by choosing the epoch.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from thespis.protocols.builtin.policy import EPOCHS_IN_DAY
from thespis.protocols.builtin.smoothing import PRECISION, FilterEstimate, extrapolated_ratio_sum
from thespis.protocols.builtin.storage_miner.state import AnyMiner, Miner, MinerState, PowerPair, SectorOnChainInfo
from thespis.protocols.encoding.tuples import TokenAmount
from thespis.protocols.vm.exit_codes import ActorPanic, ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

PRE_COMMIT_DEPOSIT_PERIOD = PLEDGE_PERIOD = 20 * EPOCHS_IN_DAY
"""Deposit and pledge are what a power would earn in so many epochs."""
PLEDGE_MAX_PER_BYTE = 10**18 // (32 << 30)
"""The pledge of a sector of 32 GiB and plain quality is one FIL at most (``monies.go``, InitialPledgeMaxPerByte)."""
DECLARED_PERIOD_V0, DECLARED_PERIOD_V3 = EPOCHS_IN_DAY * 214 // 100, EPOCHS_IN_DAY * 351 // 100
UNDECLARED_PERIOD_V0, UNDECLARED_PERIOD_V1 = EPOCHS_IN_DAY * 50 // 10, EPOCHS_IN_DAY * 35 // 10
"""Faults cost what their power would earn in so many epochs (``monies.go``, DeclaredFaultProjectionPeriodV0, …)."""
TERMINATION_AGE_MAX = 70 * EPOCHS_IN_DAY
"""A termination costs the reward of no more than these days (``monies.go``, TerminationLifetimeCap)."""
_SCALED_FAULTS, _SCALED_TERMINATIONS = 3, 1
"""Network versions from which on faults and terminations cost otherwise."""
QUALITY_BASE, QUALITY_DEAL, QUALITY_VERIFIED = 10, 10, 100
"""Weights of capacity without deals, with deals and with verified ones (``actors/builtin/network.go``)."""
QUALITY_BITS = 20
"""Bits behind the point of a quality (``actors/builtin/network.go``, SectorQualityPrecision)."""


def quality_power(size: int, duration: int, deal_weight: int, verified_weight: int) -> int:
    """Quality-adjusted power of a sector: verified deals count ten times for the time that they last.

    Source: ``policy.go``, QualityForWeight, QAPowerForWeight.
    """
    space_time = size * duration
    deals = deal_weight + verified_weight
    if space_time < deals:
        raise ActorPanic(f"deals of {deals} byte-epochs in a sector of {space_time}")
    weighted = (space_time - deals) * QUALITY_BASE + deal_weight * QUALITY_DEAL + verified_weight * QUALITY_VERIFIED
    quality = (weighted << QUALITY_BITS) // space_time // QUALITY_BASE
    return size * quality >> QUALITY_BITS


def sector_quality_power(size: int, sector: SectorOnChainInfo) -> int:
    """Quality-adjusted power of a sector on chain.

    Source: ``policy.go``, QAPowerForSector.
    """
    duration = sector.expiration - sector.activation
    return quality_power(size, duration, sector.deal_weight, sector.verified_deal_weight)


def power_of(size: int, sectors: Iterable[SectorOnChainInfo]) -> PowerPair:
    """The raw and quality-adjusted power of sectors.

    Source: ``miner_actor.go``, PowerForSectors.
    """
    adjusted = [sector_quality_power(size, sector) for sector in sectors]
    return PowerPair(TokenAmount(size * len(adjusted)), TokenAmount(sum(adjusted)))


def expected_reward(reward: FilterEstimate, power: FilterEstimate, quality: int, duration: int) -> int:
    """What a power is expected to earn within a duration; a network without power pays all to whoever comes first.

    Source: ``monies.go``, ExpectedRewardForPower.
    """
    if power.value() == 0:
        return reward.value()
    return quality * extrapolated_ratio_sum(duration, reward, power) >> PRECISION


def declared_fault_fee(reward: FilterEstimate, power: FilterEstimate, quality: int, network_version: int) -> int:
    """What a faulty power costs each proving period.

    Source: v0.9.15 ``monies.go``, PledgePenaltyForDeclaredFault.
    """
    period = DECLARED_PERIOD_V3 if network_version >= _SCALED_FAULTS else DECLARED_PERIOD_V0
    return expected_reward(reward, power, quality, period)


def undeclared_fault_fee(reward: FilterEstimate, power: FilterEstimate, quality: int, network_version: int) -> int:
    """What a faulty power costs that nobody declared, when it is found.

    Source: v0.9.15 ``monies.go``, PledgePenaltyForUndeclaredFault.
    """
    period = UNDECLARED_PERIOD_V1 if network_version >= _SCALED_TERMINATIONS else UNDECLARED_PERIOD_V0
    return expected_reward(reward, power, quality, period)


def termination_fee(
    size: int,
    epoch: int,
    reward: FilterEstimate,
    power: FilterEstimate,
    network_version: int,
    sectors: Iterable[SectorOnChainInfo],
) -> int:
    """What terminating sectors costs: what they pledged for and earned of late, and no less than an undeclared fault.

    Source: v0.9.15 ``monies.go``, PledgePenaltyForTermination; ``miner_actor.go``, terminationPenalty.
    """
    total = 0
    for sector in sectors:
        age = epoch - sector.activation
        capped = min(age // 2 if network_version >= _SCALED_TERMINATIONS else age, TERMINATION_AGE_MAX)
        quality = sector_quality_power(size, sector)
        total += max(
            undeclared_fault_fee(reward, power, quality, network_version),
            sector.expected_storage_pledge + sector.expected_day_reward * capped // EPOCHS_IN_DAY,
        )
    return total


def initial_pledge(
    quality: int, baseline: int, reward: FilterEstimate, power: FilterEstimate, circulating_supply: int
) -> int:
    """What a new sector locks: its reward of twenty days, and its share of a third of what circulates.

    The share is of the network's power, or of the baseline where that is more: an early network is not for sale.

    Source: ``monies.go``, InitialPledgeForPower.
    """
    base = expected_reward(reward, power, quality, PLEDGE_PERIOD)
    share = 3 * circulating_supply * quality // (10 * max(power.value(), baseline, quality))
    return min(base + share, PLEDGE_MAX_PER_BYTE * quality)


def slasher_reward(age: int, collateral: int) -> int:
    """What the reporter of a consensus fault gets: a share that grows with the fault's age in epochs, half at most.

    Source: v0.9.15 ``policy.go``, RewardForConsensusSlashReport.
    """
    share: int = 101_251**age * collateral // (100_000**age * 1000)
    return min(share, collateral // 2)


def unlocked_balance(runtime: ActorRuntime, state: AnyMiner) -> int:
    """What is neither vesting nor deposited; in version 2 not pledged either.

    Source: ``miner_state.go``, GetUnlockedBalance.
    """
    unlocked = state.unlocked_balance(runtime.balance())
    runtime.check(unlocked >= 0, "more is locked than the miner has")
    return unlocked


def check_balance(runtime: ActorRuntime, state: MinerState) -> None:
    """A panic unless the miner has what it has locked and deposited.

    Source: v0.9.15 ``miner_state.go``, AssertBalanceInvariants.
    """
    runtime.check(runtime.balance() >= state.pre_commit_deposits + state.locked_funds, "a miner owes what it locked")


def add_deposit(runtime: ActorRuntime, state: Miner, amount: int) -> Miner:
    """Change the sum of deposits of commitments.

    Source: ``miner_state.go``, AddPreCommitDeposit.
    """
    total = state.pre_commit_deposits + amount
    runtime.check(total >= 0, "deposits would be negative")
    return dataclasses.replace(state, pre_commit_deposits=TokenAmount(total))


def add_pledge(runtime: ActorRuntime, state: Miner, amount: int) -> Miner:
    """Change the sum of the sectors' pledges.

    Source: v0.9.15 ``miner_state.go``, AddInitialPledgeRequirement; v2.3.6, AddInitialPledge.
    """
    total = state.pledge + amount
    runtime.check(total >= 0, "pledges would be negative")
    return state.with_pledge(total)


def require_pledge(runtime: ActorRuntime, state: MinerState) -> None:
    """Abort unless the unlocked balance covers the sectors' pledges.

    Source: v0.9.15 ``miner_actor.go``, verifyPledgeMeetsInitialRequirements.
    """
    if unlocked_balance(runtime, state) < state.initial_pledge_requirement:
        runtime.abort(ExitCode.INSUFFICIENT_FUNDS, "the unlocked balance does not cover the pledge")
