"""The context of a block: the maker and the validator take every draw and due value from it."""

import dataclasses

import pytest
from thespis.protocols.chain.block import BeaconEntry, ElectionProof, PoStProof, Ticket
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.block_making import signed_block, storage_challenge, unsigned_block
from thespis.protocols.consensus.epoch import EpochContext
from thespis.protocols.consensus.header import check_time, validate_header
from thespis.protocols.consensus.randomness import Purpose, draw, miner_entropy
from thespis.protocols.crypto import bls
from thespis.protocols.crypto.signature import SignatureType, address_of, sign
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockElectionError, BlockFutureError, ChainError
from thespis.protocols.networks.mainnet_2020 import MAINNET_2020, SMOKE

from tests.actors.chain.builder import WORKER_KEYS, new_chain
from tests.protocols.consensus.test_blocks import mainnet_blocks

KEY = WORKER_KEYS[0]
MINER = Address.id(1000)


@pytest.fixture(scope="module")
def parent():
    return Tipset.of([next(mainnet_blocks())[0]])


def context(parent, profile=MAINNET_2020, **changes):
    values = {
        "profile": profile, "parent": parent, "height": parent.height + 1, "miner": MINER,
        "worker": address_of(SignatureType.BLS, KEY), "miner_power": 1, "total_power": 1, "eligible": True,
        "parent_weight": 77, "parent_state_root": Cid.of(b"state"), "parent_message_receipts": Cid.of(b"receipts"),
        "base_fee": 100, "previous_beacon": BeaconEntry(1, b"previous"),
    }  # fmt: skip
    return EpochContext(**{**values, **changes})


def test_a_block_is_due_one_delay_for_each_epoch_since_its_parent(parent):
    for epochs in (1, 2, 7):
        place = context(parent, height=parent.height + epochs)
        assert place.due_timestamp_s == parent.minimum_timestamp + 30 * epochs


def test_draws_begin_with_the_newest_beacon_entry(parent):
    place, entries = context(parent), (BeaconEntry(2, b"two"), BeaconEntry(3, b"three"))
    entropy = miner_entropy(MINER)
    for carried, base in (((), b"previous"), (entries, b"three")):
        assert place.newest_beacon(carried).data == base
        expected = draw(base, Purpose.ELECTION_PROOF_PRODUCTION, place.height, entropy)
        assert place.election_randomness(carried) == expected
        assert place.ticket_randomness(carried) == draw(base, Purpose.TICKET_PRODUCTION, place.height - 1, entropy)


def test_after_smoke_the_parents_ticket_goes_into_the_next(parent):
    last, first = context(parent, height=SMOKE), context(parent, height=SMOKE + 1)
    entropy, ticket = miner_entropy(MINER), parent.minimum_ticket.vrf_proof
    assert last.ticket_randomness(()) == draw(b"previous", Purpose.TICKET_PRODUCTION, SMOKE - 1, entropy)
    assert first.ticket_randomness(()) == draw(b"previous", Purpose.TICKET_PRODUCTION, SMOKE, entropy + ticket)


def test_who_may_not_mine_never_wins(parent):
    assert context(parent).wins(b"proof 2") > 0
    assert context(parent, eligible=False).wins(b"proof 2") == 0


def test_no_block_stands_at_or_below_its_parent(parent):
    for height in (parent.height, parent.height - 1):
        with pytest.raises(ChainError, match="not above the parent's"):
            context(parent, height=height).beacon_entries_due()


def test_what_is_made_from_a_context_is_valid_over_it():
    chain = new_chain()
    parent, height = chain.head(), 0
    wins = 0
    while wins < 1:
        height += 1
        place = chain.epoch_context(parent, height, MINER)
        entries = place.beacon_entries_due()
        proof = bls.sign(KEY, place.election_randomness(entries))
        wins = place.wins(proof)
    assert len(entries) == height, "one for each epoch since genesis"
    ticket = Ticket(bls.sign(KEY, place.ticket_randomness(entries)))
    header, _ = unsigned_block(place, entries, ElectionProof(wins, proof), ticket, (), PoStProof(0, b""))
    header = signed_block(header, sign(SignatureType.BLS, KEY, header.signing_bytes()))
    validate_header(header, place)
    with pytest.raises(BlockElectionError, match="no power to mine with"):
        validate_header(header, dataclasses.replace(place, eligible=False))
    with pytest.raises(AssertionError, match="another block"):
        validate_header(header, dataclasses.replace(place, height=height + 1))


def test_a_network_of_recorded_proofs_has_no_challenge_for_us(parent):
    with pytest.raises(ChainError, match="asks for recorded proofs"):
        storage_challenge(context(parent), (), ())


def test_a_block_may_come_as_early_as_clocks_drift(parent):
    header = parent.blocks[0]
    check_time(header, MAINNET_2020, header.timestamp - 1)
    with pytest.raises(BlockFutureError, match=r"1\.5 s in the future"):
        check_time(header, MAINNET_2020, header.timestamp - 1.5)
