"""A long block is validated and executed with pauses, to the same end as at once."""

import dataclasses

import pytest
from thespis.actors.chain import writer as module
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.errors import BlockMessagesError
from thespis.protocols.steps import at_once

from tests.actors.chain.builder import WORKER_KEYS, make_block, new_chain, now_at, transfer


@pytest.fixture(scope="module")
def block():
    chain = new_chain()
    messages = [transfer(nonce=nonce) for nonce in range(12)] + [
        transfer(sender=1, nonce=nonce, bls_sender=True) for nonce in range(8)
    ]
    return next(
        found for height in range(1, 50) if (found := make_block(chain, 0, chain.head(), height, messages)) is not None
    )


def pauses(steps):
    found = 0
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return found, stop.value
        found += 1


def test_in_pieces_and_at_once_give_the_same(block, monkeypatch):
    assert module.LONG_MESSAGES == 200
    monkeypatch.setattr(module, "LONG_MESSAGES", 20)
    header, messages = block
    whole, paused = new_chain(), new_chain()
    now_s = now_at(whole, header.height)
    cid = whole.add_block(header, messages, now_s)
    expected = whole.execute(whole.widest(header))
    count, found = pauses(paused.adding_block(header, messages, now_s))
    assert (count, found) == (20, cid), "one for each signature"
    count, execution = pauses(paused.executing(paused.widest(header)))
    assert (count, execution) == (20, expected), "one for each message"
    assert pauses(paused.executing(paused.widest(header))) == (0, expected), "known by now"
    assert pauses(paused.adding_block(header, messages, now_s)) == (0, cid)
    assert paused.block_messages(header) == messages


def test_a_short_block_is_looked_at_in_one_go(block):
    header, messages = block
    chain = new_chain()
    assert pauses(chain.adding_block(header, messages, now_at(chain, header.height)))[0] == 0
    assert pauses(chain.executing(chain.widest(header)))[0] == 0


def test_what_is_wrong_with_a_long_block_is_proof_against_it(block, monkeypatch):
    monkeypatch.setattr(module, "LONG_MESSAGES", 1)
    header, messages = block
    wrong = dataclasses.replace(messages.secpk[0], signature=messages.secpk[1].signature)
    messages = dataclasses.replace(messages, secpk=(wrong, *messages.secpk[1:]))
    from thespis.protocols.chain.block import save_message_meta
    from thespis.protocols.ipld.blockstore import MemoryBlockstore

    cids = [[m.cid() for m in kind] for kind in (messages.bls, messages.secpk)]
    bad = dataclasses.replace(header, messages=save_message_meta(MemoryBlockstore(), *cids), block_sig=None)
    bad = dataclasses.replace(bad, block_sig=sign(SignatureType.BLS, WORKER_KEYS[0], bad.signing_bytes()))
    chain = new_chain()
    with pytest.raises(BlockMessagesError) as caught:
        at_once(chain.adding_block(bad, messages, now_at(chain, bad.height)))
    assert caught.value.block == bad.cid()
    assert not chain.index.has_block(bad.height, bad.cid())
