"""The pool's room: who has it, what it costs, and that nothing of this node's users is ever pushed out of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.actors.msg_pool import pending as module
from thespis.actors.msg_pool.pending import (
    SENDER_MESSAGES_MAX,
    UNTRUSTED_MESSAGES_MAX,
    Bounds,
    Pending,
    PoolFullError,
    Trust,
)
from thespis.protocols.errors import PoolError

from tests.actors.chain.builder import USERS, transfer
from tests.properties import examples

RICH = 10**30
SIZE = len(transfer().encode())


def pool(most=100, size=1 << 30, gap=4):
    return Pending(Bounds(most, size, gap))


def put(found, signed, trust=Trust.PEER, *, nonce=0, balance=RICH):
    return found.add(signed.message.sender, signed, trust, nonce=nonce, balance=balance)


def nonces(found, sender=0):
    return [signed.message.nonce for signed in found.of_sender(USERS[sender])]


def test_the_bounds_are_those_of_lotus():
    bounds = Bounds(10, 10, 4)
    assert bounds.of(Trust.OWN) == (SENDER_MESSAGES_MAX, SENDER_MESSAGES_MAX) == (1000, 1000)
    assert bounds.of(Trust.PEER) == (4, 1000)
    assert bounds.of(Trust.UNTRUSTED) == (0, UNTRUSTED_MESSAGES_MAX) == (0, 10)


def test_what_a_user_sent_is_never_pushed_out_and_pushes_out():
    found = pool(most=2)
    put(found, transfer(0, premium=1), Trust.OWN)
    put(found, transfer(1, premium=5000))
    assert put(found, transfer(2, premium=9000)) == [transfer(1, premium=5000)]
    with pytest.raises(PoolFullError, match="more than 9000 attoFIL"):
        put(found, transfer(1, premium=9000))
    assert put(found, transfer(1, premium=1), Trust.OWN) == [transfer(2, premium=9000)]
    with pytest.raises(PoolFullError, match="try later"):
        put(found, transfer(2, premium=10**8))
    with pytest.raises(PoolFullError, match="try later"):
        put(found, transfer(2, premium=1), Trust.OWN)
    assert list(found) == [transfer(0, premium=1), transfer(1, premium=1)]


def test_what_came_by_a_peer_first_can_become_a_users_own():
    found = pool(most=1)
    signed = transfer(0, premium=1)
    put(found, signed)
    assert found.keep(signed.chain_cid())
    assert not found.keep(signed.chain_cid()), "it was"
    assert not found.keep(transfer(1).chain_cid())
    with pytest.raises(PoolFullError):
        put(found, transfer(1, premium=10**8))


def test_together_they_cost_no_more_than_the_sender_has():
    cost = transfer(value=1000).message.highest_cost()
    found = pool()
    put(found, transfer(nonce=0), balance=3 * cost)
    put(found, transfer(nonce=1), balance=3 * cost)
    with pytest.raises(PoolError, match=f"may cost {3 * cost + 1} attoFIL; it has {3 * cost}"):
        put(found, transfer(nonce=2, value=1001), balance=3 * cost)
    put(found, transfer(nonce=2), balance=3 * cost)
    with pytest.raises(PoolError, match="send it more FIL"):
        put(found, transfer(nonce=3, value=0), balance=3 * cost)
    assert put(found, transfer(nonce=1, value=999, premium=200_000), balance=3 * cost), "a replacement counts once"


def test_what_can_no_longer_be_paid_leaves_from_the_end_but_not_a_users():
    cost = transfer().message.highest_cost()
    found = pool()
    for nonce in range(3):
        put(found, transfer(nonce=nonce))
    put(found, transfer(1), Trust.OWN)
    assert [signed.message.nonce for signed in found.settle(USERS[0], 0, 2 * cost - 1)] == [2, 1]
    assert found.settle(USERS[1], 0, 0) == []
    assert len(found) == 2


def test_nonces_count_from_what_waits_and_a_gap_is_bounded():
    found = pool(most=300, gap=4)
    for nonce in range(200):
        put(found, transfer(nonce=nonce))
    with pytest.raises(PoolError, match=r"nonce 205; the next of .* is 200, the gap may be 4"):
        put(found, transfer(nonce=205))
    put(found, transfer(nonce=204))
    with pytest.raises(PoolError, match=r"nonce 205; the next of .* is 200"):
        put(found, transfer(nonce=205))
    put(found, transfer(nonce=205), Trust.OWN)


@pytest.mark.parametrize(
    ("trust", "bound"), [(Trust.OWN, "SENDER_MESSAGES_MAX"), (Trust.UNTRUSTED, "UNTRUSTED_MESSAGES_MAX")]
)
def test_a_sender_has_a_bounded_number_waiting(monkeypatch, trust, bound):
    monkeypatch.setattr(module, bound, 3)
    found = pool()
    for nonce in range(3):
        put(found, transfer(nonce=nonce), trust)
    with pytest.raises(PoolFullError, match="has 3 messages waiting"):
        put(found, transfer(nonce=3), trust)
    put(found, transfer(nonce=2, premium=200_000), trust)
    put(found, transfer(1), trust)


def test_an_untrusted_one_leaves_no_gap():
    with pytest.raises(PoolError, match="the gap may be 0"):
        put(pool(), transfer(nonce=1), Trust.UNTRUSTED)


def test_bytes_are_bounded_as_messages_are():
    found = pool(size=2 * SIZE)
    put(found, transfer(0, premium=10))
    put(found, transfer(1, premium=20))
    assert found.size_bytes <= 2 * SIZE
    with pytest.raises(PoolFullError, match=f"the bounds are 100 and {2 * SIZE}"):
        put(found, transfer(2, premium=10))
    assert put(found, transfer(2, premium=11)) == [transfer(0, premium=10)]
    assert found.size_bytes == sum(len(signed.encode()) for signed in found)


def test_nothing_has_changed_where_a_message_is_refused():
    """Room that was made for it is given back, and so is what it would have replaced."""
    found = pool(most=2)
    put(found, transfer(0, premium=10))
    put(found, transfer(1, premium=20))
    before = sorted(map(str, found)), found.size_bytes

    def full():
        raise OSError("no space left")

    for signed in (transfer(2, premium=90), transfer(1, premium=90)):
        with pytest.raises(OSError, match="no space"):
            found.add(signed.message.sender, signed, Trust.OWN, nonce=0, balance=RICH, accepted=full)
        assert (sorted(map(str, found)), found.size_bytes) == before
    assert put(found, transfer(2, premium=90)) == [transfer(0, premium=10)], "the order of prices has not suffered"


def test_a_fee_cap_below_the_base_fee_promises_what_it_never_pays():
    """By its premium alone it would push out everybody, and stay for ever at no cost."""
    found = pool(most=2)
    put(found, transfer(0, premium=100_000, cap=10**9))
    put(found, transfer(1, premium=200_000, cap=10**9))
    found.at_base_fee(10**8)
    with pytest.raises(PoolFullError):
        put(found, transfer(2, premium=9 * 10**7, cap=9 * 10**7))
    found.at_base_fee(100)
    put(found, transfer(2, premium=9 * 10**7, cap=9 * 10**7))
    found.at_base_fee(10**8)
    assert put(found, transfer(3 % len(USERS), premium=50_000)) == [transfer(2, premium=9 * 10**7, cap=9 * 10**7)]


def test_what_makes_room_for_itself_is_not_what_it_follows():
    """A sender's next message does not push out the one before it, behind which it would be a gap."""
    found = pool(most=2)
    put(found, transfer(0, premium=10, nonce=0))
    put(found, transfer(1, premium=50))
    assert put(found, transfer(0, premium=60, nonce=1)) == [transfer(1, premium=50)]
    assert nonces(found) == [0, 1]


ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["own", "peer", "untrusted", "drop", "mine", "base fee"]),
        st.integers(0, 2),
        st.integers(0, 5),
        st.integers(1, 9),
    ),
    max_size=40,
)


