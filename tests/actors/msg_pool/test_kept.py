"""What the pool keeps beside what waits: bounded by count and bytes, oldest out first."""

import pytest
from thespis.actors.msg_pool import kept as module
from thespis.actors.msg_pool.kept import OwnMessages, Remembered
from thespis.runtime.store.interface import METADATA
from thespis.runtime.store.memory import MemoryDisk

from tests.actors.chain.builder import transfer

SIZE = len(transfer().encode())
MESSAGES = [transfer(nonce=nonce) for nonce in range(5)]


@pytest.mark.parametrize(
    ("bound", "most"), [("REMEMBERED_MESSAGES_MAX", 2), ("REMEMBERED_BYTES_MAX", 2 * SIZE + SIZE // 2)]
)
def test_the_oldest_are_forgotten_beyond_each_bound(monkeypatch, bound, most):
    monkeypatch.setattr(module, bound, most)
    remembered = Remembered()
    for signed in (*MESSAGES, MESSAGES[-1]):
        remembered.add(signed)
    assert len(remembered) == 2
    assert remembered.get(MESSAGES[2].chain_cid()) is None
    assert remembered.get(MESSAGES[3].chain_cid()) == MESSAGES[3]
    assert remembered.size_bytes == sum(len(signed.encode()) for signed in MESSAGES[3:])


@pytest.mark.parametrize(("bound", "most"), [("OWN_MESSAGES_MAX", 2), ("OWN_BYTES_MAX", 2 * SIZE + SIZE // 2)])
def test_of_a_users_messages_those_go_first_that_do_not_wait(monkeypatch, bound, most):
    monkeypatch.setattr(module, bound, most)
    store = MemoryDisk().open("mpool")
    own = OwnMessages(store)
    waiting = {MESSAGES[0].chain_cid(), MESSAGES[1].chain_cid()}
    for signed in MESSAGES[:4]:
        own.keep(signed, waiting.__contains__)
    assert list(own) == [MESSAGES[0], MESSAGES[1], MESSAGES[3]], "what waits stays, and what was just taken"
    assert len(list(store.scan(METADATA, b"local/"))) == len(own) == 3
    assert set(OwnMessages(store)) == set(own)
    assert own.size_bytes == sum(len(signed.encode()) for signed in own)
    own.forget(MESSAGES[0].chain_cid())
    own.forget(MESSAGES[0].chain_cid())
    assert MESSAGES[0].chain_cid() not in own
    assert own.get(MESSAGES[1].chain_cid()) == MESSAGES[1]


def test_the_bounds():
    assert module.REMEMBERED_MESSAGES_MAX == module.OWN_MESSAGES_MAX == 20_000
    assert module.REMEMBERED_BYTES_MAX == 32 << 20
    assert module.OWN_BYTES_MAX == 64 << 20
