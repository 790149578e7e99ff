"""Which messages a block takes: as much reward as fits under the gas limit, every sender's nonces in order.

A sender's messages form message chains whose reward per gas does not rise: a cheap message before a dear one is joined
with it and counts at their common rate, for without the cheap one the dear one cannot be had. The chains of all
senders, best rate first, then fill the block; one that does not fit is trimmed from its end and competes again.

Which messages a block *may* hold is another rule, `block_messages` (Lotus v1.4.0 ``chain/messagepool/selection.go``,
selectMessagesGreedy, createMessageChains and msgChain.Trim).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from thespis.protocols.chain.message import BLOCK_GAS_LIMIT, SignedMessage
from thespis.protocols.consensus.block_messages import BLOCK_MESSAGES_MAX, BLOCK_MESSAGES_OF_A_KIND_MAX
from thespis.protocols.crypto.signature import SignatureType
from thespis.protocols.encoding.address import Address

BLOCK_MESSAGE_BYTES_MAX = 900 << 10
"""Bytes of CIDs and signatures that keep a block within what gossip takes."""
_CID_BYTES = 48
SELECTED_BYTES_MAX = BLOCK_GAS_LIMIT // 1000 + BLOCK_MESSAGES_MAX * 128
"""Bytes that a block's messages have together at most: each pays for its own, by the cheapest price list a thousand gas
for one, but for the signature of a BLS message, which the block does not hold."""


@dataclass(slots=True)
class MessageChain:
    """Consecutive messages of one sender; `reward` in attoFIL at the block's base fee."""

    sender: Address
    position: int
    messages: list[SignedMessage] = field(default_factory=list)
    gas: int = 0
    reward: int = 0
    is_trimmed: bool = False

    @property
    def rate(self) -> Fraction:
        """Reward per gas."""
        return Fraction(self.reward, self.gas)

    def trimmed(self, count: int, base_fee: int) -> MessageChain:
        """The first `count` messages alone."""
        chain = MessageChain(self.sender, self.position, is_trimmed=True)
        for signed in self.messages[:count]:
            chain.take(signed, message_reward(signed, base_fee))
        return chain

    def take(self, signed: SignedMessage, reward: int) -> None:
        """Append a message."""
        self.messages.append(signed)
        self.gas += signed.message.gas_limit
        self.reward += reward


def message_reward(signed: SignedMessage, base_fee: int) -> int:
    """What a miner earns with a message, in attoFIL; negative when its fee cap is below the base fee.

    Source: Lotus v1.4.0 ``chain/messagepool/selection.go``, getGasReward.
    """
    message = signed.message
    return min(message.gas_premium, message.gas_fee_cap - base_fee) * message.gas_limit


def message_chains(
    sender: Address, waiting: Iterable[SignedMessage], nonce: int, balance: int, base_fee: int
) -> list[MessageChain]:
    """One sender's chains, from its next nonce on, as far as its balance reaches and fees cover the base fee."""
    chains: list[MessageChain] = []
    for signed in waiting:
        message = signed.message
        cost = message.highest_cost()
        reward = message_reward(signed, base_fee)
        if message.nonce != nonce or cost > balance or reward < 0 or message.gas_limit > BLOCK_GAS_LIMIT:
            break
        nonce, balance = nonce + 1, balance - cost
        chain = MessageChain(sender, len(chains))
        chain.take(signed, reward)
        while chains and chains[-1].rate < chain.rate:
            former = chains.pop()
            former.messages += chain.messages
            former.gas, former.reward = former.gas + chain.gas, former.reward + chain.reward
            chain = former
        chains.append(chain)
    for position, chain in enumerate(chains):
        chain.position = position
    return chains


def select(
    waiting: Iterable[tuple[Address, list[SignedMessage]]],
    account: Callable[[Address], tuple[int, int]],
    base_fee: int,
    gas_limit: int = BLOCK_GAS_LIMIT,
) -> list[SignedMessage]:
    """Messages for one block, in an order that keeps every sender's nonces.

    `waiting` has each sender's messages in nonce order; `account` gives a sender's next nonce and balance.
    """
    heap: list[tuple[Fraction, Address, int, MessageChain]] = []
    for sender, messages in waiting:
        nonce, balance = account(sender)
        heap += [_ranked(chain) for chain in message_chains(sender, messages, nonce, balance, base_fee)]
    heapq.heapify(heap)
    chosen: list[SignedMessage] = []
    room = _Room(gas_limit)
    trimmed: set[Address] = set()
    while heap:
        _rate, sender, _position, chain = heapq.heappop(heap)
        if sender in trimmed and not chain.is_trimmed:
            continue
        fitting = room.fitting(chain)
        if fitting < len(chain.messages):
            # what remains of a chain may earn less per gas than it promised as a whole: let it compete again
            trimmed.add(sender)
            if fitting:
                heapq.heappush(heap, _ranked(chain.trimmed(fitting, base_fee)))
            continue
        chosen += chain.messages
        room.take(chain)
    return chosen


def _ranked(chain: MessageChain) -> tuple[Fraction, Address, int, MessageChain]:
    """Best rate first; a sender's chains in order, for their rates fall; position settles equal rates."""
    return -chain.rate, chain.sender, chain.position, chain


class _Room:
    """What is left of a block: gas, messages in all, and of each kind, for each kind has its own list."""

    def __init__(self, gas_limit: int) -> None:
        self._gas = gas_limit
        self._messages = min(BLOCK_MESSAGES_MAX, BLOCK_MESSAGE_BYTES_MAX // _CID_BYTES)
        self._of_kind = {True: BLOCK_MESSAGES_OF_A_KIND_MAX, False: BLOCK_MESSAGES_OF_A_KIND_MAX}

    def fitting(self, chain: MessageChain) -> int:
        """How many of a chain's messages fit."""
        gas, of_kind = self._gas, dict(self._of_kind)
        for number, signed in enumerate(chain.messages):
            gas -= signed.message.gas_limit
            of_kind[_is_bls(signed)] -= 1
            if gas < 0 or number == self._messages or of_kind[_is_bls(signed)] < 0:
                return number
        return len(chain.messages)

    def take(self, chain: MessageChain) -> None:
        """Use room."""
        self._gas -= chain.gas
        self._messages -= len(chain.messages)
        for signed in chain.messages:
            self._of_kind[_is_bls(signed)] -= 1


def _is_bls(signed: SignedMessage) -> bool:
    return signed.signature.type is SignatureType.BLS
