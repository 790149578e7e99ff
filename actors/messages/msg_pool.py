"""What the MsgPool is told, asked, and tells."""

from __future__ import annotations

import enum

from thespis.actors.messages.wallet import UnknownAddressError
from thespis.actors.roles import MSG_POOL
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ChainError, GasEstimateError, InvalidMessageError, PoolError, SignatureError
from thespis.runtime.actor.conversation import Ask, Event, Tell
from thespis.runtime.actor.message import message

WITHIN_S = 10.0
"""Estimating executes the message; a pool that is full takes its time to list."""
REFUSALS = (PoolError, InvalidMessageError, SignatureError, ChainError)
"""Why the pool may not take a message."""


class Change(enum.Enum):
    """What became of a message; the numbers are Lotus' (MpoolUpdate)."""

    ADDED = 0
    REMOVED = 1


@message
class MessageChanged(Event, by=MSG_POOL):
    """A message came to the pool or left it."""

    kind: Change
    message: SignedMessage


@message
class MessageGossiped(Tell, to=MSG_POOL):
    """A well-formed signed message from gossip, as it came; `author` answers for it."""

    author: str
    data: bytes


@message
class MessageAdded:
    """The message is in the pool; `published` says whether peers were told."""

    cid: Cid
    published: bool


@message
class AddMessage(Ask[MessageAdded], to=MSG_POOL, raises=REFUSALS, within_s=WITHIN_S):
    """Take a signed message into the pool and announce it; `local` ones survive a restart."""

    message: SignedMessage
    local: bool


@message
class SendMessage(
    Ask[SignedMessage], to=MSG_POOL, raises=(*REFUSALS, GasEstimateError, UnknownAddressError), within_s=WITHIN_S
):
    """Fill in nonce and gas, sign, and take into the pool; zero gas fields are estimated."""

    message: Message
    max_fee: int


@message
class NextNonce(Ask[int], to=MSG_POOL, raises=REFUSALS):
    """The next nonce of a sender, the pool's messages counted."""

    address: Address


@message
class ListMessages(Ask[tuple[SignedMessage, ...]], to=MSG_POOL, within_s=WITHIN_S):
    """Messages that wait."""


@message
class SelectMessages(Ask[tuple[SignedMessage, ...]], to=MSG_POOL, raises=(ChainError,)):
    """Messages for a block over a tipset, best first, within the block's gas limit."""

    base: TipsetKey
    base_fee: int


@message
class GetMessages(Ask[tuple[SignedMessage, ...]], to=MSG_POOL, within_s=2.0):
    """Messages by chain CID, waiting or just mined; those that are not there are left out."""

    cids: tuple[Cid, ...]


@message
class RemoveMessage(Ask[None], to=MSG_POOL, raises=(PoolError,)):
    """Drop a message from the pool."""

    cid: Cid


@message
class Explanation:
    """Sentences for a person."""

    reason: str
    remedy: str


@message
class WhyWaiting(Ask[Explanation], to=MSG_POOL, raises=REFUSALS):
    """Why a message is not on chain yet, and what to do."""

    cid: Cid


@message
class EstimateGas(Ask[Message], to=MSG_POOL, raises=(*REFUSALS, GasEstimateError), within_s=WITHIN_S):
    """The message with its zero gas fields filled in."""

    message: Message
    max_fee: int
