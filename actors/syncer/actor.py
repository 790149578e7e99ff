"""The Syncer: the chain's only writer; takes blocks and heads from peers, fetches what is missing, moves the head.

Blocks that stand over a known tipset are added at once. Anything else becomes a sync target: headers are fetched from
the target down to a known tipset, then messages and execution go upwards, batch by batch. What breaks a rule goes into
the bad-block cache; what is merely missing, late or cancelled never does (reference: seed-node, weakness W20).
"""

from __future__ import annotations

import logging
from typing import ClassVar

from thespis.actors.chain.writer import ChainWriter, HeadChange
from thespis.actors.messages.msg_pool import GetMessages
from thespis.actors.messages.network import PeerMisbehaved, PublishGossip, Topic
from thespis.actors.messages.syncer import (
    BlockGossiped,
    Head,
    MarkBad,
    NewHead,
    PeerHead,
    ReadBad,
    ReadHead,
    ReadSync,
    SetCheckpoint,
    SubmitBlock,
    SyncStatus,
)
from thespis.actors.syncer.bad_blocks import BadBlocks
from thespis.actors.syncer.fetcher import Fetcher, FetchError
from thespis.actors.syncer.settings import SyncerSettings
from thespis.actors.syncer.targets import Orphans, Progress, Target, Targets
from thespis.protocols.chain.block import BlockHeader, BlockMessage, BlockMessages
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.consensus.finality import final_height
from thespis.protocols.consensus.validation import prepare_proofs
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockFutureError, ChainError, InvalidBlockError, InvalidTipsetError, ProtocolError
from thespis.protocols.wire.topics import parse_block
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError

logger = logging.getLogger(__name__)

FUTURE_EPOCHS_MAX = 5
GOSSIP_TRIES_MAX = 3
"""How often an own block is given to the Network, which may be restarting."""
EXECUTE_BATCH = 30
"""Tipsets whose messages are fetched together."""
HEADERS_BELOW_HEAD = 3
"""Headers asked for below our head's height at first: most forks are no deeper. Each further request doubles."""
HEADERS_MAX = 500
SYNC_TIPSETS_MAX = 50_000
"""Longest gap that is synced by walking headers; beyond it a snapshot is imported."""


