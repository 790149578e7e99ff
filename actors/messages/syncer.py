"""What the Syncer is told, asked, and tells."""

from __future__ import annotations

from thespis.actors.roles import SYNCER
from thespis.protocols.chain.block import BlockMessage
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX, TipsetKey
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ProtocolError
from thespis.runtime.actor.conversation import Ask, Event, Tell
from thespis.runtime.actor.message import message

HEAD_BYTES_MAX = TIPSET_BLOCKS_MAX * 64 + 256
"""A CID of a block has 38 bytes, and some more on the wire; a weight has at most 128."""
GOSSIP_WITHIN_S = 60.0
"""What looking at a block may take, fetching its messages included; after that it counts no more among what waits."""


@message
class NewHead(Event, by=SYNCER):
    """The heaviest chain changed: `reverted` from the old head down, `applied` from the common ancestor up."""

    head: TipsetKey
    height: int
    weight: int
    reverted: tuple[TipsetKey, ...]
    applied: tuple[TipsetKey, ...]


@message
class BlockGossiped(Ask[None], to=SYNCER, within_s=GOSSIP_WITHIN_S):
    """A block from gossip, as it came; `source` passed it on, `author` answers for it.

    Answered once it was looked at, so that what waits for a busy Syncer is bounded where it comes in.
    """

    source: str
    author: str
    data: bytes


@message
class PeerHead(Tell, to=SYNCER):
    """A peer said what its head is."""

    peer: str
    head: TipsetKey
    height: int
    weight: int


@message
class PeerGreeted(Tell, to=SYNCER):
    """A peer answered our hello: it is no silent one, and may answer more."""

    peer: str


@message
class SubmitBlock(Ask[Cid], to=SYNCER, raises=(ProtocolError,), within_s=10.0):
    """Validate, store and give out an own block with all its messages; answered once it is one of the chain's tips."""

    block: BlockMessage
    bls_messages: tuple[Message, ...]
    secpk_messages: tuple[SignedMessage, ...]


@message
class Head:
    """Head, its height, and the weight of the chain that ends in it."""

    head: TipsetKey
    height: int
    weight: int


@message
class ReadHead(Ask[Head], to=SYNCER, answer_bytes_max=HEAD_BYTES_MAX):
    """The present head."""


@message
class SyncStatus:
    """One line about the syncer; rate in epochs per second, remaining in seconds (-1: unknown).

    `error` is why a target was given up; `fault` is this node's own: why it cannot execute a tipset of valid blocks,
    for as long as it could execute none since.
    """

    stage: str
    height: int
    target: int
    base: int
    rate: float
    remaining_s: float
    error: str
    bad_blocks: int
    fault: str


@message
class ReadSync(Ask[SyncStatus], to=SYNCER):
    """How syncing goes."""


@message
class SetCheckpoint(Ask[None], to=SYNCER, raises=(ProtocolError,)):
    """Never reorganise below this tipset; an empty key removes the checkpoint."""

    key: TipsetKey


@message
class ReadBad(Ask[str], to=SYNCER):
    """Why a block is in the bad-block cache; empty when it is not."""

    cid: Cid


@message
class MarkBad(Ask[None], to=SYNCER):
    """Put a block into the bad-block cache, or with an empty reason take it out."""

    cid: Cid
    reason: str
