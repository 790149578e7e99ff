"""The Syncer: the chain's only writer; takes blocks and heads from peers, fetches what is missing, moves the head.

Blocks that stand over a known tipset are added at once. Anything else becomes a sync target: headers are fetched from
the target down to a known tipset, then messages and execution go upwards, batch by batch. What is proven to break a
rule goes into the bad-block cache; what stands beside it, is missing, early, late or cancelled never does (reference:
seed-node, weakness W20).
"""

from __future__ import annotations

import logging
from functools import partial
from typing import ClassVar

from thespis.actors.chain.first_look import FUTURE_EPOCHS_MAX, due_s, is_attested, is_timely
from thespis.actors.chain.writer import ChainWriter, HeadChange
from thespis.actors.messages.network import PeerMisbehaved
from thespis.actors.messages.syncer import (
    BlockGossiped,
    Head,
    MarkBad,
    NewHead,
    PeerGreeted,
    PeerHead,
    ReadBad,
    ReadHead,
    ReadSync,
    SetCheckpoint,
    SubmitBlock,
    SyncStatus,
)
from thespis.actors.syncer.bad_blocks import BadBlocks
from thespis.actors.syncer.contents import collect, read
from thespis.actors.syncer.early import EARLY_MARGIN_S, Early
from thespis.actors.syncer.equivocations import Equivocations
from thespis.actors.syncer.fetcher import Fetcher, FetchError
from thespis.actors.syncer.own_blocks import Turns, give_out
from thespis.actors.syncer.questions import Questions
from thespis.actors.syncer.settings import SyncerSettings
from thespis.actors.syncer.targets import Orphans, Progress, Target, Targets
from thespis.actors.syncer.walk import BadChainError, EarlyError, Walk
from thespis.protocols.chain.block import BlockHeader, BlockMessage, BlockMessages
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.validation import prepare_proofs
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import (
    BlockFutureError,
    ChainError,
    InvalidBlockError,
    InvalidTipsetError,
    ProtocolError,
)
from thespis.protocols.wire.exchange_reading import UnreadMessages
from thespis.protocols.wire.topics import parse_block
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.pieces import in_pieces
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError

logger = logging.getLogger(__name__)

EXECUTE_BATCH = 30
"""Tipsets whose messages are fetched together at most."""
WATCH_EVERY_S = 0.5
"""How often to look whether another target's turn has come."""


