"""Enemies in gossip: invented authors, messages that nobody has, and replays of what honest nodes signed."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any

from thespis.actors.network.actor import SEEN_TTL_MAX_S
from thespis.actors.simulation.enemies.enemy import Enemy
from thespis.actors.simulation.enemies.liars import EMPTY_MESSAGES
from thespis.protocols.chain.block import BlockMessage, save_message_meta
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.runtime.p2p.port import GossipArrived

BLOCKS_PER_EPOCH = 20
LOST_PER_EPOCH = 100
REMEMBERED_MAX = 200
GAS_LIMIT = 1_000_000
FEE_CAP = 10**9


class InventedAuthors(Enemy):
    """Invalid blocks and messages, each signed by another author whom nobody has ever met."""

    kind = "invented-authors"

    def act(self) -> None:
        """Blocks over the head with everything but the shape wrong, and messages with no true signature."""
        head = self.chain().head()
        if not head.height:
            return
        for _ in range(BLOCKS_PER_EPOCH):
            bad = dataclasses.replace(
                head.blocks[0],
                parents=head.key,
                height=ChainEpoch(head.height + 1),
                messages=EMPTY_MESSAGES,
                fork_signaling=Unsigned(self.number()),
            )
            self.gossip_block(BlockMessage(bad, (), ()))
            self._message()

    def _message(self) -> None:
        sender = self.simulation.identities[0].account
        nonce = Unsigned(self.number())
        message = Message(
            Unsigned(0), sender, sender, nonce, TokenAmount(1), GAS_LIMIT, TokenAmount(FEE_CAP), TokenAmount(1),
            Unsigned(0), b"",
        )  # fmt: skip
        signed = SignedMessage(message, Signature(SignatureType.SECP256K1, bytes(65)))
        self.port.inject(self.messages, self.nobody(), signed.encode(), self.connected())


class LostMessages(Enemy):
    """Blocks over the head that list messages which nobody has: every node asks its peers for each of them."""

    kind = "lost-messages"

    def act(self) -> None:
        """As many in one moment as make the honest ask each other too fast."""
        head = self.chain().head()
        if not head.height:
            return
        for _ in range(LOST_PER_EPOCH):
            lost = (Cid.of(b"nobody has this %d" % self.number()),)
            header = dataclasses.replace(
                head.blocks[0],
                parents=head.key,
                height=ChainEpoch(head.height + 1),
                messages=save_message_meta(MemoryBlockstore(), list(lost), []),
            )
            self.gossip_block(BlockMessage(header, lost, ()))


class Replays(Enemy):
    """Says again what honest nodes gossiped, as they signed it, once nobody remembers having seen it."""

    kind = "replays"
    listens = True

    def __init__(self, *arguments: Any) -> None:
        self._remembered: deque[tuple[float, GossipArrived]] = deque(maxlen=REMEMBERED_MAX)
        super().__init__(*arguments)

    def heard(self, event: GossipArrived) -> None:
        """Keep it."""
        self._remembered.append((self.now_s(), event))

    def act(self) -> None:
        """Everything that is old enough to be new again, and the head of long ago."""
        forgotten_s = min(SEEN_TTL_MAX_S, max(4, 4 * self.simulation.block_time_s)) + 1
        for heard_s, event in self._remembered:
            if self.now_s() - heard_s > forgotten_s:
                self.port.inject(event.topic, event.author, event.data, self.connected())
        chain = self.chain()
        old = chain.at_height(max(0, chain.head().height // 2), chain.head())
        for victim in self.connected():
            self.say_hello(victim, old.key, old.height, chain.execution(old.key).weight + 10**9)