@settings(max_examples=examples(60))
@given(ORDERS)
def test_whatever_comes_users_keep_their_place_and_the_bounds_hold(orders):
    found = pool(most=6, size=6 * SIZE)
    own, account = {}, [0, 0, 0]
    for kind, sender, nonce, price in orders:
        if kind == "base fee":
            found.at_base_fee(price * 1000)
        elif kind == "mine":
            account[sender] = max(account[sender], nonce)
            found.settle(USERS[sender], account[sender], RICH)
        elif kind == "drop":
            gone = next(iter(found.of_sender(USERS[sender])), None)
            if gone is not None:
                found.remove(gone.chain_cid())
                own.pop((sender, gone.message.nonce), None)
        else:
            signed = known(sender, nonce, price)
            if nonce < account[sender] or signed.chain_cid() in found:
                continue
            try:
                put(found, signed, Trust(kind), nonce=account[sender])
            except PoolError:
                continue
            own.pop((sender, nonce), None)
            if kind == "own":
                own[sender, nonce] = signed
        assert len(found) <= 6
        assert found.size_bytes == sum(len(signed.encode()) for signed in found) <= 6 * SIZE + 6
        waiting = set(found)
        assert all(signed in waiting for (sender, nonce), signed in own.items() if nonce >= account[sender])


_KNOWN = {}


def known(sender, nonce, price):
    """Signing is slow, and there are few of them."""
    key = sender, nonce, price
    if key not in _KNOWN:
        _KNOWN[key] = transfer(sender, nonce=nonce, premium=1000 * 2**price)
    return _KNOWN[key]
