"""The environments a simulation gives its actors: virtual time, seeded chance, disks that forget on a crash."""

from __future__ import annotations

import random

from runtime.clock import Clock, ManualClock
from runtime.store.interface import Store
from runtime.store.memory import MemoryDisk


class SimulatedEnvironment:
    """One actor's view of the virtual world."""

    def __init__(self, clock: Clock, seed: str, disk: MemoryDisk) -> None:
        self.clock = clock
        self.random = random.Random(seed)  # noqa: S311
        self._disk = disk

    def open_store(self, name: str) -> Store:
        """A store on the node's virtual disk."""
        return self._disk.open(name, owner=self)

    def process_id(self) -> int:
        """No process: 0."""
        return 0

    def memory_bytes(self) -> int:
        """Not measured: 0."""
        return 0


class World:
    """Virtual time and the disks of all nodes; disks outlive the actors that use them."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.clock = ManualClock()
        self._disks: dict[str, MemoryDisk] = {}

    def disk(self, node: str) -> MemoryDisk:
        """The disk of one node, made at first use."""
        return self._disks.setdefault(node, MemoryDisk())

    def environment(self, node: str, address: str) -> SimulatedEnvironment:
        """The environment of one actor incarnation."""
        return SimulatedEnvironment(self.clock, f"{self.seed}/{address}", self.disk(node))
