"""The gossip pipeline: who answers for what, and that topics are told whenever a peer begins to gossip."""

import dataclasses
import time
from types import SimpleNamespace

import pytest
import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.validators import PUBSUB_SIGNING_PREFIX
from multiaddr import Multiaddr
from thespis.protocols.wire.topics import message_id
from thespis.runtime.p2p import gossip as module
from thespis.runtime.p2p.build import make_host
from thespis.runtime.p2p.gossip import KEY_BYTES_MAX, Gossip, topic_scores
from thespis.runtime.p2p.host import Libp2pPort
from thespis.runtime.p2p.limits import GRAYLIST_THRESHOLD, PAYLOADS_BURST, PUBLISH_THRESHOLD
from thespis.runtime.p2p.port import HostSettings, Verdict
from thespis.runtime.p2p.scores import Scores
from trio.testing import MockClock

TOPIC = "/fil/blocks/test"
VERDICTS = {b"b": Verdict.REJECT, b"k": Verdict.KEEP, b"i": Verdict.IGNORE}


def settings(**changes):
    topics = {TOPIC: lambda data: VERDICTS.get(data[:1], Verdict.ACCEPT)}
    found = HostSettings(
        "test", "/ip4/127.0.0.1/tcp/0", topics, {}, "/fil/kad/test", message_id, 1 << 20, seen_ttl_s=60.0
    )
    return dataclasses.replace(found, **changes)


def payload(data, /, *, topics=(TOPIC,), author=None, **changes):
    """A payload as its author signs it; `changes` are made afterwards, by somebody else."""
    keys = author or create_new_key_pair()
    identity = ID.from_pubkey(keys.public_key).to_bytes()
    message = rpc_pb2.Message(data=data, topicIDs=topics, from_id=identity, seqno=b"\0" * 8)
    message.signature = keys.private_key.sign(PUBSUB_SIGNING_PREFIX.encode() + message.SerializeToString())
    for name, value in changes.items():
        setattr(message, name, value)
    return message


class Judge:
    """The pipeline by itself: `takes` says whether a payload is passed on."""

    def __init__(self):
        self.delivered = []
        key = create_new_key_pair()
        self.scores = Scores(topic_scores(settings()), trio.current_time)
        self.gossip = Gossip(make_host(settings(), key, []), settings(), self.scores, self.deliver)

    def deliver(self, topic, source, author, data):
        self.delivered.append((source, data))

    def peer(self):
        found = ID.from_pubkey(create_new_key_pair().public_key)
        self.scores.joined(str(found), "1.2.3.4")
        return found

    def takes(self, forwarder, message):
        return self.gossip._takes(forwarder, message)

    def score(self, peer):
        return self.scores.of(str(peer))


def judged(check):
    async def main():
        check(Judge())

    trio.run(main, clock=MockClock())


def test_a_verdict_says_whether_a_payload_is_handed_over_passed_on_or_held_against_its_forwarder():
    def check(judge):
        peer = judge.peer()
        assert judge.takes(peer, payload(b"good"))
        assert not judge.takes(peer, payload(b"good")), "a second time it is nothing new, whoever signs it"
        assert not judge.takes(peer, payload(b"keep"))
        assert not judge.takes(peer, payload(b"ignore"))
        assert [data for _source, data in judge.delivered] == [b"good", b"keep"]
        assert judge.score(peer) > 0
        assert not judge.takes(peer, payload(b"bad"))
        assert judge.score(peer) == pytest.approx(-100, abs=1)
        assert [data for _source, data in judge.delivered] == [b"good", b"keep"]

    judged(check)


def test_the_forwarder_answers_whatever_author_is_invented():
    def check(judge):
        liar, honest = judge.peer(), judge.peer()
        tried = 0
        while judge.score(liar) >= PUBLISH_THRESHOLD:
            assert not judge.takes(liar, payload(b"b%d" % tried))
            tried += 1
        assert tried == 4, "by then the connection goes"
        assert judge.score(honest) == 0
        assert judge.delivered == []
        assert not judge.takes(honest, payload(b"b0"))
        assert judge.score(honest) == pytest.approx(-100, abs=1), "a copy costs as much, and is not looked at again"
        while judge.score(liar) >= GRAYLIST_THRESHOLD:
            judge.takes(liar, payload(b"b%d" % tried))
            tried += 1
        assert not judge.takes(liar, payload(b"good")), "nobody listens to it now"

    judged(check)


