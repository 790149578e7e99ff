"""Which messages a block takes: as much reward as fits under the gas limit, every sender's nonces in order.

A sender's messages form links that rise no more in reward per gas: a cheap message before a dear one is joined with it
and counts at their common rate, for without the cheap one the dear one cannot be had. The links of all senders, best
rate first, then fill the block; a link that does not fit is cut from its end and competes again
(Lotus ``messagepool/selection.go``).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from thespis.protocols.chain.message import BLOCK_GAS_LIMIT, SignedMessage
from thespis.protocols.consensus.block_messages import BLOCK_MESSAGES_MAX
from thespis.protocols.encoding.address import Address

BLOCK_MESSAGE_BYTES_MAX = 900 << 10
"""Bytes of CIDs and signatures that keep a block within what gossip takes."""
_CID_BYTES = 48


@dataclass(slots=True)
class Link:
    """Consecutive messages of one sender; `reward` in attoFIL at the block's base fee."""

    sender: Address
    position: int
    messages: list[SignedMessage] = field(default_factory=list)
    gas: int = 0
    reward: int = 0
    is_cut: bool = False

    @property
    def rate(self) -> Fraction:
        """Reward per gas."""
        return Fraction(self.reward, self.gas)

    def shortened(self, count: int, base_fee: int) -> Link:
        """The first `count` messages alone."""
        link = Link(self.sender, self.position, is_cut=True)
        for signed in self.messages[:count]:
            link.take(signed, message_reward(signed, base_fee))
        return link

    def take(self, signed: SignedMessage, reward: int) -> None:
        """Append a message."""
        self.messages.append(signed)
        self.gas += signed.message.gas_limit
        self.reward += reward


def message_reward(signed: SignedMessage, base_fee: int) -> int:
    """What a miner earns with a message; negative when its fee cap is below the base fee."""
    message = signed.message
    return min(message.gas_premium, message.gas_fee_cap - base_fee) * message.gas_limit


def sender_links(
    sender: Address, chain: Iterable[SignedMessage], nonce: int, balance: int, base_fee: int
) -> list[Link]:
    """The links of one sender, from its next nonce on, as far as its balance reaches and fees cover the base fee."""
    links: list[Link] = []
    for signed in chain:
        message = signed.message
        cost = message.value + message.gas_fee_cap * message.gas_limit
        reward = message_reward(signed, base_fee)
        if message.nonce != nonce or cost > balance or reward < 0 or message.gas_limit > BLOCK_GAS_LIMIT:
            break
        nonce, balance = nonce + 1, balance - cost
        link = Link(sender, len(links))
        link.take(signed, reward)
        while links and links[-1].rate < link.rate:
            former = links.pop()
            former.messages += link.messages
            former.gas, former.reward = former.gas + link.gas, former.reward + link.reward
            link = former
        links.append(link)
    for position, link in enumerate(links):
        link.position = position
    return links


def select(
    chains: Iterable[tuple[Address, list[SignedMessage]]],
    account: Callable[[Address], tuple[int, int]],
    base_fee: int,
    gas_limit: int = BLOCK_GAS_LIMIT,
) -> list[SignedMessage]:
    """Messages for one block, in an order that keeps every sender's nonces; `account` gives next nonce and balance."""
    heap: list[tuple[Fraction, Address, int, Link]] = []
    for sender, chain in chains:
        nonce, balance = account(sender)
        heap += [_ranked(link) for link in sender_links(sender, chain, nonce, balance, base_fee)]
    heapq.heapify(heap)
    chosen: list[SignedMessage] = []
    room = _Room(gas_limit)
    cut: set[Address] = set()
    while heap:
        _rate, sender, _position, link = heapq.heappop(heap)
        if sender in cut and not link.is_cut:
            continue
        fitting = room.fitting(link)
        if fitting < len(link.messages):
            # what remains of a link may earn less per gas than it promised as a whole: let it compete again
            cut.add(sender)
            if fitting:
                heapq.heappush(heap, _ranked(link.shortened(fitting, base_fee)))
            continue
        chosen += link.messages
        room.take(link)
    return chosen


def _ranked(link: Link) -> tuple[Fraction, Address, int, Link]:
    """Best rate first; a sender's links in order, for their rates fall; position settles equal rates."""
    return -link.rate, link.sender, link.position, link


class _Room:
    """What is left of a block."""

    def __init__(self, gas_limit: int) -> None:
        self._gas = gas_limit
        self._messages = min(BLOCK_MESSAGES_MAX, BLOCK_MESSAGE_BYTES_MAX // _CID_BYTES)

    def fitting(self, link: Link) -> int:
        """How many of a link's messages fit."""
        gas = self._gas
        for number, signed in enumerate(link.messages):
            gas -= signed.message.gas_limit
            if gas < 0 or number == self._messages:
                return number
        return len(link.messages)

    def take(self, link: Link) -> None:
        """Use room."""
        self._gas -= link.gas
        self._messages -= len(link.messages)
