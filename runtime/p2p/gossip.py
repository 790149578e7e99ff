"""GossipSub with this node's rules: what is looked at before a payload is passed on, and who answers for it.

The library's own pipeline counts only what a topic's validator refuses, so that a payload with an author's key that is
none, or a signature that is not the author's, costs its forwarder nothing; and it opens its stream to a peer once, so
that a peer whose gossip begins after it has connected never hears our topics. Both are done here.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import trio
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.score import PeerScorer, ScoreParams
from libp2p.pubsub.validators import signature_validator
from libp2p.tools.anyio_service import background_trio_service
from thespis.runtime.p2p.limits import (
    GOSSIP_THRESHOLD,
    GRAYLIST_THRESHOLD,
    PAYLOADS_BURST,
    PAYLOADS_PER_S,
    PUBLISH_THRESHOLD,
    Buckets,
)
from thespis.runtime.p2p.port import HostSettings, Verdict
from thespis.runtime.p2p.scores import Scores, TopicScore

logger = logging.getLogger(__name__)

GOSSIP_PROTOCOLS = ("/meshsub/1.2.0", "/meshsub/1.1.0", "/meshsub/1.0.0")
DEGREE, DEGREE_LOW, DEGREE_HIGH = 8, 6, 12
KEY_BYTES_MAX = 1200
"""Of an author's key: an RSA key of 8192 bits, the longest that peers have; a longer one costs more to check."""
REJECTED_MAX = 4096
"""Rejected payloads that are remembered, the oldest forgotten first: a copy costs its forwarder as much."""
OPEN_TRIES_MAX, OPEN_EVERY_S = 6, 0.5
"""How often our own stream is opened to a peer that has opened one to us."""
LATE_EVERY_S = 2.0
"""How soon a peer is told our topics that says it gossips, and opens no stream to us."""

Deliver = Callable[[str, str, str, bytes], None]
"""Takes topic, forwarder, author and payload."""


class _LibraryScores(PeerScorer):
    """The library's questions about scores, answered by ours."""

    def __init__(self, scores: Scores) -> None:
        super().__init__(
            ScoreParams(
                gossip_threshold=GOSSIP_THRESHOLD,
                publish_threshold=PUBLISH_THRESHOLD,
                graylist_threshold=GRAYLIST_THRESHOLD,
            )
        )
        self._scores = scores

    def on_heartbeat(self, dt_seconds: float = 1.0) -> None:
        """Nothing: counters decay with time."""

    def on_join_mesh(self, peer: ID, topic: str) -> None:
        self._scores.grafted(str(peer), topic)

    def on_leave_mesh(self, peer: ID, topic: str) -> None:
        self._scores.pruned(str(peer), topic)

    def on_first_delivery(self, peer: ID, topic: str) -> None:
        self._scores.delivered(str(peer), topic)

    def on_invalid_message(self, peer: ID, topic: str) -> None:
        self._scores.invalid(str(peer), topic)

    def on_mesh_delivery(self, peer: ID, topic: str) -> None:
        """Nothing: P3 is off."""

    def remove_peer(self, peer: ID) -> None:
        """Nothing: a score goes with the connection, or resetting the stream of gossip would wash it clean."""

    def penalize_behavior(self, peer: ID, amount: float = 1.0) -> None:  # noqa: ARG002
        self._scores.misused(str(peer))

    penalize_graft_flood = penalize_iwant_spam = penalize_ihave_spam = penalize_behavior

    def penalize_equivocation(self, peer: ID, amount: float = 1.0) -> None:
        """Nothing: payloads are told apart by content, and not by their author's numbers."""

    def topic_score(self, peer: ID, topic: str) -> float:  # noqa: ARG002
        return self._scores.of(str(peer))

    def score(self, peer: ID, topics: list[str]) -> float:  # noqa: ARG002
        return self._scores.of(str(peer))

    def allow_publish(self, peer: ID, topics: list[str]) -> bool:  # noqa: ARG002
        return self._scores.of(str(peer)) >= PUBLISH_THRESHOLD

    def allow_gossip(self, peer: ID, topics: list[str]) -> bool:  # noqa: ARG002
        return self._scores.of(str(peer)) >= GOSSIP_THRESHOLD


