"""Signed blocks on their way out: each is given to the Syncer until it counts, is too old, or is refused for good.

Whoever is asked may die, hang, have no room on its disk, or look at a clock that is late; none of that may lose a
block, for none other may be signed in its place (`slash_filter`). So a block stays here, and durably in the filter,
until the chain has moved on with it known, and is given out again at every round and every new head before that.
Giving twice is harmless: the Syncer knows what it has, and gossip tells repeats by their content.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.syncer import SubmitBlock
from thespis.actors.mining_scheduler.slash_filter import SlashFilter
from thespis.protocols.chain.block import BlockHeader, BlockMessage, BlockMessages
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.consensus.finality import final_height
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import InvalidBlockError, ProtocolError
from thespis.runtime.errors import ActorRestartedError, AskError, RuntimeFloorError

if TYPE_CHECKING:
    from thespis.actors.mining_scheduler.settings import MiningSettings
    from thespis.runtime.actor.subsystem import Subsystem

logger = logging.getLogger(__name__)

ASKS_AT_ONCE_MAX = 3
"""A Syncer that dies while it has a block is asked again when it is back; then the block waits for the next round."""
TIMES_GIVEN_MAX = 3
"""How often a block is given to the network while nothing is built on it, an epoch apart."""
SHORTEST_WAIT_S = 0.001


@dataclass(slots=True)
class Outgoing:
    """A signed block; `given_s` is when the Syncer last took it, in monotonic seconds, and `times` how often."""

    header: BlockHeader
    submission: tuple[bytes, ...]
    given_s: float = 0.0
    times: int = 0
    busy: bool = False
    """Somebody waits with it, for its time or for the Syncer."""
    reason: str = "it has not been given out"

    def question(self) -> SubmitBlock:
        """What the Syncer is asked."""
        block, bls_count, *encoded = self.submission
        count = int.from_bytes(bls_count, "big")
        bls = tuple(Message.decode(data) for data in encoded[:count])
        secpk = tuple(SignedMessage.decode(data) for data in encoded[count:])
        return SubmitBlock(BlockMessage.decode(block), bls, secpk)


class Outbox:
    """The blocks of one miner that are not settled; it asks in the name of the MiningScheduler."""

    def __init__(self, owner: Subsystem[MiningSettings], chain: ChainReader, signed: SlashFilter) -> None:
        self._owner = owner
        self._chain = chain
        self._filter = signed
        self._blocks: dict[int, Outgoing] = {}

    def load(self, miner: Address) -> None:
        """Take up what a crash may have kept back."""
        for header, submission in self._filter.outstanding(miner):
            self._blocks[header.height] = Outgoing(header, submission)

    def put(self, header: BlockHeader, messages: BlockMessages) -> Outgoing:
        """Remember a signed block durably; whoever puts it gives it at its time."""
        submission = _submission(header, messages)
        self._filter.remember(header, submission)
        block = self._blocks[header.height] = Outgoing(header, submission, busy=True)
        return block

    def has(self, height: int) -> bool:
        """Whether a block of this height is on its way."""
        return height in self._blocks

    def waiting_over(self, parents: TipsetKey) -> Outgoing | None:
        """The block over these parents that the Syncer has not taken."""
        waiting = (each for each in self._blocks.values() if not each.times and each.header.parents == parents)
        return next(waiting, None)

    def next_due_s(self) -> float:
        """Seconds until the next block's time comes; infinite without one."""
        now_s = self._owner.environment.clock.unix_s()
        early = (each.header.timestamp - now_s for each in self._blocks.values() if self._is_early(each))
        return max(SHORTEST_WAIT_S, min(early, default=float("inf")))

    def _is_early(self, block: Outgoing) -> bool:
        return block.header.timestamp > self._owner.environment.clock.unix_s()

    async def give_all(self) -> list[BlockHeader]:
        """Give out, oldest first, what is due and nobody has in hand; returns the blocks that were taken at last."""
        taken = []
        for block in [self._blocks[height] for height in sorted(self._blocks)]:
            try:
                if block.busy or self._is_settled(block) or self._is_early(block) or self._was_just_given(block):
                    continue
                await self.give(block)
            except (RuntimeFloorError, ProtocolError) as error:
                logger.warning("block %s at height %d waits: %s", block.header.cid(), block.header.height, error)
            else:
                taken += [block.header] if block.times == 1 else []
        return taken

    async def give(self, block: Outgoing) -> Cid:
        """Have the Syncer take a block and give it to the network; raises why it does not.

        One that is invalid by this node's own rules is withdrawn: it was given to nobody.
        """
        block.busy = True
        try:
            cid = await self._ask(block)
        except InvalidBlockError as error:
            block.reason = f"{type(error).__name__}: {error}"
            self._withdraw(block)
            raise
        except (AskError, ProtocolError) as error:
            block.reason = f"{type(error).__name__}: {error}"
            raise
        finally:
            block.busy = False
        block.given_s, block.times = self._owner.now_s(), block.times + 1
        return cid

    async def _ask(self, block: Outgoing) -> Cid:
        question = block.question()
        for _ in range(ASKS_AT_ONCE_MAX - 1):
            try:
                return await self._owner.ask(question)
            except ActorRestartedError as error:
                logger.info("block %s is given again: %s", block.header.cid(), error)
        return await self._owner.ask(question)

    def _withdraw(self, block: Outgoing) -> None:
        header = block.header
        if self._chain.index.has_block(header.height, header.cid()):
            return
        logger.error(
            "this node made block %s at height %d and finds it invalid: %s. It is withdrawn, nobody was given it; this "
            "is a fault of this program: please report it with this line",
            header.cid(), header.height, block.reason,
        )  # fmt: skip
        self._filter.withdraw(header)
        self._blocks.pop(header.height, None)

    def _is_settled(self, block: Outgoing) -> bool:
        """Whether nothing is left to be done: the chain has grown above a block that is known, or it is too old."""
        header, head = block.header, self._chain.head()
        known = self._chain.index.has_block(header.height, header.cid())
        too_old = header.height <= final_height(head.height, self._chain.genesis.profile.finality_epochs)
        if not too_old and not (known and (head.height > header.height or block.times >= TIMES_GIVEN_MAX)):
            return False
        if not known:
            logger.error("block %s at height %d is lost: it was never taken, and is final", header.cid(), header.height)
        self._filter.settle(header)
        self._blocks.pop(header.height, None)
        return True

    def _was_just_given(self, block: Outgoing) -> bool:
        """Whether the Syncer took it within the last epoch; if nothing is built on it then, peers may not have it."""
        delay_s = self._chain.genesis.profile.block_delay_s
        return block.times > 0 and self._owner.now_s() - block.given_s < delay_s


def _submission(header: BlockHeader, messages: BlockMessages) -> tuple[bytes, ...]:
    """What the Syncer needs of a block, flat, so that the slash filter can keep it."""
    block = BlockMessage(header, tuple(m.cid() for m in messages.bls), tuple(signed.cid() for signed in messages.secpk))
    bls = [message.encode() for message in messages.bls]
    return (block.encode(), len(bls).to_bytes(4, "big"), *bls, *(signed.encode() for signed in messages.secpk))
