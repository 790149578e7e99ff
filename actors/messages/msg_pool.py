"""What the MsgPool is told, asked, and tells."""

from __future__ import annotations

import enum

from thespis.actors.messages.wallet import UnknownAddressError
from thespis.actors.roles import MSG_POOL
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.consensus.selection import SELECTED_BYTES_MAX
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ChainError, GasEstimateError, InvalidMessageError, PoolError, SignatureError
from thespis.runtime.actor.conversation import Ask, Event
from thespis.runtime.actor.message import message
from thespis.runtime.actor.pages import Page

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
class MessageGossiped(Ask[None], to=MSG_POOL, within_s=20.0):
    """A signed message from gossip, as it came; `author` answers for it. Answered once it was looked at."""

    author: str
    data: bytes


@message
class MessageAdded:
    """The message is in the pool; `published` says whether peers were told."""

    cid: Cid
    published: bool


@message
class AddMessage(Ask[MessageAdded], to=MSG_POOL, raises=REFUSALS, within_s=WITHIN_S):
    """Take a signed message into the pool and announce it.

    A `local` one is this node's user's: it survives a restart and gives way to nobody. Of one who is `untrusted` a few
    are taken, in order; of others as many as of peers.
    """

    message: SignedMessage
    local: bool
    untrusted: bool = False


@message
class SendMessage(
    Ask[SignedMessage], to=MSG_POOL, raises=(*REFUSALS, GasEstimateError, UnknownAddressError), within_s=WITHIN_S
):
    """Fill in nonce and gas, sign, and take into the pool; zero gas fields are estimated.

    Nothing tells a second try from a second message: whoever gets no answer looks for the first in pool and chain
    before sending again.
    """

    message: Message
    max_fee: int


@message
class ReplaceMessage(
    Ask[SignedMessage], to=MSG_POOL, raises=(*REFUSALS, GasEstimateError, UnknownAddressError), within_s=WITHIN_S
):
    """Sign a message that waits anew, for better pay, and take it instead; what is 0 is estimated.

    It has the same nonce and asks for the same, so that only one of the two can be mined.
    """

    cid: Cid
    gas_premium: int = 0
    gas_fee_cap: int = 0


@message
class NextNonce(Ask[int], to=MSG_POOL, raises=REFUSALS):
    """The next nonce of a sender, the pool's messages counted."""

    address: Address


@message
class ListMessages(Ask[Page[SignedMessage]], to=MSG_POOL, within_s=WITHIN_S):
    """Messages that wait, by sender and nonce."""

    after: bytes = b""


@message
class SelectMessages(
    Ask[tuple[SignedMessage, ...]], to=MSG_POOL, raises=(ChainError,), answer_bytes_max=SELECTED_BYTES_MAX
):
    """Messages for a block over a tipset, best first, within the block's gas limit."""

    base: TipsetKey
    base_fee: int


@message
class GetMessages(Ask[Page[SignedMessage]], to=MSG_POOL, within_s=2.0):
    """Messages by chain CID: waiting, just mined, or replaced not long ago; those that are not there are left out."""

    cids: tuple[Cid, ...]
    after: bytes = b""


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


@message
class EstimatePremium(Ask[int], to=MSG_POOL):
    """A premium that beats the middle of what waits, in attoFIL per gas."""
