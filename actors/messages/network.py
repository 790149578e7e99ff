"""What the Network is asked, what it hands on, and what it tells."""

from __future__ import annotations

import enum

from thespis.actors.roles import NETWORK
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.wire.exchange import ANSWER_BYTES_MAX
from thespis.runtime.actor.conversation import Ask, Event, Tell
from thespis.runtime.actor.message import message
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.p2p.port import BYTES_PER_S_MIN, Bandwidth, PeerInfo

ANSWER_MARGIN_S = 2.0
LONGEST_ANSWER_S = ANSWER_BYTES_MAX / BYTES_PER_S_MIN
"""How much longer than its time the longest answer may take; the host sees that it goes on coming."""
DIAL_WITHIN_S = 25.0
LOOKUP_WITHIN_S = 35.0
LOOKUP_FOUND_MAX = 1000
TOLD_BYTES_MAX = 512
"""Of one address, protocol or name that a peer tells of itself; what is longer is left out, or cut."""
PEER_TEXTS_MAX = 32
"""Addresses of a peer that are told, and protocols."""
PEER_LISTENS_MAX = 4
"""Addresses that are told of where a peer can be dialled; one is enough."""
PEERS_TOLD_MAX = 450


class PeerError(RuntimeFloorError):
    """A peer did not do what was asked of it."""


class LongAnswerError(PeerError):
    """A peer answered with more than is read; whoever asked knows whether an honest one can."""


class Topic(enum.Enum):
    """What is gossiped."""

    BLOCKS = "blocks"
    MESSAGES = "messages"


@message
class PeerJoined(Event, by=NETWORK):
    """A peer is connected."""

    peer: str


@message
class PeerMisbehaved(Tell, to=NETWORK):
    """A peer sent what no honest peer sends; the network drops it and keeps it away for a while."""

    peer: str
    reason: str


@message
class PublishGossip(Ask[None], to=NETWORK, within_s=2.0):
    """Gossip a payload."""

    topic: Topic
    data: bytes


@message
class AskPeer(Ask[bytes], to=NETWORK, raises=(PeerError,)):
    """Send a request to a peer; answered with the bytes that it answers."""

    peer: str
    protocol: str
    data: bytes
    timeout_s: float

    def wait_s(self) -> float:
        """What the longest answer may take while it goes on coming, and what the way there and back may."""
        return self.timeout_s + LONGEST_ANSWER_S + ANSWER_MARGIN_S


@message
class ConnectPeer(Ask[None], to=NETWORK, raises=(PeerError,), within_s=DIAL_WITHIN_S):
    """Dial a multiaddress that ends in a peer id."""

    address: str


@message
class DisconnectPeer(Ask[None], to=NETWORK):
    """Close the connections to a peer."""

    peer: str


@message
class BlockPeers(Ask[None], to=NETWORK):
    """Have nothing to do with these peers until the next such order; for partitions made on purpose."""

    peers: tuple[str, ...]


@message
class PingPeer(Ask[float], to=NETWORK, raises=(PeerError,), within_s=DIAL_WITHIN_S):
    """Measure a round trip to a peer, in seconds."""

    peer: str


@message
class FindPeer(
    Ask[tuple[str, ...]],
    to=NETWORK,
    raises=(PeerError,),
    within_s=LOOKUP_WITHIN_S,
    answer_bytes_max=LOOKUP_FOUND_MAX * TOLD_BYTES_MAX,
):
    """The multiaddresses of a peer, by the routing table."""

    peer: str


@message
class FindProviders(
    Ask[tuple[str, ...]],
    to=NETWORK,
    raises=(PeerError,),
    within_s=LOOKUP_WITHIN_S,
    answer_bytes_max=LOOKUP_FOUND_MAX * TOLD_BYTES_MAX,
):
    """The multiaddresses of those who provide a key, by the routing table."""

    key: Cid


@message
class ListPeers(
    Ask[tuple[PeerInfo, ...]],
    to=NETWORK,
    answer_bytes_max=PEERS_TOLD_MAX * (2 * PEER_TEXTS_MAX + PEER_LISTENS_MAX + 2) * (TOLD_BYTES_MAX + 3),
):
    """Who is connected."""


@message
class ReadBandwidth(Ask[Bandwidth], to=NETWORK):
    """What went over the wire."""


@message
class Identity:
    """Peer id and listening addresses."""

    peer: str
    addresses: tuple[str, ...]


@message
class WhoAmI(Ask[Identity], to=NETWORK, answer_bytes_max=LOOKUP_FOUND_MAX * TOLD_BYTES_MAX):
    """The node's own identity on the network."""
