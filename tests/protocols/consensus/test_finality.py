"""Finality, and what is taken from where it ends: the seal ticket and the state that elections look back on."""

import dataclasses

import pytest
from thespis.protocols.builtin.policy import MAINNET
from thespis.protocols.chain.block import Ticket
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.epoch import lookback_height
from thespis.protocols.consensus.finality import FINALITY_EPOCHS, final_height
from thespis.protocols.consensus.fork_choice import may_leave
from thespis.protocols.consensus.randomness import Purpose, draw, draw_from_ticket, miner_entropy, randomness_height
from thespis.protocols.consensus.seal_ticket import seal_ticket, seal_ticket_epoch
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.networks.mainnet_2020 import MAINNET_2020
from thespis.protocols.wire.exchange import REQUEST_LENGTH_MAX

from tests.protocols.consensus.test_blocks import mainnet_blocks


def test_mainnets_finality_is_one_number():
    assert FINALITY_EPOCHS == 900
    assert MAINNET_2020.finality_epochs == MAINNET.chain_finality == MAINNET_2020.lookback(200_000) == 900
    assert REQUEST_LENGTH_MAX == 900
    assert MAINNET.pre_commit_lookback_max == 2880 + 900


@pytest.mark.parametrize(("head", "final"), [(0, 0), (899, 0), (900, 0), (901, 1), (5000, 4100)])
def test_what_is_final_and_what_a_seal_takes_its_ticket_from(head, final):
    assert final_height(head) == final
    assert seal_ticket_epoch(head) == final
    assert final_height(head, 3) == max(0, head - 3)
    assert seal_ticket_epoch(head, 3) == max(0, head - 3)


def test_a_seal_ticket_is_drawn_for_its_miner_and_epoch():
    header = next(mainnet_blocks())[0]
    tipset, miner = Tipset.of([header]), Address.id(1000)
    expected = draw(header.ticket.vrf_proof, Purpose.SEAL_RANDOMNESS, 7, miner_entropy(miner))
    assert seal_ticket(tipset, 7, miner) == expected
    assert seal_ticket(tipset, 8, miner) != expected
    assert seal_ticket(tipset, 7, Address.id(1001)) != expected


def test_what_may_be_left_for_a_heavier_chain():
    header = next(mainnet_blocks())[0]
    tipset = Tipset.of([dataclasses.replace(header, height=10)])
    assert may_leave(tipset, 9, None)
    assert not may_leave(tipset, 10, None)
    assert may_leave(tipset, 9, (Cid.of(b"another"),))
    assert not may_leave(tipset, 9, tipset.key)


def test_elections_look_back_ten_epochs_and_then_finality():
    assert lookback_height(5, MAINNET_2020) == 0
    assert lookback_height(138_720, MAINNET_2020) == 138_710
    assert lookback_height(138_721, MAINNET_2020) == 138_721 - 900


def test_randomness_stays_on_the_chain():
    assert [randomness_height(epoch, 20) for epoch in (-5, 0, 7, 20, 21, 1000)] == [0, 0, 7, 20, 20, 20]
    assert draw_from_ticket(None, Purpose.TICKET_PRODUCTION, 1, b"") == draw(b"", Purpose.TICKET_PRODUCTION, 1, b"")
    ticket = Ticket(b"proof")
    expected = draw(b"proof", Purpose.TICKET_PRODUCTION, 1, b"who")
    assert draw_from_ticket(ticket, Purpose.TICKET_PRODUCTION, 1, b"who") == expected
