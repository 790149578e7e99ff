"""The weight of a chain: what the fork choice compares."""

from __future__ import annotations

from thespis.protocols.consensus.election import EXPECTED_LEADERS
from thespis.protocols.errors import InvalidTipsetError

RATIO_NUMERATOR, RATIO_DENOMINATOR = 1, 2
_SHIFT = 8


def chain_weight(parent_weight: int, win_counts: list[int], network_power: int) -> int:
    """Weight after a tipset with these win counts, under the power its parent state records.

    Grows with the logarithm of power, and with how many of the expected leaders took part (reference: formats,
    section 6).
    """
    if network_power <= 0:
        raise InvalidTipsetError(f"network power is {network_power}; a chain without power has no weight")
    logarithm = network_power.bit_length() - 1
    participation = (logarithm * sum(win_counts) * RATIO_NUMERATOR << _SHIFT) // (EXPECTED_LEADERS * RATIO_DENOMINATOR)
    return parent_weight + (logarithm << _SHIFT) + participation
