"""The MsgPool over a chain that moves: what a reorganisation brings back, and what no longer fits."""

import pytest
from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.syncer import NewHead
from thespis.actors.msg_pool.actor import MsgPool
from thespis.actors.msg_pool.pending import Pending
from thespis.protocols.chain.tipset import Tipset
from thespis.runtime.store.memory import MemoryDisk

from tests.actors.chain.builder import extend, fork, new_chain, transfer


@pytest.fixture
def disk():
    return MemoryDisk()


def pool_over(disk, messages_max):
    """A pool without its process: it sees the chain, and nobody hears its events."""
    pool = MsgPool()
    pool.chain = ChainReader(disk.open_reader("chain"))
    pool._pending = Pending(messages_max)
    pool._gap_max = 10
    pool._look()
    return pool


def nonces(pool):
    return [signed.message.nonce for signed in pool._pending]


def reorganise(disk, pool, count):
    """Mine `count` messages of one sender, a tipset each, and leave that chain for a heavier one without them."""
    chain = new_chain(disk=disk)
    start = chain.head()
    for nonce in range(count):
        extend(chain, 1, miners=(1,), messages=[transfer(nonce=nonce)])
    pool = pool()
    branch = fork(chain, start, 3 * count + 6, miner=0)
    change = chain.choose(Tipset.of([branch[-1][0]]))
    assert len(change.reverted) == count
    assert nonces(pool) == []
    pool.new_head(NewHead(change.head.key, change.head.height, change.weight, change.reverted, change.applied))
    return pool


@pytest.mark.behaviour(65)
def test_a_reorganisation_brings_every_message_back(disk):
    pool = reorganise(disk, lambda: pool_over(disk, 10), 3)
    assert nonces(pool) == [0, 1, 2]


@pytest.mark.behaviour(65)
def test_messages_come_back_in_nonce_order_so_that_what_has_no_room_leaves_no_gap(disk):
    """Tipsets are left newest first; a pool that took messages in that order would keep the one nobody can mine."""
    pool = reorganise(disk, lambda: pool_over(disk, 2), 3)
    assert nonces(pool) == [0, 1]
