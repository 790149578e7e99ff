"""What the subsystems of a node say to each other: requests with their replies, and the events that the Node routes."""

from __future__ import annotations

from protocols.encoding.address import Address
from protocols.encoding.cid import Cid
from runtime.actor.fields import register_scalar
from runtime.actor.message import message

register_scalar(Cid, bytes, Cid.parse)
register_scalar(Address, bytes, Address.parse)

Key = tuple[Cid, ...]
"""A tipset key."""


# -- events, routed by actors/node.py ------------------------------------------------------------------------


@message
class NewHead:
    """The heaviest chain changed: `reverted` from the old head down, `applied` from the common ancestor up."""

    head: Key
    height: int
    weight: int
    reverted: tuple[Key, ...]
    applied: tuple[Key, ...]


@message
class PeerJoined:
    """A peer is connected."""

    peer: str


@message
class PeerLeft:
    """A peer is gone."""

    peer: str


@message
class PeerMisbehaved:
    """A peer sent what no honest peer sends; the network drops it."""

    peer: str
    reason: str


# -- Network -------------------------------------------------------------------------------------------------


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


# -- Syncer --------------------------------------------------------------------------------------------------


@message
class BlockGossiped:
    """A well-formed block from gossip."""

    source: str
    data: bytes


@message
class PeerHead:
    """A peer said what its head is."""

    peer: str
    head: Key
    height: int
    weight: int


@message
class SubmitBlock:
    """An own block with all its messages: validate, store, publish."""

    block: bytes
    bls_messages: tuple[bytes, ...]
    secpk_messages: tuple[bytes, ...]


@message
class Submitted:
    """The block is part of the local chain's tips."""

    cid: Cid


@message
class ReadHead:
    """The present head."""


@message
class Head:
    """Head, its height, and the weight of the chain that ends in it."""

    head: Key
    height: int
    weight: int


@message
class ReadSync:
    """How syncing goes."""


@message
class SyncStatus:
    """One line about the syncer; rate in epochs per second, remaining in seconds (-1: unknown)."""

    stage: str
    height: int
    target: int
    base: int
    rate: float
    remaining_s: float
    error: str
    bad_blocks: int


@message
class SetCheckpoint:
    """Never reorganise below this tipset; an empty key removes the checkpoint."""

    key: Key


@message
class ReadBad:
    """Why a block is in the bad-block cache."""

    cid: Cid


@message
class BadReason:
    """Empty when the block is not in the cache."""

    reason: str


@message
class MarkBad:
    """Put a block into the bad-block cache, or with an empty reason take it out."""

    cid: Cid
    reason: str


# -- MsgPool -------------------------------------------------------------------------------------------------


@message
class MessageGossiped:
    """A well-formed signed message from gossip."""

    source: str
    data: bytes


@message
class AddMessage:
    """Take a signed message into the pool and announce it; `local` ones survive a restart."""

    data: bytes
    local: bool


@message
class MessageAdded:
    """The message is in the pool; `published` says whether peers were told."""

    cid: Cid
    published: bool


@message
class SendMessage:
    """Fill in nonce and gas, sign, and take into the pool; zero gas fields are estimated."""

    message: bytes
    max_fee: int


@message
class SignedBytes:
    """A signed message, encoded."""

    data: bytes


@message
class NextNonce:
    """The next nonce of a sender, the pool's messages counted."""

    address: Address


@message
class NonceAnswer:
    """A number."""

    value: int


@message
class ListMessages:
    """Messages that wait."""


@message
class SignedMessages:
    """Signed messages, encoded."""

    data: tuple[bytes, ...]


@message
class SelectMessages:
    """Messages for a block over a tipset, best first, within the block's gas limit."""

    base: Key
    base_fee: int


@message
class GetMessages:
    """Messages by chain CID; those that are not there are left out."""

    cids: tuple[Cid, ...]


@message
class RemoveMessage:
    """Drop a message from the pool."""

    cid: Cid


@message
class WhyWaiting:
    """Why a message is not on chain yet, and what to do."""

    cid: Cid


@message
class Explanation:
    """Sentences for a person."""

    reason: str
    remedy: str


@message
class EstimateGas:
    """Fill in the zero gas fields of a message."""

    message: bytes
    max_fee: int


@message
class UnsignedBytes:
    """A message, encoded."""

    data: bytes


@message
class MessageChanged:
    """Event: a message came to the pool (kind 0) or left it (kind 1)."""

    kind: int
    data: bytes


# -- Wallet --------------------------------------------------------------------------------------------------


@message
class NewKey:
    """Make a key of a type: ``bls`` or ``secp256k1``."""

    kind: str


@message
class ImportKey:
    """Keep a private key of a type."""

    kind: str
    private_key: bytes


@message
class ExportKey:
    """Give out a private key."""

    address: Address


@message
class ExportedKey:
    """A private key; the one message that holds one."""

    kind: str
    private_key: bytes


@message
class DeleteKey:
    """Forget a private key."""

    address: Address


@message
class WalletAddress:
    """An address of the wallet, or None."""

    address: Address | None


@message
class ListKeys:
    """Addresses of the wallet."""


@message
class KeyList:
    """Addresses, sorted."""

    addresses: tuple[Address, ...]


@message
class DefaultKey:
    """The default sender."""


@message
class SetDefaultKey:
    """Choose the default sender."""

    address: Address


@message
class SignBytes:
    """Sign bytes with a key of the wallet."""

    address: Address
    data: bytes


@message
class SignatureBytes:
    """A signature: type byte, then data."""

    data: bytes


# -- MiningScheduler -----------------------------------------------------------------------------------------


@message
class StartMining:
    """Mine every epoch that is won."""


@message
class StopMining:
    """Stop mining."""


@message
class MineOnce:
    """Mine one block at the next epoch that is won."""

    rounds_max: int


@message
class ReadMining:
    """How mining goes."""


@message
class MiningStatus:
    """One line about the miner of this node."""

    miner: Address | None
    mining: bool
    blocks_mined: int
    rounds_won: int
    rounds_lost: int
    last_height: int
    last_error: str
