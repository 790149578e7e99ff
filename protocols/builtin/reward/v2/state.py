"""The state of the reward actor, version 2: it keeps the totals that it mints from.

Sources are files of specs-actors v2.3.6, ``actors/builtin/reward/``.
"""

from __future__ import annotations

from thespis.protocols.builtin.reward.state import (
    BASELINE_EXPONENT_V3,
    BASELINE_INITIAL_V2,
    BASELINE_TOTAL,
    SIMPLE_TOTAL,
    RewardState,
)
from thespis.protocols.encoding.tuples import TokenAmount, record


@record
class RewardStateV2(RewardState):
    """The same, with the totals that epochs mint from, which an upgrade had made depend on the chain's history."""

    simple_total: TokenAmount
    baseline_total: TokenAmount

    @classmethod
    def initial(cls, realized_power: int) -> RewardStateV2:
        """The state at the genesis of a network that begins with version 2.

        Source: ``reward_state.go``, ConstructState.
        """
        totals = TokenAmount(SIMPLE_TOTAL), TokenAmount(BASELINE_TOTAL)
        return cls._before_first(realized_power, BASELINE_INITIAL_V2, BASELINE_EXPONENT_V3, 4, *totals)

    def _totals(self) -> tuple[int, int]:
        return self.simple_total, self.baseline_total
