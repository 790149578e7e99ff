"""Own blocks go in steps: others are answered meanwhile, one is taken after another, and nothing is lost between."""

import dataclasses
from collections import deque
from types import SimpleNamespace

import pytest
from thespian.actors import ActorAddress, WakeupMessage
from thespis.actors.chain import writer
from thespis.actors.messages.syncer import BlockGossiped, ReadHead, SubmitBlock
from thespis.actors.syncer import own_blocks
from thespis.actors.syncer.actor import Syncer
from thespis.protocols.chain.block import BlockMessage
from thespis.protocols.errors import BlockWeightError
from thespis.runtime.actor.envelopes import Cast, Failure, Ping, Pong, Reply, Request
from thespis.runtime.errors import MailboxFullError
from thespis.runtime.store.memory import MemoryDisk

from tests.actors.chain.builder import make_block, new_chain, now_at, transfer

EPOCH = 200
MESSAGES = 24


class Mailbox:
    """Stands for the process around a Syncer: a mailbox in order, and a clock that moves whenever it is read."""

    def __init__(self, chain):
        self.passed_s, self.waiting, self.said = 0.0, deque(), []
        self.environment = SimpleNamespace(
            clock=SimpleNamespace(unix_s=lambda: now_at(chain, EPOCH), monotonic_s=self._monotonic_s),
            process_id=lambda: 0,
            memory_bytes=lambda: 0,
            cpu_seconds=lambda: 0.0,
        )
        self.syncer = Syncer()
        self.syncer._myRef, self.syncer.chain = self, chain
        self.syncer.incarnation, self.syncer._ready = 1, True

    def _monotonic_s(self):
        self.passed_s += 0.06
        return self.passed_s

    def actor_send(self, target, message):
        self.said.append(message)

    def wakeupAfter(self, seconds, payload):
        if not seconds:
            self.waiting.append(WakeupMessage(seconds, payload))

    def put(self, *messages):
        self.waiting.extend(messages)

    def run(self, stop=lambda: False):
        while self.waiting and not stop():
            self.syncer.receiveMessage(self.waiting.popleft(), ActorAddress("asker"))
        return self

    def answers(self):
        """What was answered, in that order: numbers of requests, and of pings with a minus."""
        kinds = {Reply: 1, Failure: 1, Pong: -1}
        return [kinds[type(each)] * each.number for each in self.said if type(each) in kinds]

    def reply(self, number):
        [found] = [each for each in self.said if isinstance(each, Reply | Failure) and each.number == number]
        return found


def won(chain, messages=(), miner=0, parent=None):
    parent = parent or chain.head()
    heights = range(parent.height + 1, parent.height + 50)
    return next(found for height in heights if (found := make_block(chain, miner, parent, height, messages)))


def submission(block):
    header, messages = block
    cids = tuple(m.cid() for m in messages.bls), tuple(m.cid() for m in messages.secpk)
    return SubmitBlock(BlockMessage(header, *cids), messages.bls, messages.secpk)


def request(number, question):
    return Request(number, 1, question)


@pytest.fixture
def steps(monkeypatch):
    """Blocks of this test are long ones."""
    assert writer.LONG_MESSAGES == 200
    monkeypatch.setattr(writer, "LONG_MESSAGES", MESSAGES)


@pytest.fixture(scope="module")
def heavy():
    return won(new_chain(), [transfer(nonce=nonce) for nonce in range(MESSAGES)])


@pytest.fixture
def mailbox(steps):
    return Mailbox(new_chain())


def test_heartbeats_and_questions_are_answered_while_an_own_block_is_validated_and_executed(mailbox, heavy):
    mailbox.put(request(1, submission(heavy)), Ping(7), request(2, ReadHead()))
    mailbox.run(lambda: mailbox.syncer.chain.index.has_block(heavy[0].height, heavy[0].cid()))
    assert mailbox.answers() == [-7, 2], "before the block was even kept"
    mailbox.put(Ping(8), request(3, ReadHead()))
    mailbox.run()
    assert mailbox.answers() == [-7, 2, -8, 3, 1], "and while it was executed"
    assert mailbox.syncer.chain.head().key == (heavy[0].cid(),)


