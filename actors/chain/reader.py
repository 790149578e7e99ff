"""Reading the chain: tipsets, states, messages, powers; every process that needs the chain has one of these."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from thespis.actors.chain.index import ChainIndex, Execution
from thespis.protocols.builtin.queries.miner import miner_state
from thespis.protocols.builtin.queries.power import MinerPower, is_eligible, miner_power, power_state
from thespis.protocols.builtin.storage_miner.state import SectorOnChainInfo
from thespis.protocols.chain.base_fee import next_base_fee
from thespis.protocols.chain.block import BeaconEntry, BlockHeader, load_message_meta
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.consensus.weight import chain_weight
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockNotFoundError, ChainError
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.networks.genesis import Genesis, load_genesis
from thespis.protocols.vm.interpreter import BlockToApply
from thespis.protocols.vm.state_tree import StateTree
from thespis.runtime.store.blocks import StoreBlockstore
from thespis.runtime.store.interface import StoreReader

TIPSETS_CACHED = 4096
MESSAGES_CACHED = 64
STATES_CACHED = 8
BEACON_LOOKBACK_MAX = 20
_FITNESS_CHANGES_AFTER = 3

K = TypeVar("K")
T = TypeVar("T")


@lru_cache(maxsize=TIPSETS_CACHED)
def _header(data: bytes) -> BlockHeader:
    return BlockHeader.decode(data)


@dataclass(frozen=True, slots=True)
class BlockMessages:
    """A block's messages, in order."""

    bls: tuple[Message, ...]
    secpk: tuple[SignedMessage, ...]

    def chain_cids(self) -> list[Cid]:
        """The CIDs that the chain knows them by."""
        return [message.cid() for message in self.bls] + [message.cid() for message in self.secpk]


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

    def path(self, start: Tipset, end: Tipset) -> tuple[list[TipsetKey], list[TipsetKey]]:
        """From one tipset to another: what is left, from `start` down, and what is joined, from the common one up."""
        left: list[TipsetKey] = []
        joined: list[TipsetKey] = []
        while start.key != end.key:
            if start.height >= end.height:
                left.append(start.key)
                start = self.parent(start)
            else:
                joined.append(end.key)
                end = self.parent(end)
        return left, joined[::-1]

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
        """What executing a tipset applies."""
        applied = []
        for header in tipset.blocks:
            messages = self.block_messages(header)
            wins = header.election_proof.win_count if header.election_proof else 0
            applied.append(BlockToApply(header.miner, wins, messages.bls, messages.secpk))
        return applied

    def message_cids(self, tipset: Tipset) -> list[Cid]:
        """Chain CIDs of a tipset's messages, each once, in the order of execution."""
        found: dict[Cid, None] = {}
        for header in tipset.blocks:
            found.update(dict.fromkeys(self.block_messages(header).chain_cids()))
        return list(found)

    def base_fee(self, tipset: Tipset) -> int:
        """The base fee of blocks over a tipset."""
        limits: dict[Cid, int] = {}
        for header in tipset.blocks:
            messages = self.block_messages(header)
            for message in (*messages.bls, *(signed.message for signed in messages.secpk)):
                limits[message.cid()] = message.gas_limit
        return next_base_fee(
            tipset.blocks[0].parent_base_fee,
            sum(limits.values()),
            len(tipset.blocks),
            after_smoke=tipset.height > self.genesis.profile.upgrade_smoke_height,
        )

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
        target = max(0, height - self.genesis.profile.lookback(height))
        if target >= parent.height:
            return self.state_after(parent)
        following = self.at_height(target + 1, parent, earlier=False)
        return self.state(following.blocks[0].parent_state_root)

    def election_power(self, parent: Tipset, height: int, miner: Address) -> MinerPower:
        """A miner's power in an election for a block of `height` over `parent`, and whether it takes part."""
        power = miner_power(self.blocks, self.lookback_state(parent, height), miner)
        if not power.eligible or self.genesis.profile.network_version(parent.height) <= _FITNESS_CHANGES_AFTER:
            return power
        return replace(power, eligible=is_eligible(self.blocks, self.state_before(parent), miner, parent.height))

    def provable_sectors(self, parent: Tipset, height: int, miner: Address) -> list[SectorOnChainInfo]:
        """The sectors of which a miner's block of `height` over `parent` opens one."""
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

    def weight_after(self, tipset: Tipset) -> int:
        """The weight of the chain that ends in a tipset: that of its parents, and what its blocks add."""
        state = self.state_before(tipset)
        wins = [block.election_proof.win_count for block in tipset.blocks if block.election_proof]
        return chain_weight(tipset.parent_weight, wins, power_state(self.blocks, state).total_power()[1])


def _remember(cache: OrderedDict[K, T], key: K, value: T, most: int) -> None:
    """Keep a value, and forget the oldest beyond `most`."""
    cache[key] = value
    if len(cache) > most:
        cache.popitem(last=False)


def load_block_messages(store: Blockstore, root: Cid) -> BlockMessages:
    """The messages that a header links to."""
    bls, secpk = load_message_meta(store, root)
    return BlockMessages(
        tuple(Message.decode(store.get(cid)) for cid in bls),
        tuple(SignedMessage.decode(store.get(cid)) for cid in secpk),
    )


def or_none(read: Callable[[], T]) -> T | None:
    """What a read gives, or None where the chain does not have it."""
    try:
        return read()
    except (ChainError, BlockNotFoundError):
        return None
