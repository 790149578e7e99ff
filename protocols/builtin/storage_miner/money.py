"""What sectors earn, lock and cost; powers in bytes, amounts in attoFIL (specs-actors v0.9.15 ``monies.go``)."""

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
PLEDGE_MAX_PER_BYTE = 10**18 // (32 << 30)
"""The pledge of a sector of 32 GiB is one FIL at most."""
DECLARED_PERIOD_V0, DECLARED_PERIOD_V3 = EPOCHS_IN_DAY * 214 // 100, EPOCHS_IN_DAY * 351 // 100
UNDECLARED_PERIOD_V0, UNDECLARED_PERIOD_V1 = EPOCHS_IN_DAY * 50 // 10, EPOCHS_IN_DAY * 35 // 10
TERMINATION_AGE_MAX = 70 * EPOCHS_IN_DAY
_SCALED_FAULTS, _SCALED_TERMINATIONS = 3, 1
"""Network versions from which on faults and terminations cost otherwise."""
QUALITY_BASE, QUALITY_DEAL, QUALITY_VERIFIED = 10, 10, 100
QUALITY_BITS = 20


def quality_power(size: int, duration: int, deal_weight: int, verified_weight: int) -> int:
    """Power of a sector, where verified deals count ten times."""
    space_time = size * duration
    deals = deal_weight + verified_weight
    if space_time < deals:
        raise ActorPanic(f"deals of {deals} byte-epochs in a sector of {space_time}")
    weighted = (space_time - deals) * QUALITY_BASE + deal_weight * QUALITY_DEAL + verified_weight * QUALITY_VERIFIED
    quality = (weighted << QUALITY_BITS) // space_time // QUALITY_BASE
    return size * quality >> QUALITY_BITS


def sector_quality_power(size: int, sector: SectorOnChainInfo) -> int:
    """Quality-adjusted power of a sector on chain."""
    duration = sector.expiration - sector.activation
    return quality_power(size, duration, sector.deal_weight, sector.verified_deal_weight)


def power_of(size: int, sectors: Iterable[SectorOnChainInfo]) -> PowerPair:
    """The power of sectors."""
    adjusted = [sector_quality_power(size, sector) for sector in sectors]
    return PowerPair(TokenAmount(size * len(adjusted)), TokenAmount(sum(adjusted)))


def expected_reward(reward: FilterEstimate, power: FilterEstimate, quality: int, duration: int) -> int:
    """What a power is expected to earn within a duration."""
    if power.value() == 0:
        return reward.value()
    return quality * extrapolated_ratio_sum(duration, reward, power) >> PRECISION


def declared_fault_fee(reward: FilterEstimate, power: FilterEstimate, quality: int, network_version: int) -> int:
    """What a faulty sector costs each proving period."""
    period = DECLARED_PERIOD_V3 if network_version >= _SCALED_FAULTS else DECLARED_PERIOD_V0
    return expected_reward(reward, power, quality, period)


def undeclared_fault_fee(reward: FilterEstimate, power: FilterEstimate, quality: int, network_version: int) -> int:
    """What a fault costs that nobody declared."""
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
    """What ending sectors before their time costs."""
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
    """What a new sector locks: its reward of twenty days, and its share of a third of what circulates."""
    base = expected_reward(reward, power, quality, PLEDGE_PERIOD)
    share = 3 * circulating_supply * quality // (10 * max(power.value(), baseline, quality))
    return min(base + share, PLEDGE_MAX_PER_BYTE * quality)


def slasher_reward(age: int, collateral: int) -> int:
    """What the reporter of a consensus fault gets: a share that grows with the fault's age, half at most."""
    share: int = 101_251**age * collateral // (100_000**age * 1000)
    return min(share, collateral // 2)


def unlocked_balance(runtime: ActorRuntime, state: AnyMiner) -> int:
    """What is neither vesting nor deposited."""
    unlocked = state.unlocked_balance(runtime.balance())
    runtime.check(unlocked >= 0, "more is locked than the miner has")
    return unlocked


def check_balance(runtime: ActorRuntime, state: MinerState) -> None:
    """A miner has what it has locked and deposited."""
    runtime.check(runtime.balance() >= state.pre_commit_deposits + state.locked_funds, "a miner owes what it locked")


def add_deposit(runtime: ActorRuntime, state: Miner, amount: int) -> Miner:
    """Change the sum of deposits."""
    total = state.pre_commit_deposits + amount
    runtime.check(total >= 0, "deposits would be negative")
    return dataclasses.replace(state, pre_commit_deposits=TokenAmount(total))


def add_pledge(runtime: ActorRuntime, state: Miner, amount: int) -> Miner:
    """Change the sum of pledges."""
    total = state.pledge + amount
    runtime.check(total >= 0, "pledges would be negative")
    return state.with_pledge(total)


def require_pledge(runtime: ActorRuntime, state: MinerState) -> None:
    """End the call unless the balance covers the pledges."""
    if unlocked_balance(runtime, state) < state.initial_pledge_requirement:
        runtime.abort(ExitCode.INSUFFICIENT_FUNDS, "the unlocked balance does not cover the pledge")
