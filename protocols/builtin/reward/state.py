"""The state of the reward actor, and how much FIL an epoch mints.

A part of the supply is minted on a plain exponential decay. The other, larger part is minted on the same decay over
*effective* time, which advances only as fast as the network's power keeps up with a baseline that grows year by year:
storage that does not come is not paid for.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/reward/``.
"""

from __future__ import annotations

import dataclasses
from typing import Self

from thespis.protocols.builtin.smoothing import FilterEstimate
from thespis.protocols.consensus.election import EXPECTED_LEADERS
from thespis.protocols.consensus.exponential import expneg
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, StateRecord, TokenAmount, record

PRECISION = 128
SIMPLE_TOTAL = 330_000_000 * 10**18
BASELINE_TOTAL = 770_000_000 * 10**18
LAMBDA = 37_396_271_439_864_487_274_534_522_888_786
"""ln(2) over six years of epochs, in Q.128."""
EXP_LAMBDA_LESS_ONE = 37_396_273_494_747_879_394_193_016_954_629
BASELINE_EXPONENT_V0 = 340_282_722_551_251_692_435_795_578_557_183_609_728
"""Growth per epoch in Q.128 that makes 200 % a year."""
BASELINE_EXPONENT_V3 = 340_282_591_298_641_078_465_964_189_926_313_473_653
"""The same for 100 % a year, from network version 3 on."""
BASELINE_INITIAL = 1 << 60
BASELINE_INITIAL_V2 = 2_888_888_880_000_000_000
"""What networks begin with whose first actors are those of version 2."""
_EXPONENT_V3_FROM = 3
INITIAL_REWARD_POSITION = 36_266_260_308_195_979_333
INITIAL_REWARD_VELOCITY = -109_897_758_509


@record
class RewardState(StateRecord):
    """Sums in byte-epochs, powers in bytes, amounts in attoFIL; effective time is rounded up.

    Source: ``reward_state.go``, State.
    """

    cumsum_baseline: BigInteger
    cumsum_realized: BigInteger
    effective_network_time: ChainEpoch
    effective_baseline_power: BigInteger
    this_epoch_reward: TokenAmount
    this_epoch_reward_smoothed: FilterEstimate
    this_epoch_baseline_power: BigInteger
    epoch: ChainEpoch
    total_mined: TokenAmount

    @classmethod
    def initial(cls, realized_power: int) -> Self:
        """The state at genesis, with the power that the network starts with, in bytes.

        Source: ``reward_state.go``, ConstructState.
        """
        return cls._before_first(realized_power, BASELINE_INITIAL, BASELINE_EXPONENT_V0, 0)

    @classmethod
    def _before_first(
        cls, realized_power: int, baseline: int, exponent: int, network_version: int, *totals: TokenAmount
    ) -> Self:
        return cls(
            BigInteger(0),
            BigInteger(0),
            ChainEpoch(0),
            BigInteger(baseline),
            TokenAmount(0),
            FilterEstimate.starting(INITIAL_REWARD_POSITION, INITIAL_REWARD_VELOCITY),
            BigInteger((baseline << 2 * PRECISION) // exponent >> PRECISION),
            ChainEpoch(-1),
            TokenAmount(0),
            *totals,
        )._next_with_reward(realized_power, network_version)

    def minted(self, win_count: int, balance: int) -> int:
        """What a block that won so often is paid of the epoch's reward, if there is as much; attoFIL.

        Source: ``reward_actor.go``, AwardBlockReward.
        """
        return min(self.this_epoch_reward * win_count // EXPECTED_LEADERS, balance)

    def _totals(self) -> tuple[int, int]:
        """AttoFIL that are minted by time, and by effective time."""
        return SIMPLE_TOTAL, BASELINE_TOTAL

    def after(self, epoch: int, realized_power: int, network_version: int) -> Self:
        """The state for the epoch after `epoch`; null rounds since the last update are caught up.

        Source: ``reward_actor.go``, UpdateNetworkKPI; ``reward_state.go``, updateSmoothedEstimates.
        """
        state = self
        while state.epoch < epoch:
            state = state._next(realized_power, network_version)
        state = state._next_with_reward(realized_power, network_version)
        smoothed = state.this_epoch_reward_smoothed.next(state.this_epoch_reward, state.epoch - self.epoch)
        return dataclasses.replace(state, this_epoch_reward_smoothed=smoothed)

    def _next(self, realized_power: int, network_version: int) -> Self:
        """One epoch on: the power that was there, up to the baseline, moves effective time.

        Source: ``reward_state.go``, updateToNextEpoch.
        """
        baseline = next_baseline(self.this_epoch_baseline_power, network_version)
        realized = self.cumsum_realized + min(baseline, realized_power)
        time, power, total = self.effective_network_time, self.effective_baseline_power, self.cumsum_baseline
        while realized > total:
            time = ChainEpoch(time + 1)
            power = BigInteger(next_baseline(power, network_version))
            total = BigInteger(total + power)
        return dataclasses.replace(
            self,
            epoch=ChainEpoch(self.epoch + 1),
            this_epoch_baseline_power=BigInteger(baseline),
            cumsum_realized=BigInteger(realized),
            effective_network_time=time,
            effective_baseline_power=power,
            cumsum_baseline=total,
        )

    def _next_with_reward(self, realized_power: int, network_version: int) -> Self:
        """One epoch on, with what that epoch pays.

        Source: ``reward_state.go``, updateToNextEpochWithReward.
        """
        state = self._next(realized_power, network_version)
        reward = epoch_reward(state.epoch, self.theta(), state.theta(), *self._totals())
        return dataclasses.replace(state, this_epoch_reward=TokenAmount(reward))

    def theta(self) -> int:
        """Effective time as a fraction in Q.128, interpolated within its last epoch.

        Source: v0.9.15 ``reward_logic.go``, computeRTheta.
        """
        if self.effective_network_time == 0:
            return 0
        missing = (self.cumsum_baseline - self.cumsum_realized << PRECISION) // self.effective_baseline_power
        return (self.effective_network_time << PRECISION) - missing


def next_baseline(power: int, network_version: int) -> int:
    """The baseline power one epoch on, in bytes.

    Source: ``reward_logic.go``, BaselinePowerFromPrev.
    """
    exponent = BASELINE_EXPONENT_V3 if network_version >= _EXPONENT_V3_FROM else BASELINE_EXPONENT_V0
    return power * exponent >> PRECISION


def epoch_reward(
    epoch: int, previous_theta: int, theta: int, simple_total: int = SIMPLE_TOTAL, baseline_total: int = BASELINE_TOTAL
) -> int:
    """AttoFIL that all expected leaders of an epoch share, with what effective time has advanced in it.

    Source: ``reward_logic.go``, computeReward.
    """
    simple = simple_total * EXP_LAMBDA_LESS_ONE * expneg(epoch * LAMBDA, PRECISION) >> PRECISION
    released = baseline_supply(theta, baseline_total) - baseline_supply(previous_theta, baseline_total)
    return simple + released >> PRECISION


def baseline_supply(theta: int, total: int = BASELINE_TOTAL) -> int:
    """What effective time has released of the baseline's share, in Q.128.

    Source: ``reward_logic.go``, computeBaselineSupply.
    """
    return total * ((1 << PRECISION) - expneg(theta * LAMBDA >> PRECISION, PRECISION))
