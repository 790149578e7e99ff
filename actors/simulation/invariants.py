"""What must hold in every simulation, whatever goes wrong; each checker raises InvariantError with what it saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from thespis.actors.chain.index import ChainIndex
from thespis.actors.chain.reader import ChainReader
from thespis.actors.chain.world import run_tipset
from thespis.actors.messages.syncer import Head
from thespis.actors.simulation.memory import largest
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.actors.syncer.bad_blocks import BadBlocks
from thespis.protocols.builtin.invariants.miner import MinerBooks
from thespis.protocols.builtin.invariants.state import violations
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.networks.genesis import FIRST_MINER

MAILBOX_MAX = 5_000
REMEMBERED_MAX = 12_000
"""Entries of any collection of a subsystem; the largest bounds of the product are 10,000."""
VARIANTS_MAX = 8
"""Blocks of one miner at one height that a node keeps; an honest miner signs one."""
LIVENESS_EPOCHS = 10
LAG_EPOCHS_MAX = 3
LAG_S_MIN = 20.0
"""With short epochs a lag is allowed for as long as two peers may keep a node waiting for an answer."""
SETTLED_EPOCHS, SETTLED_S = 5, 60.0
"""How long a node has after a crash or a partition, whichever is longer, before it must keep up."""
HALT_EPOCHS_MAX = 40
"""A chain of one miner, its node down for eight epochs, has no longer gap than this by chance."""


class InvariantError(AssertionError):
    """A simulation showed what must never be."""


class Checker:
    """Looks at all nodes after every epoch, and harder at the end."""

    def __init__(self, simulation: SimulatedFilecoin, *, keeps_up: bool = False) -> None:
        self._simulation = simulation
        self._keeps_up = keeps_up
        self._epochs = 0
        self._highest = (0, 0)
        self._bans_seen = 0
        self._blocks: dict[Cid, tuple[int, Address]] = {}
        self._settled: dict[int, tuple[tuple[str, ...], int]] = {}
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
        self._memory_is_bounded()
        self._no_honest_block_is_branded()
        self._the_honest_never_ban_each_other()
        self._the_chain_goes_on()
        if self._keeps_up:
            self._heads_keep_up()

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

    # -- against enemies -------------------------------------------------------------------------------------

    def _memory_is_bounded(self) -> None:
        """No collection of any subsystem or port, and no number of tasks, grows with what strangers send."""
        for number in self._simulation.alive():
            name = self._simulation.names[number]
            for child in self._simulation.node(number).root.children.values():
                where, count = largest(child._actor)
                if count > REMEMBERED_MAX:
                    raise InvariantError(f"{name}: {child.details} remembers {count} entries in {where}")
            port = self._simulation.network.base.world.swarm.ports.get(name)
            where, count = largest(port)
            if count > REMEMBERED_MAX:
                raise InvariantError(f"{name}: the network port remembers {count} entries in {where}")

    def _no_honest_block_is_branded(self) -> None:
        """Valid blocks are those that some node keeps; those of honest miners are refused by nobody."""
        honest = {Address.id(FIRST_MINER + number) for number in range(self._simulation.miners)}
        for number in self._simulation.alive():
            self._note_blocks(number)
        for number in self._simulation.alive():
            for bad in self._bad_blocks(number):
                for cid, (height, miner) in self._blocks.items():
                    if miner in honest and cid in bad:
                        raise InvariantError(
                            f"node {number} branded {miner}'s block at height {height}: {bad.reason(cid)}"
                        )

    def _note_blocks(self, number: int) -> None:
        """Every block that a node keeps around its head, and how many variants of one."""
        reader = self._reader(number)
        top = reader.head().height
        for height in range(max(1, top - 2 * LIVENESS_EPOCHS), top + LIVENESS_EPOCHS):
            variants: Counter[Address] = Counter()
            for cid in _blocks_at(reader, height):
                if cid not in self._blocks:
                    self._blocks[cid] = height, reader.header(cid).miner
                variants[self._blocks[cid][1]] += 1
            for miner, count in variants.items():
                if count > VARIANTS_MAX:
                    raise InvariantError(f"node {number} keeps {count} blocks of {miner} at height {height}")

    def _bad_blocks(self, number: int) -> Iterator[BadBlocks]:
        for syncer in self._simulation.node(number).actors("Syncer"):
            yield from (value for value in vars(syncer._actor).values() if isinstance(value, BadBlocks))

    def _the_honest_never_ban_each_other(self) -> None:
        swarm, names = self._simulation.network.base.world.swarm, self._simulation.names
        for ban in swarm.bans[self._bans_seen :]:
            if ban.by in names and ban.peer in names:
                raise InvariantError(f"{ban.by} banned {ban.peer}, which is honest")
        self._bans_seen = len(swarm.bans)

    def _the_chain_goes_on(self) -> None:
        """Some honest head rises, always; with one miner this says that it never halts."""
        self._epochs += 1
        top = max((self._head(self._reader(number)).height for number in self._simulation.alive()), default=0)
        if top > self._highest[0]:
            self._highest = top, self._epochs
        still = self._epochs - self._highest[1]
        if still > HALT_EPOCHS_MAX:
            raise InvariantError(f"no head has passed height {self._highest[0]} for {still} epochs")

    def _heads_keep_up(self) -> None:
        """A node that runs undisturbed has an honest peer if it can have one, and is a few epochs behind at most."""
        simulation = self._simulation
        swarm = simulation.network.base.world.swarm
        heights = {}
        for number in simulation.alive():
            heights[simulation.names[number]] = self._head(self._reader(number)).height
            crew = tuple(sorted(simulation.node(number).root.children))
            before, since = self._settled.get(number, ((), self._epochs))
            self._settled[number] = crew, since if crew == before and not swarm.is_parted else self._epochs
        settled_epochs = max(SETTLED_EPOCHS, SETTLED_S / simulation.block_time_s)
        names = {number: simulation.names[number] for number in simulation.alive()}
        settled = {name for number, name in names.items() if self._epochs - self._settled[number][1] >= settled_epochs}
        for name in sorted(settled):
            port = swarm.ports.get(name)
            near = sorted(port.connected & heights.keys()) if port is not None else []
            if not near and any(swarm.may_meet(name, other) for other in settled - {name}):
                raise InvariantError(f"{name} has no honest peer, and could have one: it is surrounded")
            behind = max((heights[peer] - heights[name] for peer in near), default=0)
            if behind > self._lag_max():
                raise InvariantError(f"{name} is {behind} epochs behind an honest peer, at height {heights[name]}")

    def _lag_max(self) -> int:
        return max(LAG_EPOCHS_MAX, int(LAG_S_MIN / self._simulation.block_time_s))

    # -- at the end ------------------------------------------------------------------------------------------

    def agreement(self) -> str:
        """All nodes have one chain up to a few epochs below their heads; returns the head they share."""
        alive = self._simulation.alive()
        heights = {number: self._head(self._reader(number)).height for number in alive}
        lowest, highest = min(heights.values()), max(heights.values())
        if self._keeps_up and highest - lowest > LAG_EPOCHS_MAX:
            raise InvariantError(f"{LIVENESS_EPOCHS} epochs after all is well the heads are at {heights}")
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
        """No honest miner has two blocks at one height, on any fork."""
        reader = self._reader(number)
        for height in range(1, reader.head().height + 1):
            miners: set[Any] = set()
            for cid in _blocks_at(reader, height):
                miner = reader.header(cid).miner
                if miner in miners and miner.actor_id < FIRST_MINER + self._simulation.miners:
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


def _blocks_at(reader: ChainReader, height: int) -> Iterator[Cid]:
    """The blocks that a node keeps of one height, on any fork."""
    for key, _ in reader.store.scan("chain-index", b"b" + height.to_bytes(8, "big")):
        yield Cid.parse(key[9:])
