"""A miner outside every node, who makes the heaviest blocks that are legal, and answers as long as they get.

What a peer may answer is bounded by what a block may hold, so only a chain of full blocks shows what the longest honest
answer costs a node, and only who can sign a block gets a node as far as asking for messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from thespis.actors.chain.writer import ChainWriter
from thespis.actors.chain_exchange.actor import compact
from thespis.deploy.devnet.plan import DevnetPlan, Key
from thespis.protocols.chain.block import BlockHeader, BlockMessages, ElectionProof, Ticket
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.consensus.block_making import signed_block, storage_challenge, storage_proof, unsigned_block
from thespis.protocols.crypto.signature import Signature, SignatureType, sign
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.networks.genesis_sectors import genesis_sector
from thespis.protocols.proofs.vanilla import prove_leaves
from thespis.protocols.wire.exchange import CompactedMessages, ExchangedTipset, Options, Request, Response, Status
from thespis.runtime.store.memory import MemoryDisk

ALL_MESSAGES = 80_000
"""Of one answer: 9.8 MiB, which took a reader that did it in one go eight seconds."""
PADDING = bytes(24)
BLOCK_INDICES = 8_000
FEE_CAP, PREMIUM = 10**9, 10**5
GAS_FIXED, GAS_PER_BYTE = 600_000, 1300
"""What a message is given for being sent, and for its length: more than it needs, for what is left is not burnt."""


def transfer(key: Key, nonce: int, params: bytes = b"") -> SignedMessage:
    """A signed transfer to its own sender, of any length."""
    limit = GAS_FIXED + GAS_PER_BYTE * len(params)
    message = Message(
        Unsigned(0), key.address, key.address, Unsigned(nonce), TokenAmount(1), limit, TokenAmount(FEE_CAP),
        TokenAmount(PREMIUM), Unsigned(0), params,
    )  # fmt: skip
    return SignedMessage(message, sign(key.kind, key.private, message.signing_bytes()))


def false_messages(tipsets: int = 1) -> bytes:
    """The longest answer of messages that reads well, for so many tipsets of one block; no header commits to it."""
    nobody, per_tipset = Address.id(99), ALL_MESSAGES // tipsets
    signature = Signature(SignatureType.SECP256K1, bytes(65))

    def message(nonce: int) -> SignedMessage:
        plain = Message(
            Unsigned(0), nobody, Address.id(1000), Unsigned(nonce), TokenAmount(nonce), 700_000, TokenAmount(FEE_CAP),
            TokenAmount(PREMIUM), Unsigned(0), PADDING,
        )  # fmt: skip
        return SignedMessage(plain, signature)

    indices = tuple(map(Unsigned, range(min(BLOCK_INDICES, per_tipset))))
    items = []
    for tipset in range(tipsets):
        messages = tuple(message(tipset * per_tipset + number) for number in range(per_tipset))
        items.append(ExchangedTipset((), CompactedMessages((), ((),), messages, (indices,))))
    return Response(Unsigned(Status.OK), "", tuple(items)).encode()


class OutsideMiner:
    """One miner of a devnet's genesis, with a chain of its own in memory."""

    def __init__(self, plan: DevnetPlan, number: int) -> None:
        """`number` is its node's in the plan; that node must not mine beside it."""
        node = plan.nodes[number]
        assert node.worker is not None
        assert node.miner is not None
        self.account, self._worker, self._miner = node.account, node.worker, node.miner
        template = plan.template()
        self._sector = genesis_sector(template.parameters, self._miner, 0).sealed
        self.chain = ChainWriter(MemoryDisk().open("chain"))
        self.chain.begin(plan.genesis_car())

    def grow(self, heights: Sequence[int], messages: Sequence[SignedMessage] = ()) -> Tipset:
        """One more tipset on the own chain, of one block at the first of these heights that is won."""
        parent = self.chain.head()
        made = (self._block(parent, height, messages) for height in heights if height > parent.height)
        header, kept = next(block for block in made if block is not None)
        self.chain.add_block(header, kept, float(header.timestamp))
        tipset = Tipset.of([header])
        self.chain.execute(tipset)
        self.chain.choose(tipset)
        return tipset

    def _block(
        self, parent: Tipset, height: int, messages: Sequence[SignedMessage]
    ) -> tuple[BlockHeader, BlockMessages] | None:
        context = self.chain.epoch_context(parent, height, self._miner)
        entries = context.beacon_entries_due()
        proof = self._sign(context.election_randomness(entries))
        wins = context.wins(proof)
        if wins < 1:
            return None
        ticket = Ticket(self._sign(context.ticket_randomness(entries)))
        challenge = storage_challenge(context, entries, self.chain.provable_sectors(parent, height, self._miner))
        opened = prove_leaves(self._sector.replica, self._sector.column_rows[-1].tobytes(), challenge.leaves)
        election = ElectionProof(wins, proof)
        header, kept = unsigned_block(context, entries, election, ticket, messages, storage_proof(challenge, opened))
        signature = sign(SignatureType.BLS, self._worker.private, header.signing_bytes())
        return signed_block(header, signature), kept

    def _sign(self, data: bytes) -> bytes:
        return sign(SignatureType.BLS, self._worker.private, data).data

    # -- as a peer -------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> bytes:
        """All that is asked for, however long, as Lotus answers (v1.4.0 ``chain/exchange/server.go``)."""
        found = tuple(self._downwards(request))
        if not found:
            return Response(Unsigned(Status.NOT_FOUND), "not here", ()).encode()
        status = Status.OK if len(found) == request.length else Status.PARTIAL
        return Response(Unsigned(status), "", found).encode()

    def _downwards(self, request: Request) -> Iterator[ExchangedTipset]:
        key: TipsetKey = request.head
        for _ in range(int(request.length)):
            if not key or not self.chain.knows(key):
                return
            tipset = self.chain.tipset(key)
            headers = tipset.blocks if request.options & Options.HEADERS else ()
            messages = None
            if request.options & Options.MESSAGES:
                messages = compact([self.chain.block_messages(header) for header in tipset.blocks])
            yield ExchangedTipset(headers, messages)
            key = tipset.parents
