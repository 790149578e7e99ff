"""Enemies that lie about heads: heads that nobody made, siblings that do not exist, bad blocks beside good ones."""

from __future__ import annotations

import dataclasses
from typing import Any

from thespis.actors.chain_exchange.actor import compact
from thespis.actors.simulation.enemies.enemy import Enemy, answered, refusal
from thespis.protocols.chain.block import BlockMessage, BlockMessages, save_message_meta
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.wire.exchange import CompactedMessages, ExchangedTipset, Options, Request
from thespis.runtime.p2p.port import RequestArrived

HEADS_PER_EPOCH = 9
FAR_HEIGHT = 10**6
HEAVY = 10**9
NOBODYS_MINER = 4242
EMPTY_MESSAGES = save_message_meta(MemoryBlockstore(), [], [])


class MadeUpHeads(Enemy):
    """Claims heads that nobody made, heavier than any chain, and never answers for them."""

    kind = "made-up-heads"

    def act(self) -> None:
        """Several heads to everyone."""
        for victim in self.connected():
            self.met(victim)

    def met(self, peer: str) -> None:
        """Several heads at once."""
        for _ in range(HEADS_PER_EPOCH):
            number = self.number()
            self.say_hello(peer, (Cid.of(b"made up %d" % number),), FAR_HEIGHT, 10**30 + number)

    def answer(self, event: RequestArrived, request: Request) -> None:
        """Never."""


class GhostSiblings(Enemy):
    """Claims that the head has a sibling, and gossips blocks over both; the sibling does not exist."""

    kind = "ghost-siblings"

    def act(self) -> None:
        """One hello and one block to everyone."""
        head = self.chain().head()
        if not head.height:
            return
        ghost = Cid.of(b"ghost %d" % self.number())
        key = (*head.key, ghost)
        for victim in self.connected():
            self.say_hello(victim, key, head.height, int(head.blocks[0].parent_weight) + HEAVY)
        above = dataclasses.replace(
            head.blocks[0], parents=key, height=ChainEpoch(head.height + 1), messages=EMPTY_MESSAGES
        )
        self.gossip_block(BlockMessage(above, (), ()))


class BadBesideGood(Enemy):
    """Claims a head of the honest block and an invalid one, and gives both to whoever asks (a poisoned key)."""

    kind = "bad-beside-good"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._made: dict[TipsetKey, tuple[Tipset, CompactedMessages]] = {}

    def act(self) -> None:
        """A hello with the made-up head, and a block over it, to everyone."""
        chain = self.chain()
        head = chain.head()
        if not head.height:
            return
        good = head.blocks[0]
        ticket = dataclasses.replace(good.ticket, vrf_proof=bytes(96)) if good.ticket is not None else None
        miner = Address.id(NOBODYS_MINER + self.number())
        bad = dataclasses.replace(good, miner=miner, ticket=ticket, messages=EMPTY_MESSAGES)
        both = Tipset.of([good, bad])
        messages = {good.cid(): chain.block_messages(good), bad.cid(): BlockMessages((), ())}
        self._made = {both.key: (both, compact([messages[cid] for cid in both.key]))}
        for victim in self.connected():
            self.say_hello(victim, both.key, both.height, int(good.parent_weight) + HEAVY)
        height = ChainEpoch(both.height + 1)
        above = dataclasses.replace(good, parents=both.key, height=height, messages=EMPTY_MESSAGES)
        self.gossip_block(BlockMessage(above, (), ()))

    def answer(self, event: RequestArrived, request: Request) -> None:
        """The made-up tipset alone, whole."""
        made = self._made.get(request.head)
        if made is None:
            self.port.respond(event.number, refusal())
            return
        tipset, messages = made
        options = int(request.options)
        headers = tipset.blocks if options & Options.HEADERS else ()
        item = ExchangedTipset(headers, messages if options & Options.MESSAGES else None)
        self.port.respond(event.number, answered([item]))
