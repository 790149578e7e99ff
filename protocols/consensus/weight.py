"""The weight of a chain: what the fork choice compares (Lotus v1.4.0 ``chain/store/weight.go``, ChainStore.Weight)."""

from __future__ import annotations

from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.election import EXPECTED_LEADERS
from thespis.protocols.errors import InvalidTipsetError

RATIO_NUMERATOR, RATIO_DENOMINATOR = 1, 2
_SHIFT = 8


def tipset_weight(tipset: Tipset, network_power: int) -> int:
    """The weight of the chain that ends in a tipset; the power, in bytes, is that of the state its blocks stand on."""
    wins = [block.election_proof.win_count for block in tipset.blocks if block.election_proof]
    return chain_weight(tipset.parent_weight, wins, network_power)


def chain_weight(parent_weight: int, win_counts: list[int], network_power: int) -> int:
    """Weight after a tipset with these win counts, under the power its parent state records.

    Grows with the logarithm of power, and with how many of the expected leaders took part, so that neither a few large
    miners alone nor many empty epochs make a chain heavy (reference: formats, section 6).
    """
    if network_power <= 0:
        raise InvalidTipsetError(f"network power is {network_power}; a chain without power has no weight")
    logarithm = network_power.bit_length() - 1
    participation = (logarithm * sum(win_counts) * RATIO_NUMERATOR << _SHIFT) // (EXPECTED_LEADERS * RATIO_DENOMINATOR)
    return parent_weight + (logarithm << _SHIFT) + participation
