"""What the Syncer is told and asked."""

from __future__ import annotations

from thespis.actors.messages.forms import Key
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.actor.message import message


@message
class BlockGossiped:
    """A well-formed block from gossip; `source` passed it on, `author` answers for it."""

    source: str
    author: str
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
