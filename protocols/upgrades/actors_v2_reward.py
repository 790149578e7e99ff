"""The reward actor's state as if version 2's baseline had been there from the beginning, with as much left to mint.

Everything is in Q.128 unless it says otherwise (specs-actors v2.3.6 ``nv4/reward``).
"""

from __future__ import annotations

from thespis.protocols.builtin.reward.state import (
    BASELINE_EXPONENT_V3,
    BASELINE_INITIAL_V2,
    BASELINE_TOTAL,
    EXP_LAMBDA_LESS_ONE,
    LAMBDA,
    PRECISION,
    SIMPLE_TOTAL,
    RewardState,
)
from thespis.protocols.builtin.reward.v2.state import RewardStateV2
from thespis.protocols.builtin.smoothing import FilterEstimate, natural_logarithm
from thespis.protocols.consensus.exponential import expneg
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount

ONE = 1 << PRECISION
GROWTH_OVER_INITIAL = 77_669_179_383_316
"""The baseline's growth per epoch over its first value."""
ONE_OVER_GROWTH = 516_058_975_841_646_949_912_583_456_815_941_211_282_956_743
VELOCITY = 31 * 10**51
"""The reward's change per epoch; it matters less, so the reference has one number for it."""


def migrate_reward(state: RewardState, raw_power: int, epoch: int) -> RewardStateV2:
    """The new state after an epoch, with the network's raw power in bytes."""
    grown = natural_logarithm((state.cumsum_realized * GROWTH_OVER_INITIAL) + ONE)
    theta = grown * ONE_OVER_GROWTH >> PRECISION
    effective_time = (theta >> PRECISION) + 1
    effective_baseline = BASELINE_INITIAL_V2 * _power(BASELINE_EXPONENT_V3, effective_time)
    cumsum = (effective_baseline - (BASELINE_INITIAL_V2 << PRECISION)) * ONE_OVER_GROWTH >> 2 * PRECISION
    shift = LAMBDA * (state.theta() - theta) >> PRECISION
    baseline_total = BASELINE_TOTAL * expneg(shift, PRECISION) >> PRECISION
    return RewardStateV2(
        cumsum_baseline=BigInteger(cumsum),
        cumsum_realized=state.cumsum_realized,
        effective_network_time=ChainEpoch(effective_time),
        effective_baseline_power=BigInteger(effective_baseline >> PRECISION),
        this_epoch_reward=state.this_epoch_reward,
        this_epoch_reward_smoothed=FilterEstimate(
            BigInteger(_expected_reward(state, raw_power, theta, baseline_total, epoch)), BigInteger(VELOCITY)
        ),
        this_epoch_baseline_power=BigInteger(BASELINE_INITIAL_V2 * _power(BASELINE_EXPONENT_V3, epoch) >> PRECISION),
        epoch=state.epoch,
        total_mined=state.total_mined,
        simple_total=TokenAmount(SIMPLE_TOTAL),
        baseline_total=TokenAmount(baseline_total),
    )


def _expected_reward(state: RewardState, raw_power: int, theta: int, baseline_total: int, epoch: int) -> int:
    """What an epoch would pay by the closed formula: half-lives of six years of plain and of effective time."""
    committed = BASELINE_INITIAL_V2 * ONE_OVER_GROWTH + (state.cumsum_realized << PRECISION)
    speed = natural_logarithm((raw_power << 2 * PRECISION) // committed + ONE)
    released = ONE - expneg((speed << PRECISION) // (6 << PRECISION), PRECISION)
    left = expneg(theta * LAMBDA >> PRECISION, PRECISION)
    by_baseline = (released * left >> PRECISION) * baseline_total
    simple = expneg(epoch * LAMBDA, PRECISION) * SIMPLE_TOTAL * EXP_LAMBDA_LESS_ONE >> PRECISION
    return by_baseline + simple


def _power(base: int, exponent: int) -> int:
    """A power by squaring, rounded as the reference rounds."""
    if exponent == 0:
        return ONE
    if exponent == 1:
        return base
    squared = _power(base * base >> PRECISION, exponent // 2)
    return base * squared >> PRECISION if exponent % 2 else squared
