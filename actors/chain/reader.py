"""Reading the chain: tipsets, states, messages, powers; every process that needs the chain has one of these."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeVar

from thespis.actors.chain.index import ChainIndex, Execution
from thespis.protocols.builtin.queries.actors import key_address
from thespis.protocols.builtin.queries.miner import miner_info, miner_state
from thespis.protocols.builtin.queries.power import miner_power, miner_standing, power_state
from thespis.protocols.builtin.storage_miner.state import SectorOnChainInfo
from thespis.protocols.chain.base_fee import base_fee_over
from thespis.protocols.chain.block import BeaconEntry, BlockHeader, BlockMessages, load_block_messages
from thespis.protocols.chain.message import Message
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.consensus.block_messages import tipset_messages
from thespis.protocols.consensus.eligibility import may_mine
from thespis.protocols.consensus.epoch import EpochContext, lookback_height
from thespis.protocols.consensus.randomness import Purpose, draw, draw_from_ticket, randomness_height
from thespis.protocols.consensus.weight import tipset_weight
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockNotFoundError, ChainError, UnknownMinerError
from thespis.protocols.networks.genesis import Genesis, load_genesis
from thespis.protocols.vm.interpreter import BlockToApply
from thespis.protocols.vm.state_tree import StateTree
from thespis.runtime.store.blocks import StoreBlockstore
from thespis.runtime.store.interface import StoreReader

TIPSETS_CACHED = 4096
MESSAGES_CACHED = 64
STATES_CACHED = 8
BEACON_LOOKBACK_MAX = 20

K = TypeVar("K")
T = TypeVar("T")


@lru_cache(maxsize=TIPSETS_CACHED)
def _header(data: bytes) -> BlockHeader:
    return BlockHeader.decode(data)


class ChainReader:
    """A chain over a store; `refresh` catches up with the writer."""

    def __init__(self, store: StoreReader) -> None:
        self.store = store
        self.blocks = StoreBlockstore(store)
        self.index = ChainIndex(store)
        self._tipsets: OrderedDict[TipsetKey, Tipset] = OrderedDict()
        self._messages: OrderedDict[Cid, BlockMessages] = OrderedDict()
        self._states: OrderedDict[Cid, StateTree] = OrderedDict()
        self._genesis: Genesis | None = None

    def refresh(self) -> None:
        """See what the chain's writer has written."""
        self.store.refresh()

    @property
    def genesis(self) -> Genesis:
        """The chain's genesis and profile; raises ChainError in a store without a chain."""
        if self._genesis is None:
            cid = self.index.genesis()
            if cid is None:
                raise ChainError("the chain store has no genesis; start the node with one")
            self._genesis = load_genesis(self.blocks, cid)
        return self._genesis

    # -- tipsets ---------------------------------------------------------------------------------------------

    def head(self) -> Tipset:
        """The head of the heaviest chain."""
        key = self.index.head()
        if key is None:
            raise ChainError("the chain store has no head; start the node with a genesis")
        return self.tipset(key)

    def tipset(self, key: TipsetKey) -> Tipset:
        """A tipset by its key; raises BlockNotFoundError."""
        found = self._tipsets.get(key)
        if found is None:
            found = Tipset.of_named([(self.header(cid), cid) for cid in key])
            _remember(self._tipsets, key, found, TIPSETS_CACHED)
        return found

    def header(self, cid: Cid) -> BlockHeader:
        """A block header."""
        return _header(self.blocks.get(cid))

    def parent(self, tipset: Tipset) -> Tipset:
        """The tipset below; genesis has none."""
        if tipset.height == 0:
            raise ChainError("genesis has no parent")
        return self.tipset(tipset.parents)

    def history(self, tipset: Tipset) -> Iterator[Tipset]:
        """A tipset and everything below it, down to genesis."""
        yield tipset
        while tipset.height > 0:
            tipset = self.parent(tipset)
            yield tipset

    def path(self, start: Tipset, end: Tipset, most: int | None = None) -> tuple[list[TipsetKey], list[TipsetKey]]:
        """From one tipset to another: what is left, from `start` down, and what is joined, from the common one up.

        Raises ChainError for a path of more than `most` tipsets.
        """
        left: list[TipsetKey] = []
        joined: list[TipsetKey] = []
        for leaves, tipset in self.steps(start, end):
            (left if leaves else joined).append(tipset.key)
            if most is not None and len(left) + len(joined) > most:
                raise ChainError(f"the path is longer than {most} tipsets; ask for a part of it")
        return left, joined[::-1]

    def steps(self, start: Tipset, end: Tipset) -> Iterator[tuple[bool, Tipset]]:
        """What lies above the common tipset of two chains, from both ends down, with whether it is of the first."""
        while start.key != end.key:
            if leaves := start.height >= end.height:
                yield leaves, start
                start = self.parent(start)
            else:
                yield leaves, end
                end = self.parent(end)

    def at_height(self, height: int, start: Tipset, *, earlier: bool = True) -> Tipset:
        """The tipset at a height of the chain that ends in `start`; for a null round, the one before or after it.

        Heights of the heaviest chain are looked up; a fork is walked until it joins that chain.
        """
        if height > start.height or height < 0:
            raise ChainError(f"height {height} is not on a chain that ends at height {start.height}")
        above, current = start, start
        while current.height > height:
            if self.index.at_height(current.height) == current.key:
                return self._on_heaviest(height, current, earlier=earlier)
            above, current = current, self.parent(current)
        return current if current.height == height or earlier else above

    def _on_heaviest(self, height: int, start: Tipset, *, earlier: bool) -> Tipset:
        step = -1 if earlier else 1
        while True:
            key = self.index.at_height(height)
            if key is not None:
                return self.tipset(key)
            if height == start.height:
                return start
            height += step

    def execution(self, key: TipsetKey) -> Execution:
        """What a known tipset's execution gave."""
        found = self.index.execution(key)
        if found is None:
            raise ChainError(f"tipset {', '.join(str(cid) for cid in key)} has not been executed here")
        return found

    # -- messages --------------------------------------------------------------------------------------------

    def block_messages(self, header: BlockHeader) -> BlockMessages:
        """A block's messages."""
        found = self._messages.get(header.messages)
        if found is None:
            found = load_block_messages(self.blocks, header.messages)
            _remember(self._messages, header.messages, found, MESSAGES_CACHED)
        return found

    def tipset_messages(self, tipset: Tipset) -> list[BlockToApply]:
        """What executing a tipset applies: of its blocks' messages those that are due."""
        blocks = []
        for header in tipset.blocks:
            messages = self.block_messages(header)
            wins = header.election_proof.win_count if header.election_proof else 0
            blocks.append(BlockToApply(header.miner, wins, messages.bls, messages.secpk))
        return tipset_messages(blocks)

    def applied_messages(self, tipset: Tipset) -> list[tuple[Cid, Message]]:
        """The messages that executing a tipset applies, by their chain CIDs, in the order of execution and receipts."""
        found: list[tuple[Cid, Message]] = []
        for block in self.tipset_messages(tipset):
            found += ((message.cid(), message) for message in block.bls_messages)
            found += ((signed.chain_cid(), signed.message) for signed in block.secpk_messages)
        return found

    def message_cids(self, tipset: Tipset) -> list[Cid]:
        """Chain CIDs of the messages that executing a tipset applies."""
        return [cid for cid, _message in self.applied_messages(tipset)]

    def base_fee(self, tipset: Tipset) -> int:
        """The base fee of blocks over a tipset."""
        messages = (each for header in tipset.blocks for each in self.block_messages(header).unsigned())
        after_smoke = tipset.height > self.genesis.profile.upgrade_smoke_height
        return base_fee_over(tipset, messages, after_smoke=after_smoke)

    # -- states ----------------------------------------------------------------------------------------------

    def state(self, root: Cid) -> StateTree:
        """A state tree to look at and never to change: it is shared with everyone who looks at the same root."""
        found = self._states.get(root)
        if found is None:
            found = self.changeable_state(root)
            _remember(self._states, root, found, STATES_CACHED)
        return found

    def changeable_state(self, root: Cid) -> StateTree:
        """A state tree to try things on."""
        return StateTree(self.blocks, root)

    def state_after(self, tipset: Tipset) -> StateTree:
        """The state that a known tipset leads to."""
        return self.state(self.execution(tipset.key).state_root)

    def state_before(self, tipset: Tipset) -> StateTree:
        """The state that a tipset's messages are applied to, before upgrades and null rounds between."""
        return self.state(tipset.blocks[0].parent_state_root)

    def lookback_state(self, parent: Tipset, height: int) -> StateTree:
        """The state whose powers and keys decide elections for a block of `height` over `parent`."""
        target = lookback_height(height, self.genesis.profile)
        if target >= parent.height:
            return self.state_after(parent)
        following = self.at_height(target + 1, parent, earlier=False)
        return self.state(following.blocks[0].parent_state_root)

    def provable_sectors(self, parent: Tipset, height: int, miner: Address) -> list[SectorOnChainInfo]:
        """The sectors of which a miner's block of `height` over `parent` answers a challenge about one."""
        return miner_state(self.blocks, self.lookback_state(parent, height), miner)[1].load_sectors(self.blocks)

    def beacon_before(self, tipset: Tipset) -> BeaconEntry:
        """The newest beacon entry at or below a tipset."""
        for _ in range(BEACON_LOOKBACK_MAX):
            entries = tipset.blocks[0].beacon_entries
            if entries:
                return entries[-1]
            if tipset.height == 0:
                break
            tipset = self.parent(tipset)
        raise ChainError(f"no beacon entry in {BEACON_LOOKBACK_MAX} tipsets at and below height {tipset.height}")

    def ticket_randomness(self, start: Tipset, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
        """32 bytes from the smallest ticket at an epoch, or the last before it, of the chain that ends in `start`."""
        tipset = self.at_height(randomness_height(epoch, start.height), start)
        return draw_from_ticket(tipset.minimum_ticket, purpose, epoch, entropy)

    def beacon_randomness(self, start: Tipset, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
        """32 bytes from the newest beacon entry at or below an epoch of the chain that ends in `start`."""
        tipset = self.at_height(randomness_height(epoch, start.height), start)
        return draw(self.beacon_before(tipset).data, purpose, epoch, entropy)

    def weight_after(self, tipset: Tipset) -> int:
        """The weight of the chain that ends in a tipset: that of its parents, and what its blocks add."""
        return tipset_weight(tipset, power_state(self.blocks, self.state_before(tipset)).total_power()[1])

    # -- rounds ----------------------------------------------------------------------------------------------

    def worker_key(self, parent: Tipset, height: int, miner: Address) -> Address:
        """Whose signature a miner's block of `height` bears, by a chain that ends in `parent` or grows from it.

        Raises UnknownMinerError when the state that elections look back on has no such miner.
        """
        return self._worker(self.lookback_state(parent, height), miner)

    def _worker(self, lookback: StateTree, miner: Address) -> Address:
        try:
            return key_address(self.blocks, lookback, miner_info(self.blocks, lookback, miner).worker)
        except ChainError as error:
            raise UnknownMinerError(str(error)) from None

    def epoch_context(self, parent: Tipset, height: int, miner: Address) -> EpochContext:
        """What whoever makes or checks a miner's block of `height` over an executed `parent` must know of the chain.

        Raises UnknownMinerError when the state that elections look back on has no such miner.
        """
        profile = self.genesis.profile
        execution = self.execution(parent.key)
        lookback = self.lookback_state(parent, height)
        power = miner_power(self.blocks, lookback, miner)
        worker = self._worker(lookback, miner)
        eligible = may_mine(
            has_minimum_power=power.has_minimum,
            standing=miner_standing(self.blocks, self.state_before(parent), miner),
            network_version=profile.network_version(parent.height),
            parent_height=parent.height,
        )
        return EpochContext(
            profile=profile,
            parent=parent,
            height=height,
            miner=miner,
            worker=worker,
            miner_power=power.miner,
            total_power=power.total,
            eligible=eligible,
            parent_weight=execution.weight,
            parent_state_root=execution.state_root,
            parent_message_receipts=execution.receipts_root,
            base_fee=self.base_fee(parent),
            previous_beacon=self.beacon_before(parent),
        )


def _remember(cache: OrderedDict[K, T], key: K, value: T, most: int) -> None:
    """Keep a value, and forget the oldest beyond `most`."""
    cache[key] = value
    if len(cache) > most:
        cache.popitem(last=False)


def or_none(read: Callable[[], T]) -> T | None:
    """What a read gives, or None where the chain does not have it."""
    try:
        return read()
    except (ChainError, BlockNotFoundError):
        return None
