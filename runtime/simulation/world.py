"""The environments a simulation gives its actors: virtual time, seeded chance, disks that forget on a crash."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from thespis.runtime.clock import Clock, ManualClock, SkewedClock
from thespis.runtime.environment import Deliver
from thespis.runtime.http.port import HttpPort, HttpSettings
from thespis.runtime.lanes import LanePort
from thespis.runtime.p2p.port import HostSettings, NetworkPort
from thespis.runtime.sectors.port import SectorPort
from thespis.runtime.sectors.shelf import MemoryShelf, SectorShelf
from thespis.runtime.simulation.http import SimulatedHttp
from thespis.runtime.simulation.lanes import SimulatedLanes
from thespis.runtime.simulation.moments import WRITE, Moments
from thespis.runtime.simulation.network import SimulatedPort
from thespis.runtime.simulation.sectors import SimulatedSectorPort
from thespis.runtime.simulation.swarm import Scheduler, SimulatedSwarm
from thespis.runtime.simulation.vault import SimulatedVault
from thespis.runtime.store.interface import Store, StoreReader
from thespis.runtime.store.memory import MemoryDisk
from thespis.runtime.vault import Vault

T = TypeVar("T")
SHARED_MAX = 2000


def share(shared: dict[bytes, Any], key: bytes, compute: Callable[[], T]) -> T:
    """A result that is known, or is computed now; the oldest results are forgotten."""
    if key not in shared:
        shared[key] = compute()
        if len(shared) > SHARED_MAX:
            shared.pop(next(iter(shared)))
    result: T = shared[key]
    return result


class SimulatedEnvironment:
    """One actor's view of the virtual world."""

    def __init__(
        self,
        clock: Clock,
        seed: str,
        disk: MemoryDisk,
        node: str,
        swarm: SimulatedSwarm,
        shared: dict[bytes, Any],
        moments: Moments,
    ) -> None:
        self.clock = clock
        self.random = random.Random(seed)  # noqa: S311
        self._disk = disk
        self._node = node
        self._swarm = swarm
        self._shared = shared
        self.moments = moments
        self._ports: list[SimulatedPort | SimulatedSectorPort] = []
        self.log_levels: dict[str, str] = {}

    def open_store(self, name: str) -> Store:
        """A store on the node's virtual disk."""
        store = self._disk.open(name, owner=self)
        store.watcher = lambda done: self.moments.tell(self, WRITE, name, done)
        return store

    def open_reader(self, name: str) -> StoreReader:
        """A reader of a store on the node's virtual disk."""
        return self._disk.open_reader(name)

    def open_vault(self) -> Vault:
        """Keys on the node's virtual disk."""
        return SimulatedVault(self.open_store("vault"))

    def open_network(self, settings: HostSettings, deliver: Deliver) -> NetworkPort:
        """A place in the simulated network."""
        port = self._swarm.open(self._node, settings, deliver)
        self._ports.append(port)
        return port

    def open_http(self, settings: HttpSettings, deliver: Deliver) -> HttpPort:  # noqa: ARG002
        """No server."""
        return SimulatedHttp()

    def open_lanes(self, lanes: Sequence[str], deliver: Deliver) -> LanePort:  # noqa: ARG002
        """No threads."""
        return SimulatedLanes()

    def open_sectors(self) -> SectorShelf:
        """Sectors that were put on the node's virtual disk."""
        return MemoryShelf(self._disk.sectors)

    def open_sector_work(self, threads: int, deliver: Deliver) -> SectorPort:  # noqa: ARG002
        """Work in virtual time."""
        port = SimulatedSectorPort(self._swarm.after, self._disk, deliver)
        self._ports.append(port)
        return port

    def publish_api(self, address: str, token: str) -> None:
        """Nobody looks for it."""

    def share(self, key: bytes, compute: Callable[[], T]) -> T:
        """Compute once for all nodes; the oldest results are forgotten."""
        return share(self._shared, key, compute)

    def release(self) -> None:
        """The actor is dead: what a kernel would close is closed."""
        for port in self._ports:
            port.close()

    def process_id(self) -> int:
        """No process: 0."""
        return 0

    def memory_bytes(self) -> int:
        """Not measured: 0."""
        return 0

    def cpu_seconds(self) -> float:
        """Not measured: 0."""
        return 0.0

    def set_log_levels(self, levels: Sequence[tuple[str, str]]) -> None:
        """Remembered only: the log of a simulation is that of the process around it."""
        self.log_levels = dict(levels)


class World:
    """Virtual time and the disks of all nodes; disks outlive the actors that use them."""

    def __init__(self, seed: int, scheduler: Scheduler) -> None:
        self.seed = seed
        self.clock = ManualClock()
        self.swarm = SimulatedSwarm(scheduler, seed)
        self.moments = Moments()
        self._shared: dict[bytes, Any] = {}
        self._clocks: dict[str, SkewedClock] = {}
        self._disks: dict[str, MemoryDisk] = {}

    def skew(self, node: str, seconds: float) -> None:
        """Set a node's clock ahead of the others, or with a negative number behind them."""
        self._clock_of(node).skew_s = seconds

    def _clock_of(self, node: str) -> SkewedClock:
        return self._clocks.setdefault(node, SkewedClock(self.clock))

    def share(self, key: bytes, compute: Callable[[], T]) -> T:
        """What the nodes compute once for all of them, for whoever stands beside them."""
        return share(self._shared, key, compute)

    def disk(self, node: str) -> MemoryDisk:
        """The disk of one node, made at first use."""
        return self._disks.setdefault(node, MemoryDisk())

    def environment(self, node: str, address: str) -> SimulatedEnvironment:
        """The environment of one actor incarnation."""
        return SimulatedEnvironment(
            self._clock_of(node),
            f"{self.seed}/{address}",
            self.disk(node),
            node,
            self.swarm,
            self._shared,
            self.moments,
        )
