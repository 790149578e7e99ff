"""Which messages a block takes: as much reward as fits under the gas limit, every sender's nonces in order.

A sender's messages form links that rise no more in reward per gas: a cheap message before a dear one is joined with it
and counts at their common rate, for without the cheap one the dear one cannot be had. The links of all senders, best
rate first, then fill the block; a link that does not fit is cut from its end (Lotus ``messagepool/selection.go``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from protocols.chain.message import BLOCK_GAS_LIMIT, SignedMessage
from protocols.consensus.block_messages import BLOCK_MESSAGES_MAX
from protocols.encoding.address import Address

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

    @property
    def rate(self) -> Fraction:
        """Reward per gas."""
        return Fraction(self.reward, self.gas)

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
    links: list[Link] = []
    for sender, chain in chains:
        nonce, balance = account(sender)
        links += sender_links(sender, chain, nonce, balance, base_fee)
    # rates fall along a sender's links, so its links stay in order; position settles equal rates
    links.sort(key=lambda link: (-link.rate, link.sender, link.position))
    chosen: list[SignedMessage] = []
    room, size = gas_limit, BLOCK_MESSAGE_BYTES_MAX
    closed: set[Address] = set()
    for link in links:
        if link.sender in closed:
            continue
        for signed in link.messages:
            if signed.message.gas_limit > room or size < _CID_BYTES or len(chosen) == BLOCK_MESSAGES_MAX:
                closed.add(link.sender)
                break
            chosen.append(signed)
            room -= signed.message.gas_limit
            size -= _CID_BYTES
    return chosen
