"""Which messages may stand in a block, by the state after its parent; what they commit to is in `test_blocks`."""

import dataclasses

import pytest
from thespis.protocols.chain.block import BlockMessages
from thespis.protocols.chain.message import BLOCK_GAS_LIMIT
from thespis.protocols.consensus.block_messages import check_eligible, check_senders, may_send
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import BlockMessagesError, InvalidMessageError

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
