"""Scores by the specification's function and Lotus' weights."""

import pytest
from thespis.runtime.p2p import scores as module
from thespis.runtime.p2p.scores import (
    ADDRESS_PEERS_MAX,
    HOUR_S,
    MISUSES_FORGIVEN,
    RETAIN_S,
    Scores,
    TopicScore,
)

BLOCKS = TopicScore(first_weight=5.0, first_decays_s=HOUR_S)


class Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def scores(clock):
    found = Scores({"blocks": BLOCKS, "messages": TopicScore()}, clock)
    found.joined("peer", "1.1.1.1")
    return found


def test_invalid_payloads_cost_their_square_and_are_forgotten_in_an_hour(scores, clock):
    for count, expected in ((1, -100), (2, -400), (3, -900), (4, -1600)):
        scores.invalid("peer", "blocks")
        assert scores.of("peer") == pytest.approx(expected, rel=1e-6), count
    clock.now_s += HOUR_S
    assert scores.of("peer") == pytest.approx(-1600 * 0.01**2, rel=1e-3)
    clock.now_s += HOUR_S
    assert scores.of("peer") == 0


def test_topics_add_up_and_one_that_is_not_ours_counts_in_each(scores):
    scores.invalid("peer", "elsewhere")
    assert scores.of("peer") == pytest.approx(-200)


def test_deliveries_are_worth_something_and_never_much(scores, clock):
    scores.delivered("peer", "messages")
    assert scores.of("peer") == pytest.approx(0.05)
    for _ in range(1000):
        scores.delivered("peer", "blocks")
    assert scores.of("peer") == pytest.approx(50.05)
    clock.now_s += 600
    assert scores.of("peer") == pytest.approx(50 * 0.01 ** (1 / 6), rel=1e-3)


def test_time_in_the_mesh_is_worth_next_to_nothing(scores, clock):
    scores.grafted("peer", "blocks")
    clock.now_s += 100
    assert 0 < scores.of("peer") < 1e-4
    scores.pruned("peer", "blocks")
    assert scores.of("peer") == 0


def test_a_crowd_of_one_address_costs_all_of_it_unless_it_is_the_own_machine(scores):
    for number in range(ADDRESS_PEERS_MAX + 2):
        scores.joined(f"crowd-{number}", "2.2.2.2")
        scores.joined(f"local-{number}", "127.0.0.1")
    assert scores.of("crowd-0") == -400
    assert scores.conduct("crowd-0") == 0, "it is not let go of for that"
    assert scores.of("local-0") == scores.of("peer") == 0
    scores.left("crowd-6")
    assert scores.of("crowd-0") == -100


def test_misuse_of_the_mesh_is_forgiven_six_times(scores):
    for _ in range(MISUSES_FORGIVEN):
        scores.misused("peer")
    assert scores.of("peer") == 0
    scores.misused("peer")
    assert scores.of("peer") == -10
    scores.misused("peer")
    assert scores.of("peer") == -40


def test_leaving_washes_nothing_clean(scores, clock):
    for _ in range(3):
        scores.invalid("peer", "blocks")
    scores.delivered("peer", "blocks")
    scores.left("peer")
    scores.left("peer")
    scores.joined("peer", "3.3.3.3")
    assert scores.of("peer") == pytest.approx(-900), "and what merit there was is gone"
    scores.left("peer")
    clock.now_s += RETAIN_S + 1
    scores.joined("peer", "3.3.3.3")
    assert scores.of("peer") == 0


def test_a_bounded_number_of_those_gone_is_remembered(scores, monkeypatch):
    assert module.RETAINED_MAX == 4096
    monkeypatch.setattr(module, "RETAINED_MAX", 2)
    for number in range(4):
        scores.joined(f"gone-{number}", "4.4.4.4")
        scores.invalid(f"gone-{number}", "blocks")
        scores.left(f"gone-{number}")
    assert [scores.of(f"gone-{number}") < 0 for number in range(4)] == [False, False, True, True]
    scores.left("peer")
    assert len(scores._records) == 2, "who left with nothing against it is forgotten"
    assert not scores._by_ip
