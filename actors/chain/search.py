"""Where a chain has a message, and which message has a nonce.

The heaviest chain's messages are indexed by CID. A message that was replaced is on no chain: then the sender's nonce
tells what became of it. Nonces only rise along a chain, so the tipset that used one is found by halving heights, not by
walking down (Lotus v1.4.0 ``chain/stmgr/stmgr.go``, SearchForMessage, searchBackForMsg and tipsetExecutedMessage).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from thespis.actors.chain.reader import ChainReader, or_none
from thespis.protocols.chain.message import Message, Receipt, SignedMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount
from thespis.protocols.vm.interpreter import load_receipts

_SIGNED_FIELDS = 2


@dataclass(frozen=True, slots=True)
class Executed:
    """A message that a tipset of the chain has, by the CID under which the chain knows it, and what it gave."""

    tipset: Tipset
    cid: Cid
    message: Message
    receipt: Receipt


def executed_messages(chain: ChainReader, tipset: Tipset) -> list[Executed]:
    """A tipset's messages with their receipts."""
    receipts = load_receipts(chain.blocks, chain.execution(tipset.key).receipts_root)
    pairs = zip(chain.applied_messages(tipset), receipts, strict=True)
    return [Executed(tipset, cid, message, receipt) for (cid, message), receipt in pairs]


def find_message(chain: ChainReader, cid: Cid, start: Tipset, lowest: int) -> Executed | None:
    """Where the heaviest chain has a message, between a height and a tipset of it."""
    height = chain.index.message_height(cid)
    if height is None or not lowest <= height <= start.height:
        return None
    key = chain.index.at_height(height)
    if key is None:
        return None
    return next((each for each in executed_messages(chain, chain.tipset(key)) if each.cid == cid), None)


def find_nonce(chain: ChainReader, sender: Address, nonce: int, start: Tipset, lowest: int) -> Executed | None:
    """The message that used a sender's nonce on the chain that ends in `start`, not below a height.

    None while it is free, and where the states of so long ago are not kept.
    """

    def used(height: int) -> bool:
        actor = or_none(lambda: chain.state_after(chain.at_height(height, start)).get(sender))
        return actor is not None and actor.nonce > nonce

    low, high = max(0, lowest), start.height
    if not used(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if used(middle) else (middle + 1, high)
    tipset = chain.at_height(low, start)
    state = chain.state_after(tipset)
    number = state.resolve(sender) or sender
    for each in executed_messages(chain, tipset):
        message = each.message
        if message.nonce == nonce and (state.resolve(message.sender) or message.sender) == number:
            return each
    return None


def asks_the_same(one: Message, other: Message) -> bool:
    """Whether two messages of one sender and nonce differ in nothing but what they pay for gas.

    Then one is the other's replacement, and its receipt says what the sender wanted to know (Lotus v1.4.0
    ``chain/types/message.go``, Message.EqualCall).
    """
    return _without_gas(one, one.sender) == _without_gas(other, one.sender)


def _without_gas(message: Message, sender: Address) -> Message:
    free = TokenAmount(0)
    return dataclasses.replace(message, sender=sender, gas_limit=0, gas_fee_cap=free, gas_premium=free)


def stored_message(chain: ChainReader, cid: Cid) -> Message | None:
    """A message that some block of the store has, on whatever chain; raises DecodeError for what is none."""
    if not chain.blocks.has(cid):
        return None
    wire = cbor.decode(chain.blocks.get(cid))
    if isinstance(wire, list | tuple) and len(wire) == _SIGNED_FIELDS:
        return SignedMessage.from_wire(wire).message
    return Message.from_wire(wire)
