"""Which messages a block takes, against every choice there is."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.consensus import selection
from thespis.protocols.consensus.selection import message_chains, message_reward, select

from tests.actors.chain.builder import USERS, transfer
from tests.properties import examples

RICH = 10**30


def chosen_of(messages, gas_limit, base_fee=100, balances=None):
    waiting = {}
    for signed in messages:
        waiting.setdefault(signed.message.sender, []).append(signed)
    return select(sorted(waiting.items()), lambda sender: (0, (balances or {}).get(sender, RICH)), base_fee, gas_limit)


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
def test_selection_is_within_a_message_chain_of_the_best(shape, slots):
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
    chains = [chain for sender in range(3) for chain in chains_of(messages, sender)]
    assert got + max(chain.reward for chain in chains) > best, "at most one chain short of the best"
    if all(len(chain.messages) == 1 for chain in chains):
        assert got == best, "without joined chains greedy is exact"
    taken = {}
    for each in picked:
        assert each.message.nonce == taken.get(each.message.sender, 0)
        taken[each.message.sender] = each.message.nonce + 1


def chains_of(messages, sender):
    waiting = [each for each in messages if each.message.sender == USERS[sender]]
    return message_chains(USERS[sender], waiting, 0, RICH, 100)


def test_a_block_holds_no_more_messages_than_gossip_takes(monkeypatch):
    assert (selection.BLOCK_MESSAGES_MAX, selection.BLOCK_MESSAGE_BYTES_MAX) == (10_000, 900 << 10)
    messages = [transfer(0, nonce=nonce, limit=1000) for nonce in range(4)]
    monkeypatch.setattr(selection, "BLOCK_MESSAGES_MAX", 3)
    assert [each.message.nonce for each in chosen_of(messages, 10**10)] == [0, 1, 2]
    monkeypatch.setattr(selection, "BLOCK_MESSAGE_BYTES_MAX", 2 * 48)
    assert [each.message.nonce for each in chosen_of(messages, 10**10)] == [0, 1]


def test_a_message_above_the_gas_of_a_block_ends_its_senders_messages():
    dear = transfer(0, nonce=1, limit=10_000_000_001, premium=1, cap=100)
    chosen = chosen_of([transfer(0, nonce=0), dear, transfer(0, nonce=2)], 10**10)
    assert [each.message.nonce for each in chosen] == [0]


def test_what_pays_the_base_fee_and_nothing_more_is_taken():
    even, below = transfer(cap=100, premium=10), transfer(cap=99, premium=10)
    assert message_reward(even, 100) == 0
    assert chosen_of([even], 10**10) == [even]
    assert chosen_of([below], 10**10) == []
