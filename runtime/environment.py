"""What the world gives an actor: time, chance and durable places; real in a process, virtual in a simulation."""

from __future__ import annotations

import importlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from thespis.runtime.clock import Clock, SkewedClock, SystemClock, system_random

if TYPE_CHECKING:
    from thespis.runtime.http.port import HttpPort, HttpSettings
    from thespis.runtime.lanes import LanePort
    from thespis.runtime.p2p.port import HostSettings, NetworkPort
    from thespis.runtime.sectors.port import SectorPort
    from thespis.runtime.sectors.shelf import SectorShelf
    from thespis.runtime.store.interface import Store, StoreReader
    from thespis.runtime.vault import Vault

T = TypeVar("T")
Deliver = Callable[[Any], None]


RUN_FOLDER = "run"
"""What only a running node has; made afresh at its start, so what a killed process left in it is gone then."""
SECTORS_FOLDER = "sectors"
STORE_LOCK_WAIT_S = 3.0
STORE_LOCK_POLL_S = 0.02


class Environment(Protocol):
    """Everything an actor may touch beside its mailbox."""

    clock: Clock
    random: random.Random

    def open_store(self, name: str) -> Store:
        """The durable store called `name`, opened for writing by this actor alone."""
        ...

    def open_reader(self, name: str) -> StoreReader:
        """The store called `name`, opened for reading while its one writer may write."""
        ...

    def open_vault(self) -> Vault:
        """The node's keys; opened by the wallet alone."""
        ...

    def open_network(self, settings: HostSettings, deliver: Deliver) -> NetworkPort:
        """The node's place in the peer-to-peer network; `deliver` takes its events and may be called by any thread."""
        ...

    def open_http(self, settings: HttpSettings, deliver: Deliver) -> HttpPort:
        """The node's HTTP server; `deliver` takes its requests and may be called by any thread."""
        ...

    def open_lanes(self, lanes: Sequence[str], deliver: Deliver) -> LanePort:
        """Where work is done beside the mailbox; `deliver` takes what says that it ended, from any thread."""
        ...

    def open_sectors(self) -> SectorShelf:
        """The node's sealed sectors."""
        ...

    def open_sector_work(self, threads: int, deliver: Deliver) -> SectorPort:
        """Where sectors are worked on, with so many threads for one job, or 0 for all that there are."""
        ...

    def publish_api(self, address: str, token: str) -> None:
        """Let commands find the API: its address and the administrator's token."""
        ...

    def share(self, key: bytes, compute: Callable[[], T]) -> T:
        """The result of a pure function; a simulation computes it once for all its nodes, a process for itself."""
        ...

    def process_id(self) -> int:
        """The operating system's number of this process; 0 in a simulation."""
        ...

    def memory_bytes(self) -> int:
        """Resident memory of this process; 0 in a simulation."""
        ...

    def cpu_seconds(self) -> float:
        """What this process took of the processors since its start, all its threads; 0 in a simulation."""
        ...

    def set_log_levels(self, levels: Sequence[tuple[str, str]]) -> None:
        """Give loggers their levels, the empty name being the root; those of an earlier call are undone first."""
        ...


class ProcessEnvironment:
    """The real world, rooted at a node's home directory."""

    def __init__(self, home: str) -> None:
        self.home = Path(home)
        self.clock: Clock = SystemClock()
        self.random = system_random()
        self._levels_before: dict[str, int] = {}

    def open_store(self, name: str) -> Store:
        """Open the RocksDB store ``<home>/datastore/<name>``.

        A former owner that was just killed may hold the lock for a few milliseconds more, so a lock is waited for.
        """
        from thespis.runtime.store.errors import StoreLockedError
        from thespis.runtime.store.rocks import RocksStore

        deadline_s = self.clock.monotonic_s() + STORE_LOCK_WAIT_S
        while True:
            try:
                return RocksStore.open(self.home / "datastore" / name)
            except StoreLockedError:
                if self.clock.monotonic_s() > deadline_s:
                    raise
            time.sleep(STORE_LOCK_POLL_S)

    def open_reader(self, name: str) -> StoreReader:
        """Open ``<home>/datastore/<name>`` as a secondary; its writer must have made it before."""
        from thespis.runtime.store.rocks import RocksReader

        return RocksReader.open(self.home / "datastore" / name, self.home / RUN_FOLDER)

    def open_vault(self) -> Vault:
        """Unlock ``<home>/keystore`` with the passphrase of the environment, making it at the first start."""
        from thespis.runtime.vault import KeystoreVault

        return KeystoreVault.open(self.home / "keystore")

    def open_network(self, settings: HostSettings, deliver: Deliver) -> NetworkPort:
        """Start the libp2p host in a thread of this process."""
        from thespis.runtime.p2p.host import Libp2pPort

        return Libp2pPort(self.home / "p2p", settings, deliver)

    def open_http(self, settings: HttpSettings, deliver: Deliver) -> HttpPort:
        """Start the HTTP server in a thread of this process."""
        from thespis.runtime.http.server import HttpServerPort

        return HttpServerPort(settings, deliver)

    def open_lanes(self, lanes: Sequence[str], deliver: Deliver) -> LanePort:
        """A thread of this process for each lane."""
        from thespis.runtime.lanes import ThreadLanes

        return ThreadLanes(lanes, deliver)

    def open_sectors(self) -> SectorShelf:
        """The sectors below ``<home>/sectors``."""
        from thespis.runtime.sectors.shelf import FolderShelf

        return FolderShelf(self.home / SECTORS_FOLDER)

    def open_sector_work(self, threads: int, deliver: Deliver) -> SectorPort:
        """Threads of this process over the sectors below ``<home>/sectors``."""
        from thespis.runtime.sectors.port import ThreadSectorPort

        return ThreadSectorPort(self.home / SECTORS_FOLDER, threads, deliver)

    def publish_api(self, address: str, token: str) -> None:
        """Write ``api`` and ``token`` below the home."""
        from thespis.runtime.files import write_atomically

        write_atomically(self.home / "token", token.encode())
        write_atomically(self.home / "api", address.encode())

    def share(self, key: bytes, compute: Callable[[], T]) -> T:  # noqa: ARG002
        """Nothing is shared between processes."""
        return compute()

    def process_id(self) -> int:
        """This process's pid."""
        import os

        return os.getpid()

    def memory_bytes(self) -> int:
        """Resident set size, from the kernel."""
        fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
        import resource

        return int(fields[1]) * resource.getpagesize()

    def cpu_seconds(self) -> float:
        """User and system time, from the kernel."""
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    def set_log_levels(self, levels: Sequence[tuple[str, str]]) -> None:
        """Tell Python's logging; what no longer has a level of these gets back the one that it had before."""
        for name, before in self._levels_before.items():
            logging.getLogger(name).setLevel(before)
        self._levels_before = {name: logging.getLogger(name).level for name, _level in levels}
        for name, level in levels:
            logging.getLogger(name).setLevel(level)


DEFAULT_ENVIRONMENT = "thespis.runtime.environment:ProcessEnvironment"


def load_environment(path: str, home: str, clock_behind_s: float = 0.0) -> Environment:
    """Build the environment that ``module:factory`` names for one home directory, with a clock that may be behind."""
    module, _, factory = path.partition(":")
    build: Callable[[str], Environment] = getattr(importlib.import_module(module), factory)
    environment = build(home)
    if clock_behind_s:
        environment.clock = SkewedClock(environment.clock, -clock_behind_s)
    return environment
