"""Which messages may stand in a block, by the state after its parent; what they commit to is in `test_blocks`."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.chain.block import BlockMessages
from thespis.protocols.chain.message import BLOCK_GAS_LIMIT
from thespis.protocols.consensus.block_messages import check_eligible, check_senders, may_send, tipset_messages
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import BlockMessagesError, InvalidMessageError
from thespis.protocols.vm.interpreter import BlockToApply

from tests.actors.chain.builder import USERS, WORKERS, new_chain, transfer


@pytest.fixture(scope="module")
def state():
    chain = new_chain()
    return chain.state_after(chain.head())


def block(*signed, bls=()):
    return BlockMessages(tuple(each.message for each in bls), signed)


def test_nonces_follow_on_for_each_sender_whatever_the_kind(state):
    check_senders(block(transfer(0), transfer(1), transfer(0, nonce=1), bls=[transfer(bls_sender=True)]), state, 5)
    for nonces in ((1,), (0, 0), (0, 2)):
        with pytest.raises(BlockMessagesError, match="is due"):
            check_senders(block(*(transfer(nonce=nonce) for nonce in nonces)), state, 5)


def test_a_sender_is_one_whether_by_key_or_by_id(state):
    by_id = dataclasses.replace(transfer(bls_sender=True, nonce=1).message, sender=state.resolve(WORKERS[0]))
    check_senders(BlockMessages((transfer(bls_sender=True).message, by_id), ()), state, 5)


def test_the_gas_limits_of_a_block_have_one_bound(state):
    half = BLOCK_GAS_LIMIT // 2
    check_senders(block(transfer(0, limit=half), transfer(1, limit=half)), state, 5)
    with pytest.raises(BlockMessagesError, match=f"sum to more than {BLOCK_GAS_LIMIT}"):
        check_senders(block(transfer(0, limit=half), transfer(1, limit=half + 1)), state, 5)


def test_who_is_no_account_sends_nothing(state):
    for sender in (Address.id(1000), Address.id(9999), Address.actor(b"nobody")):
        message = dataclasses.replace(transfer().message, sender=sender)
        with pytest.raises(BlockMessagesError, match="is no account"):
            check_senders(BlockMessages((message,), ()), state, 5)
    assert may_send(state.get(USERS[0]))
    assert not may_send(state.get(Address.id(1000)))
    assert not may_send(None)


def test_what_stands_on_chain_pays_for_its_length_there():
    signed, unsigned = transfer(), transfer(bls_sender=True)
    least = 38_863 + 36_000 + 1000 * len(signed.encode())
    check_eligible(transfer(limit=least), 5)
    with pytest.raises(InvalidMessageError, match=f"below {least}"):
        check_eligible(transfer(limit=least - 1), 5)
    least = 38_863 + 36_000 + 1000 * len(unsigned.message.encode())
    check_eligible(transfer(bls_sender=True, limit=least), 5)
    check_eligible(transfer(bls_sender=True, limit=least).message, 5)
    with pytest.raises(InvalidMessageError, match=f"below {least}"):
        check_eligible(transfer(bls_sender=True, limit=least - 1).message, 5)


def applied(*blocks):
    """What is executed of a tipset's blocks, each a list of (sender, nonce, value) of key messages."""
    made = [
        BlockToApply(
            Address.id(1000 + number), 1, (), [transfer(who, nonce=nonce, value=value) for who, nonce, value in block]
        )
        for number, block in enumerate(blocks)
    ]
    found = tipset_messages(made)
    assert [(block.miner, block.win_count) for block in found] == [(block.miner, 1) for block in made]
    names = {
        transfer(who, nonce=nonce, value=value): (who, nonce, value) for block in blocks for who, nonce, value in block
    }
    return [[names[signed] for signed in block.secpk_messages] for block in found]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([[(0, 5, 1)], [(0, 5, 2)]], [[(0, 5, 1)], []]),
        ([[(0, 5, 1)], [(0, 5, 1)]], [[(0, 5, 1)], []]),
        ([[(0, 5, 1), (0, 6, 1)], [(0, 5, 2), (0, 6, 2), (0, 7, 2)]], [[(0, 5, 1), (0, 6, 1)], [(0, 7, 2)]]),
        (
            [[(0, 5, 1)], [(0, 5, 2), (0, 6, 2)], [(0, 5, 1), (0, 6, 3), (0, 7, 3)]],
            [[(0, 5, 1)], [(0, 6, 2)], [(0, 7, 3)]],
        ),
        ([[(0, 5, 1)], [(1, 5, 1)]], [[(0, 5, 1)], [(1, 5, 1)]]),
        ([[(0, 5, 1)], [(0, 7, 1), (0, 6, 1)]], [[(0, 5, 1)], [(0, 6, 1)]]),
    ],
    ids=["other value", "same", "longer", "three blocks", "two senders", "out of order"],
)
def test_of_a_tipset_only_nonces_that_follow_on_are_executed(blocks, expected):
    assert applied(*blocks) == expected


def test_who_is_named_by_key_and_by_id_is_two_senders_of_a_tipset(state):
    by_key = transfer(bls_sender=True).message
    by_id = dataclasses.replace(by_key, sender=state.resolve(WORKERS[0]))
    blocks = [BlockToApply(Address.id(1000), 1, (by_key,), ()), BlockToApply(Address.id(1001), 1, (by_id,), ())]
    assert [block.bls_messages for block in tipset_messages(blocks)] == [[by_key], [by_id]]


def test_a_message_is_one_whichever_of_the_lists_has_it():
    signed = transfer()
    [block] = tipset_messages([BlockToApply(Address.id(1000), 1, (signed.message,), (signed,))])
    assert (block.bls_messages, block.secpk_messages) == ([signed.message], [])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=5))
def test_of_valid_blocks_as_much_is_executed_as_the_longest_has(lengths):
    """Each block begins at the nonce that is due; so none is left out but those that another block has."""
    blocks = [[(0, 7 + place, value) for place in range(length)] for length, value in lengths]
    executed = [message for block in applied(*blocks) for message in block]
    assert [nonce for _, nonce, _ in executed] == list(range(7, 7 + max(length for length, _ in lengths)))
