"""Enemies with a miner of their own, whose power genesis knows: they sign what is valid, to part the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from thespis.actors.chain.reader import ChainReader
from thespis.actors.chain.writer import ChainWriter
from thespis.actors.chain_exchange.actor import compact
from thespis.actors.simulation.enemies.enemy import Enemy, answered, refusal, told
from thespis.actors.simulation.enemies.liars import HEAVY
from thespis.protocols.chain.block import BlockHeader, BlockMessage, BlockMessages, ElectionProof, Ticket
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.block_making import signed_block, storage_challenge, storage_proof, unsigned_block
from thespis.protocols.crypto import bls
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.networks.genesis_sectors import genesis_sector
from thespis.protocols.proofs.vanilla import prove_leaves
from thespis.protocols.wire.exchange import ExchangedTipset, Options, Request
from thespis.runtime.p2p.port import RequestArrived
from thespis.runtime.store.memory import MemoryDisk

VARIANTS = 40
FORK_BLOCKS = 3
GAS_LIMIT = 1_000_000
FEE_CAP, PREMIUM = 10**9, 100_000
Made = tuple[BlockHeader, BlockMessages]


class MinerEnemy(Enemy):
    """Makes blocks by the rules that honest miners make them by."""

    mines = True

    def next_height(self, chain: ChainReader) -> int:
        """The first epoch that has not begun."""
        return chain.genesis.profile.epoch_at(self.now_s()) + 1

    def due_in_s(self, chain: ChainReader, height: int) -> float:
        """How long until an epoch begins."""
        return max(0.0, chain.genesis.profile.timestamp_of(height) - self.now_s())

    def make(
        self, chain: ChainReader, parent: Tipset, height: int, messages: Sequence[SignedMessage] = ()
    ) -> Made | None:
        """The block that this miner wins over a tipset, or None."""
        simulation = self.simulation
        key, miner = simulation.enemy_identities[0].worker_key, simulation.enemy_miner()
        if parent.height >= height:
            return None
        context = chain.epoch_context(parent, height, miner)
        entries = context.beacon_entries_due()
        proof = bls.sign(key, context.election_randomness(entries))
        wins = context.wins(proof)
        if wins < 1:
            return None
        ticket = Ticket(bls.sign(key, context.ticket_randomness(entries)))
        challenge = storage_challenge(context, entries, chain.provable_sectors(parent, height, miner))
        sector = genesis_sector(simulation.parameters, miner, int(challenge.sector.number)).sealed
        opened = prove_leaves(sector.replica, sector.column_rows[-1].tobytes(), challenge.leaves)
        storage = storage_proof(challenge, opened)
        header, sorted_messages = unsigned_block(
            context, entries, ElectionProof(wins, proof), ticket, messages, storage
        )
        return self.signed(header), sorted_messages

    def signed(self, header: BlockHeader) -> BlockHeader:
        """A header with this miner's signature."""
        unsigned = dataclasses.replace(header, block_sig=None)
        key = self.simulation.enemy_identities[0].worker_key
        return signed_block(unsigned, sign(SignatureType.BLS, key, unsigned.signing_bytes()))


class Equivocation(MinerEnemy):
    """Signs many variants of every block that it wins, each by itself valid."""

    kind = "equivocation"

    def act(self) -> None:
        """All variants when the block is due, each from another author."""
        chain = self.chain()
        height = self.next_height(chain)
        made = self.make(chain, chain.head(), height)
        if made is not None:
            self.later(self.due_in_s(chain, height), self._variants, made[0])

    def _variants(self, header: BlockHeader) -> None:
        for number in range(VARIANTS):
            variant = self.signed(dataclasses.replace(header, fork_signaling=Unsigned(number)))
            self.gossip_block(BlockMessage(variant, (), ()))


class EarlyBlocks(MinerEnemy):
    """Says hello with its block before the epoch begins to half of the nodes, and gossips it in time to the others."""

    kind = "early-blocks"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._made: dict[tuple[Any, ...], Made] = {}

    def act(self) -> None:
        """One block over the head as it will stand."""
        chain = self.chain()
        height = self.next_height(chain)
        made = self.make(chain, chain.head(), height)
        if made is None:
            return
        key = (made[0].cid(),)
        self._made = {key: made}
        there = self.connected()
        early, late = there[::2], there[1::2]
        for victim in early:
            self.say_hello(victim, key, height, int(made[0].parent_weight) + HEAVY)
        block = BlockMessage(made[0], (), ())
        self.later(self.due_in_s(chain, height), self.gossip_block, block, self.port.peer_id, late or early)

    def answer(self, event: RequestArrived, request: Request) -> None:
        """The block, and the chain below it."""
        made = self._made.get(request.head)
        self.port.respond(event.number, told(self.chain(), request) if made is None else _alone(made, request))