class Syncer(Subsystem[SyncerSettings]):
    """Keeps the heaviest valid chain; `writer` is how blocks are validated, executed and kept."""

    preloads = ("thespis.protocols.consensus.storage_proofs",)
    writer: ClassVar[type[ChainWriter]] = ChainWriter
    chain: ChainWriter

    def __init__(self) -> None:
        super().__init__()
        self._bad = BadBlocks()
        self._targets = Targets()
        self._orphans = Orphans()
        self._early = Early(self, self._take)
        self._equivocations = Equivocations()
        self._progress = Progress()
        self._watching = False
        self._fetcher = Fetcher(self)
        self._own = Turns(self)
        self._questions = Questions()

    async def start(self, settings: SyncerSettings) -> None:
        """Open the chain, beginning it with the genesis that the settings give."""
        self.chain = self.writer(self.opened(self.environment.open_store("chain")), self.environment.share)
        self.chain.begin(settings.genesis_car)
        prepare_proofs(self.chain.genesis.profile)
        await self._resume()

    async def _resume(self) -> None:
        """A crash may have come between a block and its tipset: execute what is kept and was not, and follow it."""
        for tipset in self.chain.unsettled():
            await in_pieces(self, self.chain.executing(tipset))
            self.chain.choose(tipset)

    # -- peers -----------------------------------------------------------------------------------------------

    @handles(PeerHead)
    def peer_head(self, said: PeerHead) -> None:
        """A peer has a head: sync to it if it could be heavier than ours."""
        if self.chain.knows(said.head) or said.weight < self._weight():
            return
        self._aim(Target(said.head, said.height, said.weight, said.peer, said.peer))

    @handles(PeerGreeted)
    def peer_greeted(self, peer: PeerGreeted) -> None:
        """One more that is worth asking."""
        self._fetcher.ways.greeted(peer.peer)

    # -- blocks ----------------------------------------------------------------------------------------------

    @answers(BlockGossiped)
    async def block_gossiped(self, gossip: BlockGossiped) -> None:
        """Add a block, or sync to it."""
        try:
            block = parse_block(gossip.data)
        except ProtocolError as error:
            self.tell(PeerMisbehaved(gossip.author, str(error)))
            return
        await self._take(block, gossip)

    @answers(SubmitBlock)
    async def submit_block(self, own: SubmitBlock) -> Cid:
        """Add a block of this node's miner and give it to the network; raises what is wrong with it."""
        assert own.block.header is not None
        async with self._own.turn():
            cid = await self._add(own.block.header, BlockMessages(own.bls_messages, own.secpk_messages))
        self.spawn(give_out(self, own.block))
        return cid

    async def _take(self, block: BlockMessage, gossip: BlockGossiped) -> None:
        """Look at a gossiped block, what is cheap first; what is only missing or early waits and is not bad."""
        header = block.header
        assert header is not None
        cid = header.cid()
        if cid in self._bad or not is_timely(self.chain, header.height, self.environment.clock.unix_s()):
            return
        if self.chain.index.has_block(header.height, cid):
            await self._settle(header)  # which does nothing, unless an execution failed before
            return
        if any(parent in self._bad for parent in header.parents):
            self._bad.add(cid, "a parent is bad")
            return
        if self._equivocations.one_too_many(header):
            logger.info("block %s at height %d: its miner has signed others before it", cid, header.height)
            return
        if due_s(self.chain, header) > self.environment.clock.unix_s():
            self._keep_early(block, gossip)
            return
        if not self.chain.knows(header.parents):
            self._keep_orphan(block, gossip)
            return
        try:
            self.chain.check_header(header, self.environment.clock.unix_s())
            self._equivocations.note(header)
            await self._add(header, await collect(self, self.chain, block, partial(self._ask_for, gossip.source)))
        except (FetchError, AskError, ChainError) as error:
            logger.info("block %s at height %d is tried again: %s", cid, header.height, error)
            lane = f"miner {header.miner}"
            self._aim(Target((cid,), header.height, header.parent_weight, gossip.source, gossip.author, lane))
        except BlockFutureError:  # the clock went back meanwhile
            self._keep_early(block, gossip)
        except InvalidBlockError as error:
            self._reject(error, gossip.author)

    def _keep_orphan(self, block: BlockMessage, gossip: BlockGossiped) -> None:
        header = block.header
        assert header is not None
        attested = is_attested(self.chain, header)
        lane = f"miner {header.miner}" if attested else ""
        if attested:
            self._equivocations.note(header)
        self._orphans.add(header.parents, block, gossip, lane)
        height, weight = header.height - 1, header.parent_weight
        self._aim(Target(header.parents, height, weight, gossip.source, gossip.author, lane, attested))

    def _keep_early(self, block: BlockMessage, gossip: BlockGossiped) -> None:
        header = block.header
        assert header is not None
        if not is_attested(self.chain, header):
            return
        self._early.keep(due_s(self.chain, header), self.chain.genesis.profile.block_delay_s, block, gossip)

    def _reject(self, error: InvalidBlockError, author: str) -> None:
        """Refuse the block that an error is proof against, and no other; `author` answers for it."""
        logger.warning("block %s from %s is bad: %s", error.block, author, error)
        if error.block is not None:
            self._bad.add(error.block, f"{type(error).__name__}: {error}")
        self.tell(PeerMisbehaved(author, f"block {error.block}: {error}"[:500]))

    async def _ask_for(self, source: str, header: BlockHeader) -> UnreadMessages:
        """A block's messages from a peer, if not too much is asked on account of its miner or of who passed it on."""
        with self._questions.about(f"miner {header.miner}", f"source {source}"):
            return await self._fetcher.messages(header, source)

    async def _add(self, header: BlockHeader, messages: BlockMessages) -> Cid:
        """Validate a block over a known parent, keep it, execute its tipset and follow it if it is the heaviest."""
        cid = await in_pieces(self, self.chain.adding_block(header, messages, self.environment.clock.unix_s()))
        await self._settle(header)
        return cid

    async def _settle(self, header: BlockHeader) -> None:
        """Follow the widest tipset of a kept block; a sibling that is kept while it is executed makes a wider one."""
        while not self.chain.knows((tipset := self.chain.widest(header)).key):
            await self._execute(tipset)
        self._follow(tipset)

    async def _execute(self, tipset: Tipset) -> None:
        """Execute a tipset of valid blocks, in steps: a full block takes seconds, in which others must get answers."""
        with self._progress.telling_faults(tipset):
            await in_pieces(self, self.chain.executing(tipset))

    def _follow(self, tipset: Tipset) -> None:
        """Make an executed tipset the head if it is the heaviest, and look at the blocks that waited for it."""
        if (change := self.chain.choose(tipset)) is not None:
            self._announce(change)
        for block, gossip in self._orphans.take(tipset.key):
            self.spawn(self._take(block, gossip))

    def _announce(self, change: HeadChange) -> None:
        head = change.head
        if change.reverted and not change.grown:
            logger.info(
                "reorganised: %d tipsets left, %d joined, the head at height %d",
                len(change.reverted), len(change.applied), head.height,
            )  # fmt: skip
        self.publish(NewHead(head.key, head.height, change.weight, change.reverted, change.applied))

    # -- syncing ---------------------------------------------------------------------------------------------

    def _aim(self, target: Target) -> None:
        if any(cid in self._bad for cid in target.key):
            return
        self._targets.add(target)
        self._go()

    def _go(self) -> None:
        """Begin with the targets whose turn it is, and look again later for the others."""
        while (target := self._targets.take(self.now_s(), self._fetcher.ways.standing)) is not None:
            self.spawn(self._attempt(target))
        if self._targets and not self._watching:
            self._watching = True
            self.spawn(self._watch())

    async def _watch(self) -> None:
        try:
            while self._targets:
                await self.sleep(WATCH_EVERY_S)
                self._go()
        finally:
            self._watching = False

    async def _attempt(self, target: Target) -> None:
        """Go for one target, to whatever end: another's turn comes after it in any case."""
        try:
            await self._sync(target)
            self._targets.reached(target)
            self._progress.error = ""
        except EarlyError as error:
            wait_s = min(error.due_s - self.environment.clock.unix_s(), self.chain.genesis.profile.block_delay_s)
            self._targets.early(target, self.now_s() + max(EARLY_MARGIN_S, wait_s))
        except BadChainError as error:
            self._condemn(target, error)
        except (FetchError, AskError, ChainError, InvalidTipsetError) as error:
            logger.info("syncing to height %d: %s", target.height, error)
            self._progress.error = str(error)
            self._targets.failed(target, self.now_s())
        except Exception as error:
            logger.exception("syncing to height %d", target.height)
            self._progress.error = repr(error)
            self._targets.failed(target, self.now_s())
        if not self._targets.active:
            self._progress.end()
        self._go()

    def _condemn(self, target: Target, error: BadChainError) -> None:
        """A target's chain is bad: so is what is proven to stand on it, and who named it answers for that."""
        for cid in error.proven:
            self._bad.add(cid, f"its chain is bad: {error}")
        self._targets.refused(target)
        if any(cid in self._bad for cid in target.key):
            self._targets.forget(target.key)
            for block, _gossip in self._orphans.take(target.key):
                assert block.header is not None
                self._bad.add(block.header.cid(), "a parent is bad")
        self._progress.error = str(error)
        self.tell(PeerMisbehaved(target.author, f"bad chain: {error}"[:500]))

    async def _sync(self, target: Target) -> None:
        """Fetch and execute what is missing below a target; raises what is in the way."""
        if self.chain.knows(target.key):
            return
        profile = self.chain.genesis.profile
        from_s = profile.timestamp_of(target.height - FUTURE_EPOCHS_MAX)
        if from_s > self.environment.clock.unix_s():
            raise EarlyError(from_s)
        self._progress.begin(self.now_s(), self.chain.head().height, target.height)

        def must_yield(headers: int) -> bool:
            return self._targets.must_yield(target, headers, self.now_s())

        walk = Walk(self.chain, self._fetcher, self._bad, target, must_yield)
        while missing := await walk.next_part():
            await self._fill(missing[::-1], target)
            if missing[0].key == target.key:
                return

    async def _fill(self, waiting: list[Tipset], target: Target) -> None:
        """Fetch messages, validate and execute, oldest first."""
        while waiting:
            demanded = waiting[0].key != target.key or self._orphans.demand(target.key)
            if not demanded and any(map(self._equivocations.one_too_many, waiting[0].blocks)):
                raise FetchError(
                    "a miner has signed other blocks before one of this tipset, and nothing is built on it"
                )
            try:
                for header in waiting[0].blocks:
                    self._check_due(header)
                messages = await self._fetcher.batch_messages(waiting[:EXECUTE_BATCH], target.peer)
                for per_block in messages:
                    await self._add_tipset(waiting[0], per_block, top=waiting[0].key == target.key)
                    self._progress.reached(self.now_s(), waiting[0].height)
                    del waiting[0]
            except BlockFutureError:
                raise EarlyError(due_s(self.chain, waiting[0].blocks[0])) from None
            except InvalidBlockError as error:
                self._reject(error, target.author)
                raise BadChainError(str(error), waiting[-1].key if len(waiting) > 1 else ()) from None

    def _check_due(self, header: BlockHeader) -> None:
        """Raise what is wrong with a header over a known parent, before its messages cost anything."""
        if due_s(self.chain, header) > self.environment.clock.unix_s():
            raise EarlyError(due_s(self.chain, header))
        if not self.chain.index.has_block(header.height, header.cid()):
            self.chain.check_header(header, self.environment.clock.unix_s())

    async def _add_tipset(self, tipset: Tipset, messages: list[UnreadMessages], *, top: bool) -> None:
        """Add a tipset's blocks and execute it.

        A `top` that nothing is built on is somebody's choice of blocks: the widest tipset of them is executed alone.
        """
        for header, unread in zip(tipset.blocks, messages, strict=True):
            self._check_due(header)
            messages_read, now_s = await read(self, header, unread), self.environment.clock.unix_s()
            await in_pieces(self, self.chain.adding_block(header, messages_read, now_s))
            self._equivocations.note(header)
            self._targets.moved(self.now_s())
            await self.sleep(0)
        if not top or self._orphans.demand(tipset.key):
            await self._execute(tipset)
            self._follow(tipset)
        if top or self.chain.widest(tipset.blocks[0]).key != tipset.key:
            await self._settle(tipset.blocks[0])

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
