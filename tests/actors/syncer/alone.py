"""A Syncer without its process: its own rules over a real chain, with everyone it talks to played by the test."""

from types import SimpleNamespace

from thespis.actors.messages.msg_pool import GetMessages
from thespis.actors.messages.network import PeerMisbehaved, PublishGossip
from thespis.actors.messages.syncer import BlockGossiped, NewHead, PeerHead
from thespis.actors.syncer.actor import Syncer
from thespis.actors.syncer.fetcher import FetchError
from thespis.actors.syncer.ways import Ways
from thespis.protocols.chain.block import BlockMessage
from thespis.protocols.wire.exchange_reading import UnreadMessages
from thespis.runtime.actor.tasks import Alarms, Task

from tests.actors.chain.builder import now_at

EPOCH = 200


def run(coroutine):
    """A coroutine to its end; whoever it awaits answers at once."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


class Peers:
    """Stands for the fetcher: peers that have another chain, and say of it what the test lets them say."""

    def __init__(self, chain):
        self.chain, self.asked, self.failing, self.ways = chain, [], False, Ways()

    async def headers(self, key, length, peer):
        self.asked.append(("headers", length, peer))
        if self.failing:
            raise FetchError("no peer is connected")
        found = []
        while key and len(found) < length:
            found.append(self.tipset(key))
            key = found[-1].parents
        return found

    def tipset(self, key):
        return self.chain.tipset(key)

    async def messages(self, header, peer):
        self.asked.append(("messages", header.height, peer))
        return self.unread(header)

    def unread(self, header):
        messages = self.chain.block_messages(header)
        return UnreadMessages(*(tuple(each.encode() for each in kind) for kind in (messages.bls, messages.secpk)))

    async def batch_messages(self, tipsets, peer):
        self.asked.append(("batch", len(tipsets), peer))
        return [[self.unread(header) for header in tipset.blocks] for tipset in tipsets]


class Alone(Syncer):
    """Records what it says; `pool` are the messages that the MsgPool has."""

    def __init__(self, chain, theirs=None):
        super().__init__()
        self.chain, self._fetcher, self.epoch = chain, Peers(theirs), EPOCH
        self.told, self.published, self.gossip, self.pool = [], [], [], []
        self.passed_s, self.alarms = 0.0, Alarms()

    @property
    def environment(self):
        clock = SimpleNamespace(
            unix_s=lambda: now_at(self.chain, self.epoch) + self.passed_s, monotonic_s=lambda: self.passed_s
        )
        return SimpleNamespace(clock=clock)

    def pass_time(self, seconds):
        """Let time pass; who sleeps wakes when it is time."""
        end_s = self.passed_s + seconds
        while (due_s := self.alarms.next_due_s()) is not None and due_s <= end_s:
            self.passed_s = max(self.passed_s, due_s)
            self.alarms.fire(due_s)
        self.passed_s = end_s

    async def ask(self, question):
        if isinstance(question, PublishGossip):
            return self.gossip.append(question.data)
        assert isinstance(question, GetMessages)
        return tuple(signed for signed in self.pool if signed.chain_cid() in question.cids), b""

    async def sleep(self, seconds):
        if seconds:
            await self.alarms.set(self.passed_s + seconds)

    def tell(self, notice):
        self.told.append(notice)
        return True

    def publish(self, event):
        self.published.append(event)

    def spawn(self, coroutine):
        def ended(_result, error):
            if error is not None:
                raise error

        Task(coroutine, ended)

    # -- what a test says and sees ---------------------------------------------------------------------------

    def hear(self, block, source="source", author="author"):
        """A block comes by gossip; its messages are fetched, unless they are known."""
        header, messages = block
        cids = [m.cid() for m in messages.bls], [m.cid() for m in messages.secpk]
        data = BlockMessage(header, *map(tuple, cids)).encode()
        run(self.block_gossiped(BlockGossiped(source, author, data)))

    def told_of(self, tipset, weight, peer="peer"):
        """A peer says what its head is."""
        self.peer_head(PeerHead(peer, tipset.key, tipset.height, weight))

    @property
    def blamed(self):
        return [notice.peer for notice in self.told if isinstance(notice, PeerMisbehaved)]

    @property
    def heads(self):
        return [event.height for event in self.published if isinstance(event, NewHead)]
