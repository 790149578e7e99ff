"""What the pool works with: bounds, replacement, selection against the best possible, explanations, gas."""

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.actors.msg_pool import pending as pending_module
from thespis.actors.msg_pool import selection
from thespis.actors.msg_pool.gas import PREMIUM_LEAST, estimate_limit, estimate_premium, fill_gas, try_message
from thespis.actors.msg_pool.pending import Pending, PoolFullError, ReplaceFeeError
from thespis.actors.msg_pool.selection import message_reward, select, sender_links
from thespis.actors.msg_pool.why import explain
from thespis.protocols.builtin.codes import code_of
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.errors import GasEstimateError
from thespis.protocols.vm.state_tree import Actor

from tests.actors.chain.builder import USERS, extend, new_chain, transfer
from tests.properties import examples

RICH = 10**30


def pool(*messages, most=100):
    found = Pending(most)
    for signed in messages:
        found.check(signed.message.sender, signed)
        found.add(signed.message.sender, signed)
    return found


@pytest.mark.behaviour(61, 63)
def test_add_get_remove_and_once_each():
    first = transfer()
    found = pool(first, first)
    assert len(found) == 1
    assert found.get(first.chain_cid()) == first
    assert list(found) == [first]
    assert found.remove(first.chain_cid()) == first
    assert found.remove(first.chain_cid()) is None
    assert len(found) == 0


@pytest.mark.behaviour(66)
def test_largest_nonce():
    found = pool(transfer(nonce=3), transfer(nonce=0))
    assert found.largest_nonce(USERS[0]) == 3
    assert found.largest_nonce(USERS[1]) is None


@pytest.mark.behaviour(78)
def test_replacing_costs_a_quarter_more():
    old = transfer(premium=1000)
    found = pool(old)
    with pytest.raises(ReplaceFeeError, match="at least 1251"):
        found.check(USERS[0], transfer(premium=1250))
    better = transfer(premium=1251)
    found.check(USERS[0], better)
    assert found.add(USERS[0], better) == [old]
    assert list(found) == [better]


@pytest.mark.behaviour(78)
def test_a_full_pool_gives_way_only_to_better_pay(monkeypatch):
    found = pool(
        transfer(0, premium=1000, nonce=0), transfer(0, premium=2000, nonce=1), transfer(1, premium=3000), most=3
    )
    with pytest.raises(PoolFullError, match="above 2000"):
        found.check(USERS[2], transfer(2, premium=1500))
    rich = transfer(2, premium=9000)
    found.check(USERS[2], rich)
    [pushed] = found.add(USERS[2], rich)
    assert pushed.message.nonce == 1, "the last of a sender's goes, so that no gap is left"
    monkeypatch.setattr(pending_module, "SENDER_MESSAGES_MAX", 2)
    crowded = pool(transfer(nonce=0), transfer(nonce=1))
    with pytest.raises(PoolFullError, match="has 2 messages"):
        crowded.check(USERS[0], transfer(nonce=2))


def test_dropping_what_can_no_longer_be_sent():
    found = pool(*(transfer(nonce=nonce) for nonce in range(4)))
    assert [signed.message.nonce for signed in found.drop_below(USERS[0], 2)] == [0, 1]
    assert [signed.message.nonce for signed in found] == [2, 3]


# -- selection -----------------------------------------------------------------------------------------------


def chosen_of(messages, gas_limit, base_fee=100, balances=None):
    chains = {}
    for signed in messages:
        chains.setdefault(signed.message.sender, []).append(signed)
    return select(sorted(chains.items()), lambda sender: (0, (balances or {}).get(sender, RICH)), base_fee, gas_limit)


@pytest.mark.behaviour(96)
def test_nonces_come_before_prices_and_prices_before_addresses():
    messages = [
        transfer(0, nonce=0, premium=10), transfer(0, nonce=1, premium=9000), transfer(1, nonce=0, premium=500),
    ]  # fmt: skip
    picked = [(USERS.index(m.message.sender), m.message.nonce) for m in chosen_of(messages, 10**10)]
    assert picked == [(0, 0), (0, 1), (1, 0)], "the dear one carries the cheap one before it"
    assert chosen_of([], 10**10) == []


def test_what_cannot_pay_the_base_fee_or_its_value_is_left():
    low = transfer(0, cap=50, premium=10)
    poor = transfer(1, value=10**18)
    gap = transfer(2, nonce=1)
    assert chosen_of([low], 10**10) == []
    assert chosen_of([poor], 10**10, balances={USERS[1]: 10**17}) == []
    assert chosen_of([gap], 10**10) == []
    assert message_reward(transfer(cap=300, premium=250, limit=10), 100) == 2000


@settings(max_examples=examples(60))
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 50)), min_size=1, max_size=7),
    st.integers(1, 7),
)
def test_selection_is_within_a_link_of_the_best(shape, slots):
    """Against every choice there is, with one gas limit for all messages."""
    nonces = dict.fromkeys(range(3), 0)
    messages = []
    for sender, premium in shape:
        messages.append(transfer(sender, nonce=nonces[sender], premium=premium, limit=1000, cap=10**6))
        nonces[sender] += 1
    picked = chosen_of(messages, slots * 1000)
    got = sum(message_reward(each, 100) for each in picked)
    best = 0
    for counts in itertools.product(*(range(nonces[sender] + 1) for sender in range(3))):
        if sum(counts) <= slots:
            reward = sum(
                message_reward(each, 100)
                for each in messages
                if each.message.nonce < counts[USERS.index(each.message.sender)]
            )
            best = max(best, reward)
    links = [link for sender in range(3) for link in links_of(messages, sender)]
    assert got + max(link.reward for link in links) > best, "at most one link short of the best"
    if all(len(link.messages) == 1 for link in links):
        assert got == best, "without joined links greedy is exact"
    taken = {}
    for each in picked:
        assert each.message.nonce == taken.get(each.message.sender, 0)
        taken[each.message.sender] = each.message.nonce + 1


