"""The election: how often a miner won an epoch, from its share of power and one VRF output.

Wins are Poisson distributed with the expected number of leaders times the share; the VRF output, read as a fraction, is
put through the inverse distribution. All in Q.256 integers (Lotus v1.4.0 ``chain/types/electionproof.go``,
ElectionProof.ComputeWinCount; reference: formats, section 6).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from thespis.protocols.consensus.exponential import ONE, PRECISION, expneg

EXPECTED_LEADERS = 5
WIN_COUNT_MAX = 3 * EXPECTED_LEADERS


def expected_wins(power: int, total_power: int) -> int:
    """The Poisson parameter of a share of power, in Q.256."""
    return (power * EXPECTED_LEADERS << PRECISION) // total_power


def inverse_cumulative(rate: int) -> Iterator[int]:
    """1 minus the cumulative distribution at 0, 1, 2, …, in Q.256."""
    mass = expneg(rate)
    remaining = ONE - mass
    wins = 0
    while True:
        yield remaining
        wins += 1
        mass = mass // wins * rate >> PRECISION
        remaining -= mass


def win_count(vrf_proof: bytes, power: int, total_power: int) -> int:
    """How many times a proof wins; 0 is a lost epoch."""
    draw = int.from_bytes(hashlib.blake2b(vrf_proof, digest_size=32).digest(), "big")
    wins = 0
    for threshold in inverse_cumulative(expected_wins(power, total_power)):
        if draw >= threshold or wins == WIN_COUNT_MAX:
            break
        wins += 1
    return wins