def test_two_submissions_at_once_are_taken_in_the_order_in_which_they_came(mailbox, heavy):
    """The second stands on the first, which nobody knows yet when it comes."""
    whole = new_chain()
    whole.add_block(*heavy, now_at(whole, heavy[0].height))
    whole.execute(whole.widest(heavy[0]))
    above = won(whole, parent=whole.widest(heavy[0]))
    mailbox.put(request(1, submission(heavy)), request(2, submission(above)), Ping(7))
    mailbox.run()
    assert mailbox.answers() == [-7, 1, 2]
    assert isinstance(mailbox.reply(2), Reply)
    assert mailbox.syncer.chain.head().key == (above[0].cid(),)


def test_the_same_block_twice_at_once_is_taken_once(mailbox, heavy):
    """Whoever gave up waiting gives it again while it is still looked at."""
    mailbox.put(request(1, submission(heavy)), request(2, submission(heavy)))
    mailbox.run()
    assert [mailbox.reply(1).body, mailbox.reply(2).body] == [mailbox.reply(1).body] * 2
    assert mailbox.syncer.chain.head().key == (heavy[0].cid(),)


def test_one_that_is_refused_gives_the_turn_to_the_next(mailbox, heavy):
    header, messages = heavy
    wrong = dataclasses.replace(header, parent_weight=header.parent_weight + 1), messages
    mailbox.put(request(1, submission(wrong)), request(2, submission(heavy)))
    mailbox.run()
    assert mailbox.reply(1).kind == BlockWeightError.__name__
    assert isinstance(mailbox.reply(2), Reply)


def test_own_blocks_wait_in_a_bounded_number(mailbox, heavy):
    assert own_blocks.WAITING_MAX == 16
    mailbox.put(*(request(number, submission(heavy)) for number in range(1, 1 + own_blocks.WAITING_MAX + 2)))
    mailbox.run()
    refused = [each for each in mailbox.said if isinstance(each, Failure)]
    assert [(each.kind, each.number) for each in refused] == [(MailboxFullError.__name__, own_blocks.WAITING_MAX + 2)]
    assert str(own_blocks.WAITING_MAX) in refused[0].detail
    assert len([each for each in mailbox.said if isinstance(each, Reply)]) == own_blocks.WAITING_MAX + 1


def test_a_sibling_that_comes_while_a_block_is_executed_is_executed_in_steps_too(mailbox, heavy):
    """The tipset is wider then than the one that was begun with."""
    chain = mailbox.syncer.chain
    header, _messages = heavy
    sibling = next(found for miner in (1, 2) if (found := make_block(chain, miner, chain.head(), header.height)))
    block = submission(sibling).block
    mailbox.put(request(1, submission(heavy)))
    mailbox.run(lambda: chain.index.has_block(header.height, header.cid()))
    in_one_go = []
    chain.execute = in_one_go.append
    mailbox.put(Cast(BlockGossiped("source", "author", block.encode())))
    mailbox.run()
    assert in_one_go == []
    assert set(chain.head().key) == {header.cid(), sibling[0].cid()}


@pytest.mark.parametrize("kept", [False, True])
def test_a_crash_between_the_steps_loses_nothing(steps, heavy, kept):
    """Whoever submitted is told by nobody, gives it again to who comes after, and the chain has it then."""
    disk = MemoryDisk()
    mailbox = Mailbox(new_chain(disk=disk))
    has = mailbox.syncer.chain.index.has_block
    mailbox.put(request(1, submission(heavy)), Ping(7), Ping(8))
    mailbox.run(lambda: has(heavy[0].height, heavy[0].cid()) if kept else -8 in mailbox.answers())
    assert has(heavy[0].height, heavy[0].cid()) is kept
    assert 1 not in mailbox.answers()
    disk.crash()
    after = Mailbox(new_chain(disk=disk))
    after.syncer.spawn(after.syncer._resume())
    after.run()
    assert after.syncer.chain.head().key == ((heavy[0].cid(),) if kept else (after.syncer.chain.genesis.cid,))
    after.put(request(1, submission(heavy)))
    after.run()
    assert isinstance(after.reply(1), Reply)
    assert after.syncer.chain.head().key == (heavy[0].cid(),)
