"""The chain's one writer: adds valid tipsets, executes them, and moves the head, each in one durable batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from thespis.actors.chain import index
from thespis.actors.chain.index import Execution
from thespis.actors.chain.reader import ChainReader
from thespis.actors.chain.world import run_tipset, running_tipset
from thespis.protocols.builtin.queries.actors import key_address
from thespis.protocols.chain.block import BlockHeader, BlockMessages, save_message_meta
from thespis.protocols.chain.tipset import Tipset, TipsetKey, key_bytes
from thespis.protocols.consensus.epoch import EpochContext
from thespis.protocols.consensus.finality import final_height
from thespis.protocols.consensus.fork_choice import may_leave, prefers, widest_tipset
from thespis.protocols.consensus.header import check_time, validate_header
from thespis.protocols.consensus.validation import validating_block
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger
from thespis.protocols.errors import (
    BlockElectionError,
    BlockMessagesError,
    BlockParentsError,
    ChainError,
    GenesisError,
    InvalidBlockError,
    UnknownMinerError,
)
from thespis.protocols.ipld.blockstore import Overlay, save
from thespis.protocols.networks.genesis import Genesis, read_genesis
from thespis.protocols.steps import Steps, at_once
from thespis.protocols.vm.interpreter import Executed
from thespis.runtime.store.interface import Change, Store

LONG_MESSAGES = 200
"""From so many messages on a block or tipset is worked at with pauses: below it takes a fraction of a second."""

T = TypeVar("T")
Share = Callable[[bytes, Callable[[], Any]], Any]


def compute(_key: bytes, function: Callable[[], T]) -> T:
    """Share nothing."""
    return function()


@dataclass(frozen=True, slots=True)
class HeadChange:
    """From one head to another: tipsets left, from the old head down, and joined, from the common ancestor up."""

    head: Tipset
    weight: int
    reverted: tuple[TipsetKey, ...]
    applied: tuple[TipsetKey, ...]

    @property
    def grown(self) -> bool:
        """Whether nothing was left: the former head only has another block beside its own."""
        return len(self.reverted) == 1 and set(self.reverted[0]) <= set(self.applied[0] if self.applied else ())


class ChainWriter(ChainReader):
    """A chain that grows."""

    def __init__(self, store: Store, share: Share = compute) -> None:
        """`share` may remember the results of executions; see `Environment.share`."""
        super().__init__(store)
        self._share = share

    def begin(self, car: bytes) -> Genesis:
        """Put a genesis into an empty store, or check that the store's chain is of this genesis."""
        known = self.index.genesis()
        if known is None and not car:
            raise GenesisError(
                "the node has no chain yet and was given no genesis; give it one at its first start (daemon --genesis)"
            )
        if car:
            genesis, blocks = read_genesis(car)
            if known is not None and known != genesis.cid:
                raise GenesisError(f"the store holds the chain of genesis {known}, the node was given {genesis.cid}")
            if known is None:
                for cid, block in blocks:
                    self.blocks.put(cid, block)
                self._commit_genesis(genesis)
        return self.genesis

    def _commit_genesis(self, genesis: Genesis) -> None:
        key = (genesis.cid,)
        header = genesis.header
        self._genesis = genesis
        weight = BigInteger(self.weight_after(Tipset.of([header])))
        execution = Execution(header.parent_state_root, header.parent_message_receipts, weight)
        self.blocks.commit(
            [
                index.put_genesis(genesis.cid),
                index.put_block(0, genesis.cid, ()),
                index.put_execution(key, execution),
                index.put_head(key),
                *index.on_chain(0, key, ()),
            ]
        )

    def knows(self, key: TipsetKey) -> bool:
        """Whether a tipset is valid and everything below it is here."""
        return self.index.knows(key)

    def add_block(self, header: BlockHeader, messages: BlockMessages, now_s: float) -> Cid:
        """Validate a block over a known parent and keep it; it counts once its tipset is added.

        Raises InvalidBlockError; nothing is kept then.
        """
        cid = header.cid()
        if self.index.has_block(header.height, cid):
            return cid
        check_time(header, self.genesis.profile, now_s)
        return self._keep_block(header, messages, lambda: at_once(self._validated(header, messages)))

    def adding_block(self, header: BlockHeader, messages: BlockMessages, now_s: float) -> Steps[Cid]:
        """As `add_block`, but a long block is validated with pauses."""
        if len(messages.bls) + len(messages.secpk) < LONG_MESSAGES or self.index.has_block(header.height, header.cid()):
            return self.add_block(header, messages, now_s)
        check_time(header, self.genesis.profile, now_s)
        written = yield from self._validated(header, messages)
        return self._keep_block(header, messages, lambda: written)

    def _keep_block(
        self, header: BlockHeader, messages: BlockMessages, validated: Callable[[], dict[Cid, bytes]]
    ) -> Cid:
        cid = header.cid()
        identity = b"".join(each.data for each in (cid, *messages.chain_cids()))
        written = self._share(b"block" + identity, validated)
        try:
            for block_cid, block in written.items():
                self.blocks.put(block_cid, block)
            self.blocks.commit([index.put_block(header.height, cid, header.parents)])
        finally:
            self.blocks.discard()
        return cid

    def _validated(self, header: BlockHeader, messages: BlockMessages) -> Steps[dict[Cid, bytes]]:
        """The blocks that keep a valid block; raises InvalidBlockError."""
        try:
            yield from self._validate(header, messages)
        except InvalidBlockError as error:
            raise error.about(header.cid()) from None
        scratch = Overlay(self.blocks)
        for message in (*messages.bls, *messages.secpk):
            scratch.put(message.cid(), message.encode())
        bls, secpk = [each.cid() for each in messages.bls], [each.cid() for each in messages.secpk]
        save_message_meta(scratch, bls, secpk)
        save(scratch, header.to_wire())
        return scratch.new

    def _validate(self, header: BlockHeader, messages: BlockMessages) -> Steps[None]:
        """Gather what the chain says about a block's place and ask the rules; its parent must be known."""
        context = self._context(header)
        parent = context.parent
        state = self.state_after(parent)

        def key_of(sender: Address) -> Address:
            try:
                return key_address(self.blocks, state, sender)
            except ChainError as error:
                raise BlockMessagesError(str(error)) from None

        yield from validating_block(
            header,
            messages,
            context,
            state=state,
            key_of=key_of,
            provable_sectors=lambda: self.provable_sectors(parent, header.height, header.miner),
        )

    def _context(self, header: BlockHeader) -> EpochContext:
        """What the chain says about a block's place; its parent must be known."""
        if not header.parents:
            raise BlockParentsError("a block other than genesis has parents")
        try:
            return self.epoch_context(self.tipset(header.parents), header.height, header.miner)
        except UnknownMinerError as error:
            raise BlockElectionError(
                f"miner {header.miner} has no power to mine with at height {header.height}: {error}"
            ) from None

    def check_header(self, header: BlockHeader, now_s: float) -> None:
        """What `add_block` asks of a header over a known parent; its messages need not be here yet.

        Raises InvalidBlockError. Whoever invents blocks fails here, before anybody has looked at thousands of messages.
        """
        check_time(header, self.genesis.profile, now_s)
        try:
            validate_header(header, self._context(header))
        except InvalidBlockError as error:
            raise error.about(header.cid()) from None

    def unsettled(self) -> list[Tipset]:
        """Tipsets of kept blocks that may not have been executed, lowest first: what a crash left unfinished.

        A block is kept before its tipset is executed, and that before it becomes the head; so what is unfinished
        stands at the head's height or above it.
        """
        found: dict[tuple[int, TipsetKey], Cid] = {}
        for height, cid, parents in self.index.newest_blocks(self.head().height - 1):
            found[height, parents] = cid
        places = sorted(found.items(), key=lambda place: place[0][0])
        return [self.widest(self.header(cid)) for (_height, parents), cid in places if self.knows(parents)]

    def widest(self, header: BlockHeader) -> Tipset:
        """The tipset of a kept block and its kept siblings; of another miner's two blocks the first by CID counts."""
        siblings = self.index.siblings(header.height, header.parents)
        return widest_tipset(header.cid(), ((self.header(cid), cid) for cid in siblings))

    def execute(self, tipset: Tipset) -> Execution:
        """Execute a tipset of valid blocks over a known parent, once; the state becomes durable."""
        return self._keep_execution(tipset, lambda: self._run(tipset))

    def executing(self, tipset: Tipset) -> Steps[Execution]:
        """As `execute`, but a tipset of long blocks is executed with pauses."""
        if self.index.knows(tipset.key) or sum(map(self._count, tipset.blocks)) < LONG_MESSAGES:
            return self.execute(tipset)
        outcome = yield from running_tipset(self, tipset)
        return self._keep_execution(tipset, lambda: outcome)

    def _count(self, header: BlockHeader) -> int:
        messages = self.block_messages(header)
        return len(messages.bls) + len(messages.secpk)

    def _keep_execution(self, tipset: Tipset, run: Callable[[], tuple[Executed, dict[Cid, bytes]]]) -> Execution:
        known = self.index.execution(tipset.key)
        if known is not None:
            return known
        try:
            executed, written = self._share(b"execute" + key_bytes(tipset.key), run)
            for cid, block in written.items():
                self.blocks.put(cid, block)
            weight = BigInteger(self.weight_after(tipset))
            execution = Execution(executed.state_root, executed.receipts_root, weight)
            self.blocks.commit([index.put_execution(tipset.key, execution)])
        finally:
            self.blocks.discard()
        return execution

    def _run(self, tipset: Tipset) -> tuple[Executed, dict[Cid, bytes]]:
        """The outcome of a tipset and the blocks it wrote: a function of the tipset alone."""
        return run_tipset(self, tipset)

    def choose(self, candidate: Tipset) -> HeadChange | None:
        """Make an executed tipset the head if fork choice prefers it; returns what changed, or None.

        A chain that leaves the present one below the checkpoint or finality is never chosen.
        """
        head = self.head()
        weight = self.execution(candidate.key).weight
        if candidate.key == head.key or not prefers(candidate, weight, head, self.execution(head.key).weight):
            return None
        change = self._path(head, candidate, weight)
        if change is not None:
            self._move(change)
        return change

    def _path(self, head: Tipset, candidate: Tipset, weight: int) -> HeadChange | None:
        reverted: list[TipsetKey] = []
        applied: list[TipsetKey] = []
        final = final_height(head.height, self.genesis.profile.finality_epochs)
        checkpoint = self.index.checkpoint()
        for leaves, tipset in self.steps(head, candidate):
            if leaves and not may_leave(tipset, final, checkpoint):
                return None
            (reverted if leaves else applied).append(tipset.key)
        return HeadChange(candidate, weight, tuple(reverted), tuple(reversed(applied)))

    def _move(self, change: HeadChange) -> None:
        changes: list[Change] = []
        for key in change.reverted:
            tipset = self.tipset(key)
            changes += index.off_chain(tipset.height, self.message_cids(tipset))
        for key in change.applied:
            tipset = self.tipset(key)
            changes += index.on_chain(tipset.height, key, self.message_cids(tipset))
        self.blocks.commit([*changes, index.put_head(change.head.key)])

    def set_checkpoint(self, key: TipsetKey) -> None:
        """Refuse from now on every chain without this tipset; raises ChainError unless the heaviest chain has it."""
        if key and self.index.at_height(self.tipset(key).height) != key:
            raise ChainError("the checkpoint is not on the heaviest chain; sync to it first")
        self.blocks.commit([index.put_checkpoint(key)])
