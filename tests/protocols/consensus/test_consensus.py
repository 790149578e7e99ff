import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.consensus.election import WIN_COUNT_MAX, expected_wins, inverse_cumulative, win_count
from thespis.protocols.consensus.exponential import ONE, expneg
from thespis.protocols.consensus.randomness import Purpose, draw, miner_entropy
from thespis.protocols.consensus.weight import chain_weight
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import InvalidTipsetError

from tests.vectors import load


def test_expneg_vectors():
    cases = load("ec_expneg.json")["cases"]
    assert len(cases) == 256
    for case in cases:
        assert expneg(int(case["x_q256"])) == int(case["y_q256"])


def test_lambda_vectors():
    for case in load("ec_lambda.json")["cases"]:
        assert expected_wins(int(case["power"]), int(case["total_power"])) == int(case["lambda_q256"])


def test_poisson_vectors():
    for case in load("ec_poisson.json")["cases"]:
        rate = int(case["lambda_base"]) << (256 - int(case["lambda_shift"]))
        expected = [int(value) for value in case["icdf_q256"]]
        assert list(itertools.islice(inverse_cumulative(rate), len(expected))) == expected


def test_known_values():
    assert expneg(0) == ONE
    assert abs(expneg(ONE) / ONE - 0.36787944117144233) < 1e-15


@given(st.binary(min_size=96, max_size=96), st.integers(1, 10**18), st.integers(1, 10**18))
def test_wins_grow_with_power_and_are_bounded(proof, power, total):
    power = min(power, total)
    wins = win_count(proof, power, total)
    assert 0 <= wins <= WIN_COUNT_MAX
    assert win_count(proof, power // 2, total) <= wins <= win_count(proof, total, total)
    assert win_count(proof, 0, total) == 0


def test_wins_average_to_the_expected_leaders():
    wins = [win_count(b"%d" % n, 1, 1) for n in range(2000)]
    assert 4.8 < sum(wins) / len(wins) < 5.2


def test_draws_are_apart():
    base, entropy = b"beacon", miner_entropy(Address.id(1000))
    assert entropy.hex() == "4300e807"
    draws = {draw(base, purpose, epoch, entropy) for purpose in Purpose for epoch in (-1, 0, 1)}
    assert len(draws) == 3 * len(Purpose)
    assert all(len(value) == 32 for value in draws)
    assert draw(b"other", Purpose.TICKET_PRODUCTION, 0, entropy) not in draws


def test_weight():
    # log2 of 1024 is 10; one win of five expected, at a ratio of a half
    assert chain_weight(100, [1], 1024) == 100 + (10 << 8) + (10 << 8) // 10
    assert chain_weight(0, [], 1) == 0
    with pytest.raises(InvalidTipsetError):
        chain_weight(0, [1], 0)