def links_of(messages, sender):
    chain = [each for each in messages if each.message.sender == USERS[sender]]
    return sender_links(USERS[sender], chain, 0, RICH, 100)


# -- why and gas ---------------------------------------------------------------------------------------------


def account(nonce=0, balance=10**24):
    return Actor(code_of("account", 0), Cid.of(b""), Unsigned(nonce), TokenAmount(balance))


@pytest.mark.parametrize(
    ("signed", "chain", "actor", "reason"),
    [
        (transfer(nonce=2), [transfer(nonce=2)], account(), "nonce 0 is missing"),
        (transfer(cap=50, premium=1), [transfer(cap=50, premium=1)], account(), "it pays at most 50"),
        (transfer(nonce=1), [transfer(cap=50, premium=1), transfer(nonce=1)], account(), "with nonce 0 pays at most"),
        (transfer(value=10**18), [transfer(value=10**18)], account(balance=10**17), "0.1 FIL are left"),
        (transfer(), [transfer()], account(), "nothing holds it back"),
    ],
)
def test_why_a_message_waits(signed, chain, actor, reason):
    explained = explain(signed, chain, actor, 100)
    assert reason in explained.reason
    assert explained.remedy


@pytest.fixture(scope="module")
def chain():
    found = new_chain()
    extend(found, 2)
    return found


@pytest.mark.behaviour(75, 112)
def test_trying_a_message_changes_nothing(chain):
    before = chain.execution(chain.head().key).state_root
    applied = try_message(chain, chain.head(), transfer(value=5).message)
    assert applied.receipt.exit_code == 0
    assert applied.receipt.gas_used > 0
    assert chain.execution(chain.head().key).state_root == before
    assert chain.state_after(chain.head()).get(USERS[0]).nonce == 0


def test_gas_is_filled_in_and_bounded(chain):

    bare = dataclasses.replace(transfer().message, gas_limit=0, gas_fee_cap=TokenAmount(0), gas_premium=TokenAmount(0))
    filled = fill_gas(chain, chain.head(), bare, [transfer(premium=700_000)], 0)
    used = try_message(chain, chain.head(), bare).receipt.gas_used
    assert used < filled.gas_limit <= used * 5 // 4
    assert filled.gas_premium == 700_001
    assert filled.gas_fee_cap >= chain.base_fee(chain.head()) + filled.gas_premium
    cheap = fill_gas(chain, chain.head(), bare, [], 10**9)
    assert cheap.gas_fee_cap * cheap.gas_limit <= 10**9
    with pytest.raises(GasEstimateError, match="exit code 6"):
        estimate_limit(chain, chain.head(), dataclasses.replace(bare, value=TokenAmount(10**25)))


def test_a_block_takes_a_bounded_number_of_messages(monkeypatch):
    """As many as the rule allows, and as gossip carries the CIDs of."""
    assert (selection.BLOCK_MESSAGES_MAX, selection.BLOCK_MESSAGE_BYTES_MAX) == (10_000, 900 << 10)
    messages = [transfer(nonce=nonce) for nonce in range(5)]
    for name, values in (("BLOCK_MESSAGES_MAX", (3, 4)), ("BLOCK_MESSAGE_BYTES_MAX", (4 * 48 - 1, 4 * 48))):
        for value, count in zip(values, (3, 4), strict=True):
            with monkeypatch.context() as patched:
                patched.setattr(selection, name, value)
                assert [each.message.nonce for each in chosen_of(messages, 10**10)] == list(range(count))


def test_a_premium_beats_the_middle_of_what_waits():
    def waiting(*premiums):
        return [transfer(premium=premium * 10**6) for premium in premiums]

    assert estimate_premium([]) == PREMIUM_LEAST == 100_000
    assert estimate_premium([transfer(premium=5)]) == PREMIUM_LEAST
    assert [estimate_premium(waiting(*premiums)) for premiums in ((7,), (7, 1), (9, 1, 7), (9, 1, 7, 3))] == [
        7 * 10**6 + 1, 7 * 10**6 + 1, 7 * 10**6 + 1, 7 * 10**6 + 1,
    ]  # fmt: skip


def test_only_accounts_are_tried_and_signatures_in_the_aggregate_cost_nothing(chain):
    for sender in (Address.id(1000), Address.id(77_777)):
        with pytest.raises(GasEstimateError, match="there is no account"):
            try_message(chain, chain.head(), dataclasses.replace(transfer().message, sender=sender))
    used = [
        try_message(chain, chain.head(), transfer(to=USERS[3], bls_sender=bls).message).receipt.gas_used
        for bls in (False, True)
    ]
    assert used[1] < used[0]


def test_what_pays_the_base_fee_and_nothing_more_is_taken():
    even, below = transfer(cap=100, premium=10), transfer(cap=99, premium=10)
    assert message_reward(even, 100) == 0
    assert chosen_of([even], 10**10) == [even]
    assert chosen_of([below], 10**10) == []