class WithheldMessages(MinerEnemy):
    """Blocks whose message is given to one node only, and to nobody who asks."""

    kind = "withheld-messages"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._made: dict[tuple[Any, ...], Made] = {}
        self._favourite = ""

    def act(self) -> None:
        """One block with one message, when it is due."""
        chain = self.chain()
        height = self.next_height(chain)
        made = self.make(chain, chain.head(), height, [self._message(chain)])
        there = self.connected()
        if made is None or not there:
            return
        self._made[made[0].cid(),] = made
        self._favourite = self.rng.choice(there)
        block = BlockMessage(made[0], (), tuple(signed.cid() for signed in made[1].secpk))
        self.later(self.due_in_s(chain, height), self.gossip_block, block, self.port.peer_id)

    def _message(self, chain: ChainReader) -> SignedMessage:
        mine = self.simulation.enemy_identities[0]
        actor = chain.state_after(chain.head()).get(mine.account)
        nonce = Unsigned(actor.nonce if actor is not None else 0)
        message = Message(
            Unsigned(0), mine.account, mine.account, nonce, TokenAmount(1), GAS_LIMIT, TokenAmount(FEE_CAP),
            TokenAmount(PREMIUM), Unsigned(0), b"",
        )  # fmt: skip
        return SignedMessage(message, sign(SignatureType.SECP256K1, mine.account_key, message.signing_bytes()))

    def answer(self, event: RequestArrived, request: Request) -> None:
        """Headers to everyone, messages to the one."""
        made = self._made.get(request.head)
        withheld = bool(request.options & Options.MESSAGES) and event.peer != self._favourite
        self.port.respond(event.number, refusal() if made is None or withheld else _alone(made, request))


class WithheldBlocks(MinerEnemy):
    """Mines a branch that nobody sees, then claims it: once without its messages, once whole."""

    kind = "withheld-blocks"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._own = ChainWriter(MemoryDisk().open("chain"), self.simulation.network.base.world.share)
        self._own.begin(self.simulation.car)
        self._branch: list[Tipset] = []
        self._whole = True

    def act(self) -> None:
        """One more block of the branch; at three it is shown."""
        chain = self.chain()
        self._learn(chain)
        tip = self._branch[-1] if self._branch else chain.head()
        height = self.next_height(chain)
        made = self.make(self._own, tip, height)
        if made is None:
            return
        self._own.add_block(*made, float(self._own.genesis.profile.timestamp_of(height)))
        top = Tipset.of([made[0]])
        self._own.execute(top)
        self._branch.append(top)
        if len(self._branch) == FORK_BLOCKS:
            self._whole = not self._whole
            self._branch = []
            self.later(self.due_in_s(chain, height) + 0.1, self._show, top)

    def _learn(self, chain: ChainReader) -> None:
        missing = []
        for tipset in chain.history(chain.head()):
            if self._own.knows(tipset.key):
                break
            missing.append(tipset)
        for tipset in reversed(missing):
            for header in tipset.blocks:
                taken_s = max(self.now_s(), header.timestamp)  # a node whose clock is ahead takes blocks earlier
                self._own.add_block(header, chain.block_messages(header), taken_s)
            self._own.execute(tipset)

    def _show(self, top: Tipset) -> None:
        for victim in self.connected():
            self.say_hello(victim, top.key, top.height, int(top.blocks[0].parent_weight) + HEAVY)
        self.gossip_block(BlockMessage(top.blocks[0], (), ()), self.port.peer_id)

    def answer(self, event: RequestArrived, request: Request) -> None:
        """The branch, in the second showing with its messages."""
        withheld = bool(request.options & Options.MESSAGES) and not self._whole
        self.port.respond(event.number, refusal() if withheld else told(self._own, request))


def _alone(made: Made, request: Request) -> bytes:
    """An answer of one block."""
    header, messages = made
    headers = (header,) if request.options & Options.HEADERS else ()
    item = ExchangedTipset(headers, compact([messages]) if request.options & Options.MESSAGES else None)
    return answered([item])
