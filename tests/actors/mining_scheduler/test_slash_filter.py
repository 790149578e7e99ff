"""The slash filter: two blocks that would be a consensus fault are never both signed, crash or not."""

import dataclasses

import pytest
from thespis.actors.mining_scheduler.slash_filter import HEIGHTS_KEPT, SlashableError, SlashFilter
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.faults import consensus_fault
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


def test_what_is_final_is_forgotten(blocks):
    _, (first, second, _) = blocks
    store = MemoryDisk().open("mining")
    found = SlashFilter(store)
    found.remember(first, ())
    found.remember(dataclasses.replace(second, height=first.height + HEIGHTS_KEPT, parents=second.parents[:0]), ())
    assert store.get(METADATA, b"height/" + first.miner.data + first.height.to_bytes(8, "big")) is None
    found.check(first.miner, first.height, first.parents, (), first.height - 1)
