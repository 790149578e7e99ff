"""Crash points of a miner's path, from winning an epoch to gossip: every one is tried, none is drawn.

A point is the moment before or after a write, an ask, an answer, a tell or an event of one of the path's actors, as
they come up in an undisturbed epoch; a new write on the path is a new point by itself. At each the actor, or its whole
node, is killed once; then the chain must go on as if nothing had been.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.mining_scheduler import ReadMining, StartMining
from thespis.actors.messages.syncer import SubmitBlock
from thespis.actors.mining_scheduler.slash_filter import signed_blocks
from thespis.actors.simulation.invariants import Checker, InvariantError
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.encoding.address import Address
from thespis.protocols.networks.genesis import FIRST_MINER
from thespis.runtime.actor.envelopes import Cast, Failure, Publish, Reply, Request
from thespis.runtime.simulation.moments import WRITE, Killed

PATH = ("MiningScheduler", "Wallet", "MsgPool", "Syncer", "Network")
BLOCK_TIME_S = 30
BEFORE_TURN_S = 5.0
"""How far into an epoch a path begins: the block of the epoch before is out, that of the next is not yet made."""
NODE_DOWN_S = 2.0
EPOCHS_BEFORE, EPOCHS_AFTER = 3, 10
MARGIN_EPOCHS = 1
"""How far a head may be behind the clock: the epoch that has just begun."""
STEP_S = 0.25


@dataclass
class CrashPoints:
    """The points that one node passes while it is armed; at the one numbered `at` it kills."""

    simulation: SimulatedFilecoin
    node: str = "node-0"
    roles: tuple[str, ...] = PATH
    at: int | None = None
    whole: bool = False
    """Kill the whole node, and not the actor alone."""
    passed: list[str] = field(default_factory=list)
    fired: str = ""
    armed: bool = False
    submitted: set[BlockHeader] = field(default_factory=set)
    """Every block that was given to any Syncer, of all nodes, whenever."""
    _asked: dict[tuple[str, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.simulation.network.base.world.moments.observer = self._moment

    def _moment(self, environment: Any, kind: str, what: Any, done: bool) -> None:
        base = self.simulation.network.base
        actor = next((each for each in base.actors.values() if each.environment is environment), None)
        if actor is None:
            return
        action = f"writes {what}" if kind == WRITE else self._said(actor.details, *what)
        role = getattr(actor._actor, "role", "")
        if not self.armed or self.fired or not action or actor.node != self.node or role not in self.roles:
            return
        point = f"{'after' if done else 'before'} {role} {action}"
        self.passed.append(point)
        if self.at == len(self.passed) - 1:
            self.fired = point
            base.crash(self.simulation.network.nodes[self.node].root.details if self.whole else actor.details)
            raise Killed

    def _said(self, sender: str, target: str, message: Any) -> str:
        """What an envelope says; empty for heartbeats and the like, and for answers to who is not on the path."""
        if isinstance(message, Request):
            name = type(message.body).__name__
            self._asked[sender, message.number] = name
            if isinstance(message.body, SubmitBlock) and message.body.block.header is not None:
                self.submitted.add(message.body.block.header)
            return f"asks {name}"
        if isinstance(message, Reply | Failure):
            asker = self.simulation.network.base.actors.get(target)
            on_path = asker is not None and getattr(asker._actor, "role", "") in self.roles
            return f"answers {self._asked.get((target, message.number), '')}" if on_path else ""
        if isinstance(message, Publish):
            return f"publishes {type(message.event).__name__}"
        return f"tells {type(message.body).__name__}" if isinstance(message, Cast) else ""


class MinersPath:
    """A network of miners alone, one of which is killed at one point of its path, or at none."""

    def __init__(self, miners: int, seed: int = 3) -> None:
        self.simulation = SimulatedFilecoin(seed, miners, miners, block_time_s=BLOCK_TIME_S, mine=False)
        self.points = CrashPoints(self.simulation)
        self.simulation.run_to_genesis()
        for number in range(miners):
            self.simulation.node(number).ask(StartMining())
        self.simulation.run_epochs(EPOCHS_BEFORE)

    def walk(self, at: int | None = None, *, whole: bool = False) -> CrashPoints:
        """Let one epoch pass from before its block is made until after it is out; kill at a point, and go on."""
        points, network = self.points, self.simulation.network
        passed_s = (network.base.clock.unix_s() - self.simulation.genesis_time_s) % BLOCK_TIME_S
        network.run(BLOCK_TIME_S - passed_s + BEFORE_TURN_S)
        points.at, points.whole, points.armed = at, whole, True
        for _ in range(int(BLOCK_TIME_S / STEP_S)):
            network.run(STEP_S)
            if points.fired and self.simulation.node(0).exit is not None:
                network.run(NODE_DOWN_S)
                self.simulation.node(0).restart()
        points.armed = False
        return points

    def go_on(self) -> None:
        """Ten more epochs, and what must hold then; raises InvariantError."""
        simulation = self.simulation
        simulation.run_epochs(EPOCHS_AFTER)
        epoch = int((simulation.network.base.clock.unix_s() - simulation.genesis_time_s) // BLOCK_TIME_S)
        checker = Checker(simulation)
        checker.after_epoch()
        checker.agreement()
        for number in range(simulation.miners):
            reader = ChainReader(simulation.node(number).disk.look("chain"))
            height = reader.head().height
            if height < epoch - MARGIN_EPOCHS:
                raise InvariantError(f"node {number} stands at height {height} in epoch {epoch}")
            checker.one_block_per_height(number)
            if not simulation.node(number).ask(ReadMining()).mining:
                raise InvariantError(f"node {number} has forgotten that it was told to mine")
            self._nothing_is_lost(number, reader)
        self._nothing_is_signed_twice()

    def _nothing_is_lost(self, number: int, reader: ChainReader) -> None:
        """Every block that a miner signed is on the chain: it was never too late, for an epoch is long."""
        store = self.simulation.node(number).disk.look("mining")
        for header in signed_blocks(store, Address.id(FIRST_MINER + number)):
            if header.height > reader.head().height:
                continue
            if header.cid() not in (reader.index.at_height(header.height) or ()):
                raise InvariantError(f"node {number} signed a block at height {header.height} that is not on chain")

    def _nothing_is_signed_twice(self) -> None:
        """No miner gave out two blocks at one height, or two over the same parents."""
        places: set[Any] = set()
        for header in self.points.submitted:
            for place in ((header.miner, header.height), (header.miner, header.parents)):
                if place in places:
                    raise InvariantError(f"{header.miner} gave out two blocks at height {header.height}")
                places.add(place)

    def close(self) -> None:
        """End everything."""
        self.simulation.network.base.world.moments.observer = None
        self.simulation.close()
