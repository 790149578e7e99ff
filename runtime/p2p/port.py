"""What a subsystem sees of the peer-to-peer network: calls it makes, and events that arrive as messages.

Gossip is checked by a function that the subsystem gives, before it is passed on to other peers; everything else is
bytes. Nothing here knows what the bytes mean.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from thespis.runtime.actor.conversation import Signal
from thespis.runtime.actor.message import message
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.p2p.scores import TopicScore


class Verdict(enum.Enum):
    """What becomes of a gossiped payload."""

    ACCEPT = "accept"
    """It is handed over and passed on."""
    KEEP = "keep"
    """It is handed over and not passed on: it may be good, and this node cannot answer for it."""
    IGNORE = "ignore"
    """Neither, and nobody's fault."""
    REJECT = "reject"
    """Neither, and it counts against whoever passed it on, who could have known."""


Validator = Callable[[bytes], Verdict]
"""What becomes of a payload; asked in the host's thread, once for each payload, so it must be quick."""

MessageId = Callable[[bytes], bytes]
"""How gossip tells payloads apart: two of one id are one payload, whoever sends them."""


BYTES_PER_S_MIN = 256 << 10
"""What counts as progress: a message may take so much longer than its time as its bytes take at this rate."""


class AnswerTooLongError(RuntimeFloorError):
    """An answer passes what is read of one; what came so far is thrown away."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How a node takes part; times in seconds, sizes in bytes."""

    network: str
    listen: str
    topics: Mapping[str, Validator]
    protocols: Mapping[str, int]
    """Protocols that are answered, with the largest request of each."""
    dht_prefix: str
    message_id: MessageId
    response_bytes_max: int
    """Of an answer more is not read; whether that is a fault knows who asked."""
    topic_scores: Mapping[str, TopicScore] = field(default_factory=dict)
    """What a topic's payloads are worth, where it is not the usual."""
    too_fast: Mapping[str, bytes] = field(default_factory=dict)
    """By protocol, the answer to who asks too fast; without one its stream is reset."""
    agent: str = "thespis"
    """What identify says of this node."""
    offline: bool = False
    relay: bool = False
    request_timeout_s: float = 5.0
    seen_ttl_s: float = 120.0
    """How long a payload counts as seen; what is announced again must wait longer."""
    peers_max: int = 400
    """Connections in all."""
    connections_per_ip_max: int = 64
    gossip_waiting_max: int = 2000
    gossip_waiting_bytes_max: int = 16 << 20
    requests_per_peer_max: int = 32


@message
class PeerConnected(Signal):
    """A connection stands."""

    peer: str
    address: str
    inbound: bool


@message
class PeerDisconnected(Signal):
    """The last connection to a peer is gone."""

    peer: str


@message
class ProtocolViolated(Signal):
    """A peer sent what no honest peer sends; whoever owns the port decides what becomes of it."""

    peer: str
    reason: str


@message
class GossipArrived(Signal):
    """A payload that was not seen before and that the topic's rules took.

    `source` passed it on, and has answered for what those rules find; `author` signed it, and answers for the rest.
    """

    topic: str
    source: str
    author: str
    data: bytes


@message
class RequestArrived(Signal):
    """A peer asks; answer with `respond`, in time."""

    number: int
    peer: str
    protocol: str
    data: bytes


@message
class RequestDone(Signal):
    """An own request ended, with an answer or with what went wrong; `too_long` if the answer passed its bound."""

    number: int
    data: bytes | None
    error: str
    too_long: bool = False


@message
class DialDone(Signal):
    """An own dial ended; `error` is empty when the peer is connected."""

    number: int
    peer: str
    error: str


@message
class PingDone(Signal):
    """A round trip was measured, or what went wrong."""

    number: int
    seconds: float
    error: str


@message
class LookupDone(Signal):
    """A search in the routing table ended."""

    number: int
    addresses: tuple[str, ...]
    error: str


@message
class PeerInfo:
    """One connected peer."""

    peer: str
    addresses: tuple[str, ...]
    protocols: tuple[str, ...]
    agent: str
    inbound: bool
    score: float
    listens: tuple[str, ...] = ()
    """Where it can be dialled: where it was, or for one that dialled in what it says, of its own address only."""


@message
class Bandwidth:
    """Bytes on the wire since the start, encryption and framing included."""

    total_in: int
    total_out: int
    rate_in: float
    rate_out: float


class NetworkPort(Protocol):
    """One node's place in the network."""

    peer_id: str
    addresses: tuple[str, ...]
    """Where this node listens, each ending in its peer id."""

    def publish(self, topic: str, data: bytes) -> None:
        """Gossip a payload."""
        ...

    def request(self, number: int, peer: str, protocol: str, data: bytes, timeout_s: float) -> None:
        """Send a request; `RequestDone(number)` tells how it ended."""
        ...

    def respond(self, number: int, data: bytes | None) -> None:
        """Answer a request that arrived; None refuses it."""
        ...

    def dial(self, number: int, address: str) -> None:
        """Connect; `DialDone(number)` tells how it ended."""
        ...

    def disconnect(self, peer: str, *, ban: bool = False) -> None:
        """Close every connection to a peer; with `ban` it may not come back for a while."""
        ...

    def block(self, peers: frozenset[str]) -> None:
        """Have nothing to do with these peers until told otherwise: a partition, made on purpose."""
        ...

    def ping(self, number: int, peer: str) -> None:
        """Measure a round trip; `PingDone(number)` tells."""
        ...

    def find_peer(self, number: int, peer: str) -> None:
        """Ask the DHT where a peer is; `LookupDone(number)` tells."""
        ...

    def find_providers(self, number: int, key: bytes) -> None:
        """Ask the DHT who provides a key; `LookupDone(number)` tells."""
        ...

    def peers(self) -> tuple[PeerInfo, ...]:
        """Who is connected."""
        ...

    def bandwidth(self) -> Bandwidth:
        """What went over the wire."""
        ...

    def taken(self, size: int) -> None:
        """One gossiped payload of so many bytes has been handled; more may come."""
        ...

    def close(self) -> None:
        """Leave the network; closing twice is no error."""
        ...