class Gossip(Pubsub):
    """The library's service with our pipeline in it."""

    def __init__(self, host: Any, settings: HostSettings, scores: Scores, deliver: Deliver) -> None:
        router = GossipSub(
            protocols=[TProtocol(protocol) for protocol in GOSSIP_PROTOCOLS],
            degree=DEGREE,
            degree_low=DEGREE_LOW,
            degree_high=DEGREE_HIGH,
            heartbeat_interval=1,
            heartbeat_initial_delay=0.1,
            gossip_window=3,
            gossip_history=5,
            spam_protection_enabled=False,
            adaptive_gossip_enabled=False,
            eclipse_protection_enabled=False,
        )
        router.scorer = _LibraryScores(scores)
        # never pruned upstream when adaptive gossip is off
        deliveries: Any = defaultdict(lambda: deque(maxlen=256))
        router.recent_message_deliveries = deliveries
        super().__init__(
            host,
            router,
            strict_signing=True,
            msg_id_constructor=lambda message: settings.message_id(bytes(message.data)),
            seen_ttl=int(settings.seen_ttl_s),
            sweep_interval=max(1, int(settings.seen_ttl_s / 2)),
        )
        self._settings = settings
        self._scores = scores
        self._deliver = deliver
        self._opening: set[ID] = set()
        self._rejected: OrderedDict[bytes, None] = OrderedDict()
        self._looked_at = Buckets(PAYLOADS_PER_S, PAYLOADS_BURST)

    async def begin(self, stack: AsyncExitStack) -> None:
        """Run for as long as the stack is open, subscribed to every topic."""
        await stack.enter_async_context(background_trio_service(self.router))  # type: ignore[arg-type]
        await stack.enter_async_context(background_trio_service(self))
        await self.wait_until_ready()
        for topic in self._settings.topics:
            await self.subscribe(topic)

    # -- payloads --------------------------------------------------------------------------------------------

    async def push_msg(self, msg_forwarder: ID, msg: Any) -> None:
        """Look at a payload, hand it over, and pass it on, if it is worth it; nothing of it may end the service."""
        try:
            if msg_forwarder == self.my_id:
                self.seen_messages.add(self._msg_id_constructor(msg))
            elif not self._takes(msg_forwarder, msg):
                return
            await self.router.publish(msg_forwarder, msg)
        except Exception as error:
            logger.debug("gossip from %s: %r", msg_forwarder, error)

    def _takes(self, forwarder: ID, message: Any) -> bool:
        """Whether to pass a payload on: what costs least to find is looked for first, and nothing is awaited."""
        source, topics = str(forwarder), list(message.topicIDs)
        if self._scores.of(source) < GRAYLIST_THRESHOLD:
            return False
        if len(topics) != 1 or topics[0] not in self._settings.topics:
            self._scores.invalid(source, "")
            return False
        topic, data = topics[0], bytes(message.data)
        identity = self._settings.message_id(data)
        if self.seen_messages.has(identity):
            if identity in self._rejected:
                self._scores.invalid(source, topic)
            return False
        if not self._looked_at.take(f"{source} {topic}"):
            return False
        if not _is_signed(message):
            self._scores.invalid(source, topic)
            return False
        self.seen_messages.add(identity)
        verdict = self._settings.topics[topic](data)
        if verdict is Verdict.REJECT:
            self._reject(source, topic, identity)
        elif verdict is not Verdict.IGNORE:
            self._deliver(topic, source, str(ID(bytes(message.from_id))), data)
        if verdict is Verdict.ACCEPT:
            self._scores.delivered(source, topic)
        return verdict is Verdict.ACCEPT

    def _reject(self, source: str, topic: str, identity: bytes) -> None:
        self._scores.invalid(source, topic)
        self._rejected[identity] = None
        if len(self._rejected) > REJECTED_MAX:
            self._rejected.popitem(last=False)

    # -- streams ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """As the library, and look again and again for peers that have begun to gossip."""
        self.manager.run_daemon_task(self._find_late)
        await super().run()

    async def _find_late(self) -> None:
        """A peer may say by identify that it gossips now, and open no stream by itself."""
        network, peerstore = self.host.get_network(), self.host.get_peerstore()
        while True:
            await trio.sleep(LATE_EVERY_S)
            for peer in {connection.muxed_conn.peer_id for connection in network.get_connections()} - self.peers.keys():
                with suppress(
                    Exception
                ):  # of a peer that has just gone, or that identify has not told of, none is known
                    if set(GOSSIP_PROTOCOLS) & set(peerstore.get_protocols(peer)):
                        await self._handle_new_peer(peer)

    async def stream_handler(self, stream: Any) -> None:
        """A peer opens the protocol, maybe long after it connected: it is told our topics now."""
        peer = stream.muxed_conn.peer_id
        if peer not in self.peers:
            self.manager.run_task(self._tell_topics, peer)
        await super().stream_handler(stream)

    async def _tell_topics(self, peer: ID) -> None:
        for _ in range(OPEN_TRIES_MAX):
            try:
                await self._handle_new_peer(peer)
            except Exception as error:
                logger.debug("opening gossip to %s: %r", peer, error)
            if peer in self.peers or not self._peer_is_connected(peer):
                return
            await trio.sleep(OPEN_EVERY_S)

    async def _handle_new_peer(self, peer_id: ID) -> None:
        """As the library, but by one at a time, for two streams to one peer would tell it everything twice."""
        if peer_id in self._opening:
            return
        self._opening.add(peer_id)
        try:
            await super()._handle_new_peer(peer_id)
        finally:
            self._opening.discard(peer_id)


def topic_scores(settings: HostSettings) -> dict[str, TopicScore]:
    """What each topic's payloads are worth."""
    return {topic: settings.topic_scores.get(topic, TopicScore()) for topic in settings.topics}


def _is_signed(message: Any) -> bool:
    """Whether the author's key is one, of a length that peers have, and signed the payload."""
    if len(message.key) > KEY_BYTES_MAX or len(message.from_id) > KEY_BYTES_MAX:
        return False
    try:
        return signature_validator(message)
    except Exception:
        return False
