"""Where a chain has a message, and which message has a nonce, against a walk over the whole chain."""

import dataclasses

import pytest
from thespis.actors.chain.search import (
    asks_the_same,
    executed_messages,
    find_message,
    find_nonce,
    stored_message,
)
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.errors import DecodeError

from tests.actors.chain.builder import USERS, extend, new_chain, transfer


@pytest.fixture(scope="module")
def chain():
    """Nonces of one sender every few tipsets, among another's."""
    found = new_chain()
    extend(found, 3)
    for nonce in range(4):
        extend(found, 1, messages=[transfer(nonce=nonce), transfer(2, nonce=nonce)])
        extend(found, 2)
    return found


def walked(chain, sender, nonce):
    for tipset in chain.history(chain.head()):
        if tipset.height == 0:
            return None
        for cid, message in chain.applied_messages(tipset):
            if (message.sender, message.nonce) == (sender, nonce):
                return tipset.height, cid
    return None


@pytest.mark.parametrize("sender", [0, 1, 2])
@pytest.mark.parametrize("nonce", range(6))
def test_the_message_with_a_nonce_is_found_as_by_walking(chain, sender, nonce):
    found = find_nonce(chain, USERS[sender], nonce, chain.head(), 0)
    assert (None if found is None else (found.tipset.height, found.cid)) == walked(chain, USERS[sender], nonce)
    if found is not None:
        assert find_message(chain, found.cid, chain.head(), 0) == found
        assert found.receipt.exit_code == 0


def test_it_is_looked_for_between_two_heights_only(chain):
    found = find_nonce(chain, USERS[0], 2, chain.head(), 0)
    height = found.tipset.height
    below = chain.at_height(height - 1, chain.head())
    for search in (
        lambda start, lowest: find_nonce(chain, USERS[0], 2, start, lowest),
        lambda start, lowest: find_message(chain, found.cid, start, lowest),
    ):
        assert search(chain.head(), height) == found
        assert search(chain.head(), height + 1) is None
        assert search(found.tipset, 0) == found
        assert search(below, 0) is None


def test_a_sender_is_the_same_by_id_and_by_key(chain):
    number = chain.state_after(chain.head()).resolve(USERS[0])
    assert find_nonce(chain, number, 1, chain.head(), 0) == find_nonce(chain, USERS[0], 1, chain.head(), 0)


def test_states_that_are_not_kept_are_not_looked_at(chain, monkeypatch):
    """A node that began with a snapshot has no states below it."""
    found = find_nonce(chain, USERS[0], 3, chain.head(), 0)
    kept = chain.index.execution

    def execution(key):
        return kept(key) if chain.tipset(key).height >= found.tipset.height - 1 else None

    monkeypatch.setattr(chain.index, "execution", execution)
    assert find_nonce(chain, USERS[0], 3, chain.head(), 0) == found
    assert find_nonce(chain, USERS[0], 0, chain.head(), 0) is None


def test_what_asks_the_same_differs_in_gas_alone():
    one = transfer().message
    gas = {"gas_limit": 7, "gas_fee_cap": TokenAmount(8), "gas_premium": TokenAmount(9)}
    assert asks_the_same(one, dataclasses.replace(one, **gas))
    for change in (
        {"to": USERS[2]}, {"value": TokenAmount(1)}, {"method": Unsigned(1)}, {"params": b"x"},
        {"version": Unsigned(1)},
    ):  # fmt: skip
        assert not asks_the_same(one, dataclasses.replace(one, **change)), change


def test_a_message_of_a_block_is_read_by_its_cid(chain):
    signed = transfer(nonce=0)
    assert stored_message(chain, signed.chain_cid()) == signed.message
    assert stored_message(chain, Cid.of(b"nothing")) is None
    with pytest.raises(DecodeError):
        stored_message(chain, chain.head().blocks[0].cid())


def test_receipts_are_those_of_the_messages(chain):
    for tipset in chain.history(chain.head()):
        if tipset.height:
            executed = executed_messages(chain, tipset)
            assert [each.cid for each in executed] == chain.message_cids(tipset)