@pytest.mark.parametrize(
    "forged",
    [
        {"signature": b"\1" * 64},
        {"signature": b""},
        {"key": b"\xff" * 40, "from_id": b"\x12\x20" + bytes(32)},
        {"key": bytes(KEY_BYTES_MAX + 1)},
        {"from_id": b"\x01"},
        {"from_id": b""},
        {"data": b"other"},
    ],
)
def test_an_author_that_did_not_sign_costs_the_forwarder_and_spoils_nothing(forged):
    def check(judge):
        liar, honest = judge.peer(), judge.peer()
        assert not judge.takes(liar, payload(b"good", **forged))
        assert judge.score(liar) == pytest.approx(-100, abs=1)
        assert judge.takes(honest, payload(forged.get("data", b"good"))), "what it wrapped is not taken for seen"

    judged(check)


def test_a_payload_is_of_one_topic_and_it_is_ours():
    def check(judge):
        for topics in ((TOPIC, TOPIC), (TOPIC, "/other"), ("/other",), ()):
            liar = judge.peer()
            assert not judge.takes(liar, payload(b"good", topics=topics))
            assert judge.score(liar) < 0, topics

    judged(check)


def test_a_bounded_number_of_new_payloads_of_a_peer_is_looked_at():
    def check(judge):
        flood, honest = judge.peer(), judge.peer()
        author = create_new_key_pair()
        taken = sum(judge.takes(flood, payload(b"g%d" % n, author=author)) for n in range(PAYLOADS_BURST + 5))
        assert taken == PAYLOADS_BURST
        assert judge.score(flood) > 0, "to have much to say is no fault"
        assert judge.takes(honest, payload(b"g%d" % (PAYLOADS_BURST + 1))), "somebody else brings it"

    judged(check)


def test_a_bounded_number_of_rejected_payloads_is_remembered(monkeypatch):
    assert module.REJECTED_MAX == 4096
    monkeypatch.setattr(module, "REJECTED_MAX", 2)

    def check(judge):
        for number in range(4):
            judge.takes(judge.peer(), payload(b"b%d" % number))
        assert len(judge.gossip._rejected) == 2

    judged(check)


@pytest.mark.slow
def test_topics_are_told_when_a_peer_begins_to_gossip_however_late(tmp_path):
    """A go-libp2p peer may start its pubsub when connections stand already, and opens a stream to each of them then."""
    port = Libp2pPort(tmp_path, settings(), lambda _event: None)
    heard = []

    async def late():
        host = make_host(settings(), create_new_key_pair(), [])
        async with host.run([]):
            info = info_from_p2p_addr(Multiaddr(port.addresses[0]))
            await host.connect(info)
            await trio.sleep(3)
            scores = Scores(topic_scores(settings()), time.monotonic)
            gossip = Gossip(host, settings(topics={}), scores, lambda *_: None)
            async with module.background_trio_service(gossip.router), module.background_trio_service(gossip):
                await gossip.wait_until_ready()
                await gossip._handle_new_peer(info.peer_id)
                with trio.move_on_after(5):
                    await gossip.wait_for_subscription(info.peer_id, TOPIC, 5)
                heard.extend(gossip.peer_topics)

    try:
        trio.run(late)
    finally:
        port.close()
    assert heard == [TOPIC]


def test_a_stream_is_opened_to_a_peer_a_bounded_number_of_times():
    async def main():
        judge, tried = Judge(), []

        async def fails(peer):
            tried.append(peer)
            raise ValueError("no such protocol")

        judge.gossip._handle_new_peer = fails
        judge.gossip._peer_is_connected = lambda peer: peer != "gone"
        await judge.gossip._tell_topics("there")
        assert tried == ["there"] * module.OPEN_TRIES_MAX
        await judge.gossip._tell_topics("gone")
        assert tried[module.OPEN_TRIES_MAX :] == ["gone"]

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_a_peer_that_says_it_gossips_now_is_told_the_topics_though_it_opens_no_stream():
    """A js-libp2p peer tells by identify that its pubsub has begun, and waits to be spoken to."""

    async def main():
        judge, told = Judge(), []
        protocols = {"late": ["/x", "/meshsub/1.1.0"], "deaf": ["/x"], "known": ["/meshsub/1.1.0"]}
        connections = [SimpleNamespace(muxed_conn=SimpleNamespace(peer_id=peer)) for peer in (*protocols, "just gone")]
        judge.gossip.host = SimpleNamespace(
            get_network=lambda: SimpleNamespace(get_connections=lambda: connections),
            get_peerstore=lambda: SimpleNamespace(get_protocols=protocols.__getitem__),
        )
        judge.gossip.peers = {"known": None}

        async def handle(peer):
            told.append(peer)
            judge.gossip.peers[peer] = None

        judge.gossip._handle_new_peer = handle
        with trio.move_on_after(3.5 * module.LATE_EVERY_S):
            await judge.gossip._find_late()
        assert told == ["late"], "once"

    trio.run(main, clock=MockClock(autojump_threshold=0))