class Syncer(Subsystem[SyncerSettings]):
    """Keeps the heaviest valid chain; `writer` is how blocks are validated, executed and kept."""

    writer: ClassVar[type[ChainWriter]] = ChainWriter
    chain: ChainWriter

    def __init__(self) -> None:
        super().__init__()
        self._bad = BadBlocks()
        self._targets = Targets()
        self._orphans = Orphans()
        self._progress = Progress()
        self._syncing = False
        self._fetcher = Fetcher(self)

    async def start(self, settings: SyncerSettings) -> None:
        """Open the chain, beginning it with the genesis that the settings give."""
        self.chain = self.writer(self.opened(self.environment.open_store("chain")), self.environment.share)
        self.chain.begin(settings.genesis_car)
        prepare_proofs(self.chain.genesis.profile)
        self._resume()

    def _resume(self) -> None:
        """A crash may have come between a block and its tipset: add what is missing around the head."""
        head = self.chain.head()
        if head.height:
            widest = self.chain.widest(head.blocks[0])
            self.chain.execute(widest)
            self.chain.choose(widest)

    # -- peers -----------------------------------------------------------------------------------------------

    @handles(PeerHead)
    def peer_head(self, said: PeerHead) -> None:
        """A peer has a head: sync to it if it could be heavier than ours."""
        if self.chain.knows(said.head) or said.weight < self._weight():
            return
        self._aim(Target(said.head, said.height, said.weight, said.peer, said.peer))

    # -- blocks ----------------------------------------------------------------------------------------------

    @handles(BlockGossiped)
    async def block_gossiped(self, gossip: BlockGossiped) -> None:
        """Add a block, or sync to it."""
        try:
            block = parse_block(gossip.data)
        except ProtocolError as error:
            self.tell(PeerMisbehaved(gossip.author, str(error)))
            return
        await self._take(block, gossip)

    @answers(SubmitBlock)
    def submit_block(self, own: SubmitBlock) -> Cid:
        """Add a block of this node's miner and give it to the network; raises what is wrong with it."""
        assert own.block.header is not None
        cid = self._add(own.block.header, BlockMessages(own.bls_messages, own.secpk_messages))
        self.spawn(self._give_out(own.block))
        return cid

    async def _give_out(self, block: BlockMessage) -> None:
        """Gossip an own block; a Network that dies while it has it is asked again when it is back."""
        for _ in range(GOSSIP_TRIES_MAX):
            try:
                await self.ask(PublishGossip(Topic.BLOCKS, block.encode()))
            except AskError as error:
                logger.warning("an own block was not gossiped, peers may have to ask for it: %s", error)
            else:
                return

    async def _take(self, block: BlockMessage, gossip: BlockGossiped) -> None:
        header = block.header
        assert header is not None
        cid = header.cid()
        if self.chain.index.has_block(header.height, cid) or cid in self._bad or not self._timely(header):
            return
        if any(parent in self._bad for parent in header.parents):
            self._bad.add(cid, "a parent is bad")
            return
        if not self.chain.knows(header.parents):
            self._orphans.add(header.parents, block, gossip)
            target = Target(header.parents, header.height - 1, header.parent_weight, gossip.source, gossip.author)
            self._aim(target)
            return
        try:
            messages = await self._collect(block, gossip.source)
            self._add(header, messages)
        except (FetchError, AskError, ChainError) as error:
            logger.info("block %s at height %d waits: %s", cid, header.height, error)
        except InvalidBlockError as error:
            self._reject(cid, gossip.author, error)

    def _timely(self, header: BlockHeader) -> bool:
        profile = self.chain.genesis.profile
        latest = profile.epoch_at(self.environment.clock.unix_s()) + FUTURE_EPOCHS_MAX
        return final_height(self.chain.head().height, profile.finality_epochs) <= header.height <= latest

    def _reject(self, cid: Cid, author: str, error: InvalidBlockError) -> None:
        if isinstance(error, BlockFutureError):
            return
        logger.warning("block %s from %s is bad: %s", cid, author, error)
        self._bad.add(cid, f"{type(error).__name__}: {error}")
        self.tell(PeerMisbehaved(author, f"block {cid}: {error}"[:500]))

    async def _collect(self, block: BlockMessage, source: str) -> BlockMessages:
        """A block's messages: from the store, the pool, or a peer that has the block."""
        assert block.header is not None
        wanted = {*block.bls_messages, *block.secpk_messages}
        found: dict[Cid, bytes] = {cid: self.chain.blocks.get(cid) for cid in wanted if self.chain.blocks.has(cid)}
        missing = tuple(sorted(wanted - found.keys()))
        if missing:
            for signed in await self.ask(GetMessages(missing)):
                found[signed.cid()], found[signed.message.cid()] = signed.encode(), signed.message.encode()
        if any(cid not in found for cid in wanted):
            return await self._fetcher.messages(block.header, source)
        return BlockMessages(
            tuple(Message.decode(found[cid]) for cid in block.bls_messages),
            tuple(SignedMessage.decode(found[cid]) for cid in block.secpk_messages),
        )

    def _add(self, header: BlockHeader, messages: BlockMessages) -> Cid:
        cid = self.chain.add_block(header, messages, self.environment.clock.unix_s())
        self._settle(self.chain.widest(header))
        return cid

    def _settle(self, tipset: Tipset) -> None:
        """Execute a tipset of valid blocks, and follow it if it is the heaviest."""
        self.chain.execute(tipset)
        change = self.chain.choose(tipset)
        if change is not None:
            self._announce(change)
        for block, gossip in self._orphans.take(tipset.key):
            self.spawn(self._take(block, gossip))

    def _announce(self, change: HeadChange) -> None:
        head = change.head
        if change.reverted:
            logger.info(
                "reorganised %d tipsets to %d at height %d", len(change.reverted), len(change.applied), head.height
            )
        self.publish(NewHead(head.key, head.height, change.weight, change.reverted, change.applied))

    # -- syncing ---------------------------------------------------------------------------------------------

    def _aim(self, target: Target) -> None:
        if any(cid in self._bad for cid in target.key):
            return
        self._targets.add(target)
        if not self._syncing:
            self._syncing = True
            self.spawn(self._sync_all())

    async def _sync_all(self) -> None:
        try:
            while (target := self._targets.best()) is not None:
                await self._sync(target)
                self._targets.drop(target)
        finally:
            self._syncing = False
            self._progress.end()

    async def _sync(self, target: Target) -> None:
        if self.chain.knows(target.key):
            return
        head = self.chain.head()
        self._progress.begin(self.now_s(), head.height, target.height)
        try:
            missing = await self._headers(target)
            await self._fill(missing, target)
        except InvalidBlockError as error:
            for cid in target.key:
                self._bad.add(cid, f"its chain is bad: {error}")
            self._progress.error = str(error)
            self.tell(PeerMisbehaved(target.author, f"bad chain: {error}"[:500]))
        except (FetchError, AskError, ChainError, InvalidTipsetError) as error:
            logger.info("syncing to height %d: %s", target.height, error)
            self._progress.error = str(error)

    async def _headers(self, target: Target) -> list[Tipset]:
        """Tipsets from the target down to the first known one, newest first."""
        found: list[Tipset] = []
        key: TipsetKey = target.key
        floor = final_height(self.chain.head().height, self.chain.genesis.profile.finality_epochs)
        length = max(1, target.height - self.chain.head().height) + HEADERS_BELOW_HEAD
        while not self.chain.knows(key):
            height = found[-1].height if found else target.height
            batch = await self._fetcher.headers(key, max(1, min(length, height - floor, HEADERS_MAX)), target.peer)
            length *= 2
            for tipset in batch:
                if self.chain.knows(tipset.key):
                    return found
                if found and tipset.height >= found[-1].height:
                    raise InvalidBlockError(f"height {tipset.height} is not below {found[-1].height}")
                if tipset.height <= floor or tipset.height == 0:
                    raise InvalidBlockError(f"the chain leaves ours at or below height {floor}, which is final")
                if any(cid in self._bad for cid in tipset.key):
                    raise InvalidBlockError(f"the chain holds a bad block at height {tipset.height}")
                found.append(tipset)
                key = tipset.parents
            if len(found) > SYNC_TIPSETS_MAX:
                raise FetchError(f"the gap is over {SYNC_TIPSETS_MAX} tipsets; import a snapshot")
        return found

    async def _fill(self, missing: list[Tipset], target: Target) -> None:
        """Fetch messages, validate and execute, oldest first."""
        waiting = missing[::-1]
        for start in range(0, len(waiting), EXECUTE_BATCH):
            batch = waiting[start : start + EXECUTE_BATCH]
            messages = await self._fetcher.batch_messages(batch, target.peer)
            for tipset, per_block in zip(batch, messages, strict=True):
                self._add_tipset(tipset, per_block, target.author)
                self._progress.reached(self.now_s(), tipset.height)
                await self.sleep(0)

    def _add_tipset(self, tipset: Tipset, messages: list[BlockMessages], author: str) -> None:
        for header, block_messages in zip(tipset.blocks, messages, strict=True):
            try:
                self.chain.add_block(header, block_messages, self.environment.clock.unix_s())
            except InvalidBlockError as error:
                self._reject(header.cid(), author, error)
                raise
        self._settle(tipset)
        widest = self.chain.widest(tipset.blocks[0])
        if widest.key != tipset.key:
            self._settle(widest)

    # -- questions -------------------------------------------------------------------------------------------

    def _weight(self) -> int:
        return self.chain.execution(self.chain.head().key).weight

    @answers(ReadHead)
    def read_head(self, _request: ReadHead) -> Head:
        """The head."""
        head = self.chain.head()
        return Head(head.key, head.height, self._weight())

    @answers(ReadSync)
    def read_sync(self, _request: ReadSync) -> SyncStatus:
        """How syncing goes."""
        return self._progress.status(self.chain.head().height, len(self._bad))

    @answers(SetCheckpoint)
    def set_checkpoint(self, order: SetCheckpoint) -> None:
        """Never leave a tipset of the present chain."""
        self.chain.set_checkpoint(order.key)

    @answers(ReadBad)
    def read_bad(self, request: ReadBad) -> str:
        """Why a block is refused."""
        return self._bad.reason(request.cid)

    @answers(MarkBad)
    def mark_bad(self, order: MarkBad) -> None:
        """Refuse a block, or stop refusing it."""
        if order.reason:
            self._bad.add(order.cid, order.reason)
        else:
            self._bad.remove(order.cid)
