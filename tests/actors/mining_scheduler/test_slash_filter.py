"""The slash filter: two blocks that would be a consensus fault are never both signed, crash or not."""

import dataclasses

import pytest
from thespis.actors.mining_scheduler.slash_filter import SlashableError, SlashFilter, signed_blocks
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.faults import consensus_fault
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.store.interface import METADATA
from thespis.runtime.store.memory import MemoryDisk

from tests.actors.chain.builder import extend, make_block, new_chain


@pytest.fixture(scope="module")
def blocks():
    chain = new_chain()
    extend(chain, 3)
    found, height = [], chain.head().height
    while len(found) < 3:
        height += 1
        block = make_block(chain, 0, chain.head(), height)
        if block is not None:
            found.append(block[0])
    return chain, found


def check(found, block, chain):
    parent = chain.tipset(block.parents)
    found.check(block.miner, block.height, block.parents, parent.parents, parent.height)


def test_a_height_and_a_parent_are_used_once(blocks):
    chain, (first, second, _) = blocks
    found = SlashFilter(MemoryDisk().open("mining"))
    check(found, first, chain)
    found.remember(first, (first.encode(),))
    with pytest.raises(SlashableError, match="at height"):
        check(found, dataclasses.replace(first, timestamp=first.timestamp + 1), chain)
    with pytest.raises(SlashableError, match="over these parents"):
        check(found, second, chain)
    assert consensus_fault(first, second) is not None, "and it would have been a fault"
    assert found.last(first.miner)[0].cid() == first.cid()


def test_parents_may_not_leave_out_the_own_block(blocks):
    chain, _ = blocks
    while True:
        extend(chain, 1)
        head = chain.head()
        own = [block for block in head.blocks if block.miner.actor_id == 1000]
        others = [block for block in head.blocks if block.miner.actor_id != 1000]
        if own and others:
            break
    found = SlashFilter(MemoryDisk().open("mining"))
    found.remember(own[0], (own[0].encode(),))
    without = Tipset.of(others)
    with pytest.raises(SlashableError, match="leave out"):
        found.check(own[0].miner, head.height + 1, without.key, head.parents, head.height)
    found.check(own[0].miner, head.height + 1, head.key, head.parents, head.height)


def test_what_was_signed_survives_a_crash_and_is_given_out_again(blocks):
    _, (first, *_) = blocks
    disk = MemoryDisk()
    SlashFilter(disk.open("mining")).remember(first, (b"block", b"\x00\x00\x00\x00", b"message"))
    disk.crash()
    again = SlashFilter(disk.open("mining"))
    header, submission = again.last(first.miner)
    assert header == first
    assert submission == (b"block", b"\x00\x00\x00\x00", b"message")
    assert again.last(dataclasses.replace(first).miner) is not None


FINALITY = 10
BLOCK = (b"block" * 1000, b"\x00\x00\x00\x00", b"message" * 1000)


def test_what_is_final_is_forgotten_and_nothing_before(blocks):
    _, (first, second, _) = blocks
    store = MemoryDisk().open("mining")
    found = SlashFilter(store, FINALITY)
    found.remember(first, BLOCK)
    place = b"height/" + first.miner.data + first.height.to_bytes(8, "big")
    later = dataclasses.replace(second, height=first.height + FINALITY + 1, parents=second.parents[:0])
    found.remember(later, BLOCK)
    assert store.get(METADATA, place), "a chain may still part from ours above it"
    found.remember(dataclasses.replace(later, height=later.height + 1), BLOCK)
    assert store.get(METADATA, place) is None
    found.check(first.miner, first.height, first.parents, (), first.height - 1)


def test_of_a_settled_block_the_header_is_left_and_is_still_a_fault_to_sign_beside(blocks):
    chain, (first, second, _) = blocks
    store = MemoryDisk().open("mining")
    found = SlashFilter(store, FINALITY)
    found.remember(first, BLOCK)
    assert found.outstanding(first.miner) == [(first, BLOCK)]
    found.settle(first)
    assert found.outstanding(first.miner) == []
    assert found.last(first.miner) == (first, ())
    assert list(signed_blocks(store, first.miner)) == [first]
    assert sum(len(key) + len(value) for key, value in store.scan(METADATA, b"")) < len(first.encode()) + 200
    for block in (dataclasses.replace(first, timestamp=first.timestamp + 1), second):
        with pytest.raises(SlashableError):
            check(found, block, chain)
    found.settle(second)
    assert list(signed_blocks(store, first.miner)) == [first], "what was never signed leaves no header"


def test_a_miner_of_years_keeps_no_more_than_one_of_a_day(blocks):
    _, (first, *_) = blocks
    store = MemoryDisk().open("mining")
    found, sizes = SlashFilter(store, FINALITY), []
    for height in range(1, 101):
        block = dataclasses.replace(first, height=height, parents=(Cid.of(b"%d" % height),))
        found.remember(block, BLOCK)
        found.settle(block)
        sizes.append(sum(len(key) + len(value) for key, value in store.scan(METADATA, b"")))
    assert max(sizes[20:]) <= sizes[20] + 20
    assert len(list(signed_blocks(store, first.miner))) == FINALITY + 2
    assert sizes[-1] < (FINALITY + 2) * (len(first.encode()) + 300)
