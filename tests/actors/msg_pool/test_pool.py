"""What the pool works with: bounds, replacement, the next nonce, explanations, gas."""

import dataclasses

import pytest
from thespis.actors.msg_pool.gas import estimate_limit, estimate_premium, fill_gas, try_message
from thespis.actors.msg_pool.pending import Bounds, Pending, PoolFullError, ReplaceFeeError, Trust
from thespis.actors.msg_pool.why import explain
from thespis.protocols.builtin.codes import code_of
from thespis.protocols.chain.fees import PREMIUM_LEAST
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.errors import GasEstimateError
from thespis.protocols.vm.state_tree import Actor

from tests.actors.chain.builder import USERS, extend, new_chain, transfer

RICH = 10**30


def put(found, signed, trust=Trust.PEER, *, nonce=0, balance=RICH):
    return found.add(signed.message.sender, signed, trust, nonce=nonce, balance=balance)


def pool(*messages, most=100, size=1 << 30, gap=100):
    found = Pending(Bounds(most, size, gap))
    for signed in messages:
        put(found, signed)
    return found


@pytest.mark.behaviour(61, 63)
def test_add_get_remove_and_once_each():
    first = transfer()
    found = pool(first)
    assert len(found) == 1
    assert found.get(first.chain_cid()) == first
    assert list(found) == [first]
    assert found.remove(first.chain_cid()) == first
    assert found.remove(first.chain_cid()) is None
    assert len(found) == 0


@pytest.mark.behaviour(66)
def test_the_next_nonce_follows_on_and_fills_gaps():
    found = pool(transfer(nonce=3), transfer(nonce=0), transfer(nonce=1))
    assert found.next_nonce(USERS[0], 0) == 2, "a gap is filled first"
    assert found.next_nonce(USERS[0], 3) == 4
    assert found.next_nonce(USERS[0], 5) == 5
    assert found.next_nonce(USERS[1], 7) == 7, "nothing of this sender waits"


@pytest.mark.behaviour(78)
def test_replacing_costs_a_quarter_more():
    old = transfer(premium=1000)
    found = pool(old)
    with pytest.raises(ReplaceFeeError, match="at least 1251"):
        put(found, transfer(premium=1250))
    better = transfer(premium=1251)
    assert put(found, better) == [old]
    assert list(found) == [better]


@pytest.mark.behaviour(78)
def test_a_full_pool_gives_way_only_to_better_pay():
    found = pool(
        transfer(0, premium=1000, nonce=0), transfer(0, premium=2000, nonce=1), transfer(1, premium=3000), most=3
    )
    with pytest.raises(PoolFullError, match="more than 2000 attoFIL"):
        put(found, transfer(2, premium=1500))
    [pushed] = put(found, transfer(2, premium=9000))
    assert pushed.message.nonce == 1, "the last of a sender's goes, so that no gap is left"


def test_dropping_what_can_no_longer_be_sent():
    found = pool(*(transfer(nonce=nonce) for nonce in range(4)))
    assert [signed.message.nonce for signed in found.settle(USERS[0], 2, RICH)] == [0, 1]
    assert [signed.message.nonce for signed in found] == [2, 3]


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
