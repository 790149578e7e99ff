"""Blocks whose messages nobody has: the cheap is looked at first, questions are bounded, and failures tried again."""

import dataclasses

import pytest
from thespis.actors.messages.syncer import BlockGossiped
from thespis.actors.syncer import early as early_module
from thespis.actors.syncer.fetcher import FetchError
from thespis.actors.syncer.questions import OPEN_MAX, OPEN_PER_NAME_MAX, Questions
from thespis.protocols.chain.block import BlockMessage, save_message_meta
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.blockstore import MemoryBlockstore

from tests.actors.chain.builder import extend, new_chain, transfer
from tests.actors.syncer.alone import Alone, run
from tests.actors.syncer.test_evil import signed, won


@pytest.fixture
def syncer():
    return Alone(new_chain())


def lacking(header, number):
    """A block that lists a message which nobody has."""
    lost = (Cid.of(b"nobody has this %d" % number),)
    root = save_message_meta(MemoryBlockstore(), list(lost), [])
    return dataclasses.replace(header, messages=root), lost


def gossip(syncer, header, lost, source="source", author="author"):
    run(syncer.block_gossiped(BlockGossiped(source, author, BlockMessage(header, lost, ()).encode())))


def test_made_up_blocks_over_a_known_parent_cost_no_question(syncer):
    header, _messages = won(syncer.chain)
    for number in range(50):
        gossip(syncer, *lacking(header, number))
    assert syncer._fetcher.asked == []
    assert set(syncer.blamed) == {"author"}


def test_a_miner_that_signs_many_blocks_of_a_height_costs_a_bounded_number_of_questions(syncer):
    header, _messages = won(syncer.chain)
    asked = []

    async def nobody_has(header, peer):
        asked.append(header.cid())
        raise FetchError("nobody has it")

    syncer._fetcher.messages = nobody_has
    for number in range(50):
        altered, lost = lacking(header, number)
        gossip(syncer, signed(altered), lost)
    assert len(set(asked)) == 2
    assert syncer.blamed == []


def test_a_block_whose_messages_did_not_come_is_tried_again_without_another_word_of_it():
    theirs = new_chain()
    extend(theirs, 1, messages=[transfer()])
    block = theirs.head().blocks[0]
    syncer, failures = Alone(new_chain(), theirs), [FetchError("too late")]
    answer = syncer._fetcher.messages

    async def fails_once(header, peer):
        if failures:
            raise failures.pop()
        return await answer(header, peer)

    syncer._fetcher.messages = fails_once
    syncer.hear((block, theirs.block_messages(block)))
    syncer.pass_time(5)
    assert block.cid() in syncer.chain.head().key
    assert syncer.blamed == []


def test_questions_are_bounded_for_each_name_and_in_all():
    questions, opened = Questions(), []

    def ask(*names):
        opened.append(questions.about(*names))
        opened[-1].__enter__()

    for number in range(OPEN_PER_NAME_MAX):
        ask("miner 1", f"source {number}")
    with pytest.raises(FetchError, match="on account of miner 1"):
        ask("source 9", "miner 1")
    opened.pop()
    ask("source 9")
    opened.pop(0).__exit__(None, None, None)
    ask("miner 1")
    for number in range(OPEN_MAX - OPEN_PER_NAME_MAX - 1):
        ask(f"miner {number + 2}")
    with pytest.raises(FetchError, match=f"{OPEN_MAX} questions are open"):
        ask("miner 99")
    for each in opened:
        each.__exit__(None, None, None)
    assert (questions._total, questions._open) == (0, {})


def test_early_blocks_have_a_bounded_length_together(syncer, monkeypatch):
    assert early_module.EARLY_BYTES_MAX == 16 << 20
    header, messages = won(syncer.chain)
    size = len(BlockMessage(header, (), ()).encode())
    monkeypatch.setattr(early_module, "EARLY_BYTES_MAX", 2 * size + 10)
    syncer.epoch = header.height - 4
    for later in (3, 2, 1):
        syncer.hear((signed(header, timestamp=header.timestamp + later), messages))
    assert [due_s + 1 - header.timestamp for due_s, *_rest in syncer._early._waiting] == [1, 2]
