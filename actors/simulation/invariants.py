"""What must hold in every simulation, whatever goes wrong; each checker raises InvariantError with what it saw."""

from __future__ import annotations

from typing import Any

from thespis.actors.chain.index import ChainIndex
from thespis.actors.chain.reader import ChainReader
from thespis.actors.chain.world import run_tipset
from thespis.actors.messages.syncer import Head
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.protocols.builtin.invariants.miner import MinerBooks
from thespis.protocols.builtin.invariants.state import violations
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.encoding.cid import Cid

MAILBOX_MAX = 5_000
LIVENESS_EPOCHS = 10


class InvariantError(AssertionError):
    """A simulation showed what must never be."""


class Checker:
    """Looks at all nodes after every epoch, and harder at the end."""

    def __init__(self, simulation: SimulatedFilecoin) -> None:
        self._simulation = simulation
        self._heads: dict[int, Head] = {}
        self._supply: int | None = None
        self._checked: set[Cid] = set()
        self._books: dict[Cid, MinerBooks] = {}
        self.states = 0
        self.deepest_reorg = 0
        self.reorgs = 0

    def _reader(self, number: int) -> ChainReader:
        """The chain of a node as its disk has it, read beside the node."""
        return ChainReader(self._simulation.node(number).disk.look("chain"))

    def after_epoch(self) -> None:
        """What holds at every moment."""
        for number in self._simulation.alive():
            reader = self._reader(number)
            self._head_moves_up(number, self._head(reader))
            self._states_hold(reader)
        self._mailboxes_are_bounded()

    def _states_hold(self, reader: ChainReader) -> None:
        """After every tipset of every chain, supply, powers, escrow and every miner's books add up."""
        for tipset in reader.history(reader.head()):
            root = reader.execution(tipset.key).state_root
            if root in self._checked:
                return
            state = reader.state(root)
            if self._supply is None:
                self._supply = sum(actor.balance for _, actor in state.actors())
            wrong = list(violations(reader.blocks, state, self._supply, self._books))
            if wrong:
                raise InvariantError(f"after the tipset at height {tipset.height}: {'; '.join(wrong)}")
            self._checked.add(root)
            self.states += 1

    def _head(self, reader: ChainReader) -> Head:
        """A node's head as its disk has it; asking the node would cost it an event."""
        tipset = reader.head()
        return Head(tipset.key, tipset.height, reader.execution(tipset.key).weight)

    def _head_moves_up(self, number: int, head: Head) -> None:
        """A head's weight never falls: whatever chain a node leaves, it leaves for a heavier one."""
        before = self._heads.get(number)
        if before is not None and head.weight < before.weight:
            raise InvariantError(f"node {number}: the head's weight fell from {before.weight} to {head.weight}")
        if before is not None and before.head != head.head:
            self._measure_reorg(number, before)
        self._heads[number] = head

    def _measure_reorg(self, number: int, before: Head) -> None:
        store = self._simulation.node(number).disk.look("chain")
        index = ChainIndex(store)
        if index.at_height(before.height) == before.head:
            return
        reader = ChainReader(store)
        left, depth = reader.tipset(before.head), 0
        while index.at_height(left.height) != left.key:
            left, depth = reader.parent(left), depth + 1
        if depth > 1 or left.height < before.height - 1:
            self.reorgs += 1
        self.deepest_reorg = max(self.deepest_reorg, depth)

    def _mailboxes_are_bounded(self) -> None:
        for actor in self._simulation.network.base.actors.values():
            waiting = actor.counters().mailbox
            if waiting > MAILBOX_MAX:
                raise InvariantError(f"{actor.details} has {waiting} messages waiting")

    # -- at the end ------------------------------------------------------------------------------------------

    def agreement(self) -> str:
        """All nodes have one chain up to a few epochs below their heads; returns the head they share."""
        alive = self._simulation.alive()
        lowest = min(self._head(self._reader(number)).height for number in alive)
        at = max(0, lowest - LIVENESS_EPOCHS // 2)
        keys = {}
        for number in alive:
            reader = self._reader(number)
            keys[number] = reader.at_height(at, reader.head()).key
        if len(set(keys.values())) != 1:
            raise InvariantError(f"the nodes disagree at height {at}: {keys}")
        return str(keys[alive[0]][0])

    def states_recompute(self, number: int, every: int) -> int:
        """Every `every`-th tipset, executed anew and alone, gives what the chain says; returns how many were."""
        reader = self._reader(number)
        count = 0
        for position, tipset in enumerate(reader.history(reader.head())):
            if tipset.height == 0 or position % every:
                continue
            self._recompute(reader, tipset)
            count += 1
        return count

    def _recompute(self, reader: ChainReader, tipset: Tipset) -> None:
        executed, _written = run_tipset(reader, tipset)
        known = reader.execution(tipset.key)
        if (executed.state_root, executed.receipts_root) != (known.state_root, known.receipts_root):
            raise InvariantError(f"the tipset at height {tipset.height} gives another state when it is executed anew")

    def one_block_per_height(self, number: int) -> None:
        """No miner has two blocks at one height, on any fork."""
        reader = self._reader(number)
        for height in range(1, reader.head().height + 1):
            miners: set[Any] = set()
            for key, _ in reader.store.scan("chain-index", b"b" + height.to_bytes(8, "big")):
                miner = reader.header(Cid.parse(key[9:])).miner
                if miner in miners:
                    raise InvariantError(f"miner {miner} has two blocks at height {height}")
                miners.add(miner)

    def messages_are_kept(self, number: int, accepted: dict[str, int]) -> None:
        """Every accepted message is on the chain once: its sender's nonce has moved past it exactly that often."""
        reader = self._reader(number)
        seen: dict[str, int] = {}
        for tipset in reader.history(reader.head()):
            for cid in reader.message_cids(tipset):
                seen[str(cid)] = seen.get(str(cid), 0) + 1
        for text, epoch in accepted.items():
            times = seen.get(text, 0)
            if times != 1:
                raise InvariantError(f"message {text}, accepted at epoch {epoch}, is {times} times on chain")
