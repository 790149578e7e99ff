"""Who may mine: power in the past, and from network version 4 on a good standing now."""

import pytest
from thespis.protocols.consensus.eligibility import NEVER_EXCLUDED, MinerStanding, may_mine

GOOD = MinerStanding(power=1, fee_debt=0, excluded_until=NEVER_EXCLUDED)


def eligible(standing, version=5, height=100, *, has_minimum=True):
    return may_mine(has_minimum_power=has_minimum, standing=standing, network_version=version, parent_height=height)


def test_power_in_the_past_comes_first():
    assert eligible(GOOD)
    assert not eligible(GOOD, has_minimum=False)
    assert not eligible(GOOD, version=3, has_minimum=False)


@pytest.mark.parametrize(
    "standing",
    [None, MinerStanding(0, 0, -1), MinerStanding(1, 1, -1), MinerStanding(1, 0, 100), MinerStanding(1, 0, 101)],
)
def test_a_lost_standing_counts_from_version_4_on(standing):
    assert [eligible(standing, version) for version in (0, 3, 4, 5)] == [True, True, False, False]


def test_a_consensus_fault_excludes_to_its_last_epoch():
    fault = MinerStanding(1, 0, 100)
    assert [eligible(fault, height=height) for height in (0, 99, 100, 101)] == [False, False, False, True]
    assert eligible(GOOD, height=0), "genesis is a parent too"
