"""Of all blocks of a place the widest tipset: one of each miner, and of too many the heaviest, for everyone."""

import dataclasses
import random

from thespis.protocols.chain.block import BlockHeader, ElectionProof, Ticket
from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX, Tipset, ticket_hash
from thespis.protocols.consensus.fork_choice import widest_tipset
from thespis.protocols.encoding.address import Address

from tests.vectors import load


def block(miner, wins=1, **changes):
    shape = next(case for case in load("block_headers.json")["cases"] if "cbor_hex" in case)
    header = BlockHeader.decode(bytes.fromhex(shape["cbor_hex"]))
    ticket, proof = Ticket(b"ticket %d" % miner), ElectionProof(wins, b"proof")
    return dataclasses.replace(header, miner=Address.id(miner), ticket=ticket, election_proof=proof, **changes)


def widest(first, blocks):
    named = [(header, header.cid()) for header in blocks]
    random.Random(len(blocks)).shuffle(named)
    return widest_tipset(first.cid(), named)


def test_sixteen_blocks_of_one_epoch_are_a_tipset():
    """Five are expected, and once in fifteen thousand epochs more than fifteen come; they raised."""
    blocks = [block(1000 + number) for number in range(16)]
    assert widest(blocks[0], blocks) == Tipset.of(blocks)


def test_one_block_of_each_miner_counts_and_of_several_the_one_that_is_asked_about():
    blocks = [block(1000), block(1001), block(1000, fork_signaling=7)]
    assert set(widest(blocks[2], blocks).key) == {blocks[1].cid(), blocks[2].cid()}
    assert set(widest(blocks[0], blocks).key) == {blocks[0].cid(), blocks[1].cid()}


def test_of_more_than_a_tipset_holds_all_choose_the_same_and_the_heaviest():
    blocks = [block(1000 + number, 1 + (number % 50 == 0)) for number in range(TIPSET_BLOCKS_MAX + 20)]
    found = widest(blocks[0], blocks)
    assert len(found.blocks) == TIPSET_BLOCKS_MAX
    assert {block.miner for block in found.blocks} >= {Address.id(1000), Address.id(1050), Address.id(1100)}
    single = sorted((b for b in blocks if b.election_proof.win_count == 1), key=lambda b: ticket_hash(b.ticket))
    assert set(found.key) >= {each.cid() for each in single[: TIPSET_BLOCKS_MAX - 3]}
    assert found.key == widest(blocks[-1], blocks[::-1]).key
