"""What the MsgPool is told and asked."""

from __future__ import annotations

from thespis.actors.messages.forms import Key
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.actor.message import message


@message
class MessageGossiped:
    """A well-formed signed message from gossip; `author` answers for it."""

    author: str
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
