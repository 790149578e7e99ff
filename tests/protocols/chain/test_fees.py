"""What to offer for a message."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.chain import fees
from thespis.protocols.chain.base_fee import base_fee_over, next_base_fee
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.encoding.tuples import TokenAmount

from tests.protocols.chain.test_chain import plain
from tests.protocols.consensus.test_blocks import mainnet_blocks


def test_a_limit_has_a_quarter_of_margin():
    assert fees.limit_with_margin(1000) == 1250
    assert fees.limit_with_margin(1001) == 1251


def test_a_premium_beats_the_middle_of_what_waits():
    assert fees.competing_premium([]) == fees.PREMIUM_LEAST == 100_000
    assert fees.competing_premium([1, 2, 3]) == 100_000
    assert fees.competing_premium([900_000, 100_000, 300_000]) == 300_001
    assert fees.competing_premium([100_000, 300_000, 500_000, 900_000]) == 500_001


def full_epochs(base_fee, epochs):
    for _ in range(epochs):
        base_fee = next_base_fee(base_fee, 10_000_000_000, 1, after_smoke=True)
    return base_fee


@given(st.integers(100, 10**12), st.integers(0, 10**9))
def test_a_fee_cap_leaves_the_whole_premium_for_nine_full_epochs(base_fee, premium):
    assert full_epochs(base_fee, 9) + premium <= fees.fee_cap(base_fee, premium)


@given(st.integers(100, 10**12), st.integers(0, 10**9), st.integers(0, 60))
def test_a_fee_cap_for_some_epochs_lasts_so_long(base_fee, premium, epochs):
    cap = fees.fee_cap_after(base_fee, premium, epochs)
    assert full_epochs(base_fee, min(epochs, fees.FEE_CAP_EPOCHS_MAX)) + premium <= cap
    assert fees.fee_cap_after(base_fee, premium, 0) == base_fee + premium


def test_fee_caps_are_these_numbers():
    assert fees.fee_cap(1000, 7) == 3007
    assert fees.fee_cap_after(8000, 7, 1) == 9007
    assert fees.fee_cap_after(1000, 0, 50) == fees.fee_cap_after(1000, 0, 51) == 1000 * 9**50 // 8**50
    assert fees.fee_cap_after(1000, 0, 49) < fees.fee_cap_after(1000, 0, 50)


def test_what_all_gas_may_cost_is_capped():
    message = plain(gas_limit=1000, gas_fee_cap=100, gas_premium=40)
    assert fees.capped(message, 0) is message
    assert fees.capped(message, 100_000) is message
    capped = fees.capped(message, 99_999)
    assert (capped.gas_fee_cap, capped.gas_premium) == (99, 40)
    assert fees.capped(message, 30_500) == dataclasses.replace(
        message, gas_fee_cap=TokenAmount(30), gas_premium=TokenAmount(30)
    )


def test_replacing_costs_more_than_a_quarter_more():
    assert [fees.replacement_premium(premium) for premium in (0, 1, 1000)] == [1, 2, 1251]


def test_the_base_fee_counts_a_message_once_however_many_blocks_have_it():
    header = next(mainnet_blocks())[0]
    tipset = Tipset.of([header])
    message, other = plain(gas_limit=9_000_000_000), plain(nonce=1, gas_limit=1_000_000_000)
    before = header.parent_base_fee
    for after_smoke in (True, False):
        expected = next_base_fee(before, 10_000_000_000, 1, after_smoke=after_smoke)
        assert base_fee_over(tipset, [message, other, message], after_smoke=after_smoke) == expected
