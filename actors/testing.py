"""Whole nodes under the simulated base: what the simulator runs and users' tests import.

>>> from thespis.actors.demo import DemoNode
>>> from thespis.actors.testing import SimulatedNetwork
>>> network = SimulatedNetwork(seed=7)
>>> node = network.add("alice", DemoNode)
>>> node.crash("Ledger-3")
>>> network.run(2.0)
>>> node.row("Ledger-3").incarnation
2
"""

from __future__ import annotations

from typing import Any, TypeVar

from thespian.actors import ActorAddress, ActorSystem
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.envelopes import ProcessRow
from thespis.runtime.actor.handle import SupervisorHandle
from thespis.runtime.actor.supervisor import Supervisor
from thespis.runtime.bases.exits import ExitStatus
from thespis.runtime.bases.simulated import SimulatedBase
from thespis.runtime.bases.simulated_actor import SimulatedActor
from thespis.runtime.simulation.faults import CALM, Faults
from thespis.runtime.store.memory import MemoryDisk

R = TypeVar("R")


class SimulatedNode:
    """One node of a simulated network; its disk outlives its crashes."""

    def __init__(self, network: SimulatedNetwork, name: str, node: type[Supervisor], settings: Any) -> None:
        self.network = network
        self.name = name
        self._class = node
        self._settings = settings
        self._root: SimulatedActor | None = None
        self.handle = self._start()

    def _start(self) -> SupervisorHandle:
        base = self.network.base
        address: ActorAddress = self.network.system.createActor(self._class, globalName=self.name)
        self._root = base.actors[str(address.addressDetails)]
        handle = SupervisorHandle(self.network.system, address, base.clock)
        handle.start(self._settings)
        return handle

    @property
    def root(self) -> SimulatedActor:
        """The Node actor, dead or alive."""
        assert self._root is not None
        return self._root

    @property
    def exit(self) -> ExitStatus | None:
        """How the node ended, or None while it runs."""
        return self.root.exit

    @property
    def disk(self) -> MemoryDisk:
        """The node's disk."""
        return self.network.base.world.disk(self.name)

    def rows(self) -> dict[str, ProcessRow]:
        """The process table by role."""
        return {row.role: row for row in self.handle.processes().rows}

    def row(self, role: str) -> ProcessRow:
        """One line of the process table."""
        return self.rows()[role]

    def ask(self, question: Ask[R], *, member: int = 0) -> R:
        """Ask a subsystem from outside."""
        return self.handle.ask(question, member=member)

    def actors(self, role: str) -> list[SimulatedActor]:
        """Every living incarnation of a role; supervision promises at most one."""
        found = []
        for child in self.root.children.values():
            actor = child._actor
            if actor is not None and getattr(actor, "role", "") == role:
                found.append(child)
        return found

    def crash(self, role: str) -> None:
        """Kill a subsystem, if it lives."""
        for actor in self.actors(role):
            self.network.base.crash(actor.details)

    def hang(self, role: str) -> None:
        """Stop a subsystem as SIGSTOP does."""
        for actor in self.actors(role):
            self.network.base.hang(actor.details)

    def resume(self, role: str) -> None:
        """Let a stopped subsystem go on."""
        for actor in self.actors(role):
            self.network.base.resume(actor.details)

    def isolate(self, role: str) -> None:
        """Lose every message between a subsystem's present incarnation and the rest of the node, until `heal`."""
        names = {actor.details for actor in self.actors(role)}
        others = {self.root.details} | {child.details for child in self.root.children.values()} - names
        self.network.base.partition(names, others)

    def crash_all(self) -> None:
        """Kill the whole node, as a power cut does."""
        self.network.base.crash(self.root.details)

    def restart(self) -> None:
        """Start the node again on the same disk."""
        self.handle = self._start()

    def stop(self) -> None:
        """Stop the node in order."""
        self.handle.stop()


class SimulatedNetwork:
    """Nodes in one process under one virtual clock; the same seed gives the same history."""

    def __init__(self, seed: int = 0, faults: Faults = CALM) -> None:
        self.base = SimulatedBase(seed, faults=faults)
        self.system = ActorSystem(self.base, transientUnique=True)
        self.nodes: dict[str, SimulatedNode] = {}

    def add(self, name: str, node: type[Supervisor], settings: Any = None) -> SimulatedNode:
        """Start a node and wait until it is ready."""
        added = self.nodes[name] = SimulatedNode(self, name, node, settings)
        return added

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.base.run(seconds)

    def heal(self) -> None:
        """End every partition."""
        self.base.heal()

    @property
    def trace_hash(self) -> str:
        """Digest of the whole history."""
        return self.base.trace_hash

    def close(self) -> None:
        """End every node."""
        self.base.shutdown()
