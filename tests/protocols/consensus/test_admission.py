"""Which messages a pool takes: one case for each rule, and the error that says whose fault it is."""

import dataclasses

import pytest
from thespis.protocols.builtin.codes import code_of
from thespis.protocols.chain.base_fee import MINIMUM_BASE_FEE
from thespis.protocols.chain.message import MESSAGE_BYTES_MAX
from thespis.protocols.consensus.admission import Sender, account_of, check_form, check_sender
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.errors import InvalidMessageError, PoolError, SignatureError
from thespis.protocols.vm.state_tree import Actor

from tests.actors.chain.builder import USERS, WORKERS, transfer


def sender(nonce=0, balance=10**24, key=USERS[0], name="account"):
    return Sender(Address.id(100), key, Actor(code_of(name, 2), Cid.of(b""), Unsigned(nonce), TokenAmount(balance)))


def test_a_good_message_passes():
    check_form(transfer(), 5)
    check_sender(transfer(), sender())
    check_form(transfer(bls_sender=True), 5)
    check_sender(transfer(bls_sender=True), sender(key=WORKERS[0]))


def with_params(signed, size):
    return dataclasses.replace(signed, message=dataclasses.replace(signed.message, params=bytes(size)))


def test_the_size_is_bounded():
    signed = transfer(limit=10**9)
    most = MESSAGE_BYTES_MAX - (len(with_params(signed, 1000).encode()) - 1000)
    assert len(with_params(signed, most).encode()) == MESSAGE_BYTES_MAX
    check_form(with_params(signed, most), 5)
    with pytest.raises(InvalidMessageError, match=f"the bound is {MESSAGE_BYTES_MAX}"):
        check_form(with_params(signed, most + 1), 5)


def test_what_no_block_may_hold_is_the_senders_fault():
    with pytest.raises(InvalidMessageError, match="the cost of being in a block"):
        check_form(transfer(limit=10), 5)
    with pytest.raises(InvalidMessageError, match="above the fee cap"):
        check_form(transfer(premium=11, cap=10), 5)


def test_a_fee_cap_below_every_base_fee_is_not_taken():
    check_form(transfer(cap=MINIMUM_BASE_FEE, premium=1), 5)
    with pytest.raises(PoolError, match="no base fee is below 100"):
        check_form(transfer(cap=MINIMUM_BASE_FEE - 1, premium=1), 5)


def test_the_sender_signs():
    with pytest.raises(SignatureError):
        check_sender(transfer(), sender(key=USERS[1]))


def test_only_accounts_send():
    nobody = dataclasses.replace(sender(), actor=None)
    with pytest.raises(PoolError, match=r"actor not found: .*; send it some FIL first"):
        check_sender(transfer(), nobody)
    with pytest.raises(InvalidMessageError, match="is a multisig actor"):
        check_sender(transfer(), sender(name="multisig"))
    assert account_of(USERS[0], sender().actor) == sender().actor


def test_nonces_are_not_used():
    for nonce in (3, 1000):
        check_sender(transfer(nonce=nonce), sender(nonce=3))
    with pytest.raises(PoolError, match="nonce 2 is used"):
        check_sender(transfer(nonce=2), sender(nonce=3))


def test_the_sender_can_pay_value_and_all_gas():
    signed = transfer(value=1000, cap=10**9, limit=1_000_000)
    cost = 1000 + 10**15
    assert signed.message.highest_cost() == cost
    check_sender(signed, sender(balance=cost))
    with pytest.raises(PoolError, match=f"may cost {cost} attoFIL"):
        check_sender(signed, sender(balance=cost - 1))
