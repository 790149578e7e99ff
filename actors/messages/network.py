"""What the Network is asked, and what it hands on."""

from __future__ import annotations

from thespis.actors.messages import forms as _forms  # noqa: F401  (CIDs and addresses get their wire form there)
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.actor.message import message
from thespis.runtime.p2p.port import PeerInfo


@message
class PublishGossip:
    """Gossip a payload: topic is ``blocks`` or ``messages``."""

    topic: str
    data: bytes


@message
class AskPeer:
    """Send a request to a peer and return its answer."""

    peer: str
    protocol: str
    data: bytes
    timeout_s: float


@message
class PeerAnswer:
    """What a peer answered."""

    data: bytes


@message
class ConnectPeer:
    """Dial a multiaddress that ends in a peer id."""

    address: str


@message
class DisconnectPeer:
    """Close the connections to a peer."""

    peer: str


@message
class BlockPeers:
    """Have nothing to do with these peers until the next such order; for partitions made on purpose."""

    peers: tuple[str, ...]


@message
class PingPeer:
    """Measure a round trip to a peer."""

    peer: str


@message
class RoundTrip:
    """How long a round trip took."""

    seconds: float


@message
class FindPeer:
    """Ask the routing table where a peer is."""

    peer: str


@message
class FindProviders:
    """Ask the routing table who provides a key."""

    key: Cid


@message
class Addresses:
    """Multiaddresses."""

    addresses: tuple[str, ...]


@message
class ListPeers:
    """Who is connected."""


@message
class PeerList:
    """Those who are."""

    peers: tuple[PeerInfo, ...]


@message
class ReadBandwidth:
    """What went over the wire."""


@message
class WhoAmI:
    """The node's own identity on the network."""


@message
class Identity:
    """Peer id and listening addresses."""

    peer: str
    addresses: tuple[str, ...]


@message
class Served:
    """Bytes to answer a peer with; None refuses."""

    data: bytes | None


@message
class PeerRequest:
    """A peer's request, passed to who answers it."""

    peer: str
    protocol: str
    data: bytes
