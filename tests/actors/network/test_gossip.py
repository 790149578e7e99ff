"""Gossip counts as waiting until its subsystem has looked at it, so no busy one is told more than the host lets in."""

from types import SimpleNamespace

from thespis.actors.messages.msg_pool import MessageGossiped
from thespis.actors.messages.network import AskPeer, Topic
from thespis.actors.messages.syncer import BlockGossiped
from thespis.actors.network.actor import Network
from thespis.protocols.wire.exchange import ANSWER_BYTES_MAX
from thespis.runtime.actor.tasks import Pending, Task
from thespis.runtime.bases.settings import Limits
from thespis.runtime.errors import AskTimeoutError
from thespis.runtime.p2p.port import BYTES_PER_S_MIN, GossipArrived, HostSettings


class Alone(Network):
    def __init__(self):
        super().__init__()
        self.taken, self.asked = [], []
        self._topics = {Topic.BLOCKS: "blocks", Topic.MESSAGES: "messages"}
        self.port = SimpleNamespace(taken=self.taken.append)

    async def ask(self, question):
        pending = Pending()
        self.asked.append((question, pending))
        return await pending


def test_a_payload_has_a_place_until_it_was_looked_at():
    alone = Alone()
    for topic, data in (("blocks", b"block"), ("messages", b"message")):
        Task(alone.gossip(GossipArrived(topic, "source", "author", data)), lambda _result, error: None)
    [(block, looked_at), (message, late)] = alone.asked
    assert block == BlockGossiped("source", "author", b"block")
    assert message == MessageGossiped("author", b"message")
    assert alone.taken == []
    looked_at.resolve(None)
    assert alone.taken == [5]
    late.fail(AskTimeoutError("too busy"))
    assert alone.taken == [5, 7], "nor does one that does not come to it keep the place"


def test_who_asks_a_peer_waits_as_long_as_the_longest_answer_may_take():
    """The host sees whether an answer goes on coming; whoever waits behind it must not give up before the host does."""
    assert AskPeer("peer", "/x", b"", 10.0).wait_s() > 10.0 + ANSWER_BYTES_MAX / BYTES_PER_S_MIN + 1.0


def test_all_that_may_wait_fits_where_it_waits():
    """A sender whose outbox is full waits for seconds, and who waits misses its heartbeat."""
    settings, limits = HostSettings("", "", {}, {}, "", lambda data: data, ANSWER_BYTES_MAX), Limits()
    assert settings.gossip_waiting_max < limits.window_messages + limits.outbox_messages
    assert settings.gossip_waiting_bytes_max < limits.outbox_bytes
