"""``bench actors``: our process base beside Thespian's stock base and a bare ZeroMQ echo, in one run."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import msgpack
import zmq
from thespian.actors import Actor, ActorAddress, ActorSystem
from thespis.deploy.bench.crew import (
    Blob,
    Burst,
    CrowdProcesses,
    Driver,
    Echo,
    RoundTrips,
    Seconds,
    SetTimers,
    StartCrowd,
    StopCrowd,
)
from thespis.deploy.bench.report import Figure, paired
from thespis.runtime.bases.life import tie_to_parent
from thespis.runtime.bases.process import ProcessBase
from thespis.runtime.bases.simulated import SimulatedBase

CROWD = 12
TIMERS = 10_000
ROUNDS = 5
SIZES = {"100B": (100, 1000), "64KiB": (64 << 10, 300)}
OURS_BURST, STOCK_BURST = 50_000, 1_000
WAIT_S = 60.0
BARE, STOCK, SIMPLE = "bare ZeroMQ echo", "stock TCP base", "simpleSystemBase"
"""Yardsticks; the stock base is Thespian's multiprocTCPBase."""


class Bench:
    """One system and its driver."""

    def __init__(self, system: ActorSystem) -> None:
        self.system = system
        self.driver: ActorAddress = system.createActor(Driver)

    def measure(self, order: Any) -> tuple[float, ...]:
        """Run one measurement; raises TimeoutError when the system loses it."""
        answer = self.system.ask(self.driver, order, WAIT_S)
        if not isinstance(answer, Seconds):
            raise TimeoutError(f"{type(order).__name__} was not answered within {WAIT_S} s: {answer}")
        return answer.values


@contextlib.contextmanager
def our_system() -> Iterator[Bench]:
    """Our process base."""
    system = ActorSystem(ProcessBase(log_level="ERROR"), transientUnique=True)
    try:
        yield Bench(system)
    finally:
        system.shutdown()


@contextlib.contextmanager
def stock_system() -> Iterator[Bench]:
    """Thespian's TCP base, on a free admin port; it listens on every interface, which is one reason for ours."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"version": 1, "disable_existing_loggers": False}
    system = ActorSystem("multiprocTCPBase", {"Admin Port": port}, logDefs=quiet, transientUnique=True)
    try:
        yield Bench(system)
    finally:
        system.shutdown()


class BareEcho:
    """Two processes, two ZeroMQ sockets, msgpack: the floor that any base stands on."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="thespis-bench-")
        url = f"ipc://{self._folder.name}/echo"
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PAIR)
        self._socket.bind(url)
        self._process = multiprocessing.get_context("spawn").Process(target=_echo, args=(url, os.getpid()), daemon=True)
        self._process.start()
        self.round_trips(1, 1)

    def round_trips(self, count: int, size: int) -> list[float]:
        """Seconds of each round trip."""
        times = []
        for _ in range(count):
            started = time.perf_counter()
            self._socket.send(msgpack.packb(("Blob", bytes(size))))
            msgpack.unpackb(self._socket.recv())
            times.append(time.perf_counter() - started)
        return times

    def close(self) -> None:
        """End the process and the sockets."""
        self._process.kill()
        self._process.join()
        self._socket.close(linger=0)
        self._context.term()
        self._folder.cleanup()


def _echo(url: str, parent_pid: int) -> None:
    tie_to_parent(parent_pid)
    socket = zmq.Context().socket(zmq.PAIR)
    socket.connect(url)
    while True:
        socket.send(msgpack.packb(msgpack.unpackb(socket.recv())))


def run() -> Iterator[Figure]:
    """Every figure of the process base and of the simulated base."""
    bare = BareEcho()
    try:
        with our_system() as ours, stock_system() as stock:
            yield from _round_trips(ours, stock, bare)
            yield from _one_way(ours, stock)
            yield from _crowds(ours, stock)
            yield _timers(ours)
    finally:
        bare.close()
    yield from _simulation()


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _round_trips(ours: Bench, stock: Bench, bare: BareEcho) -> Iterator[Figure]:
    for label, (size, count) in SIZES.items():
        rows: dict[str, list[list[float]]] = {"ours": [], BARE: [], STOCK: []}
        for _ in range(ROUNDS):
            rows["ours"].append(list(ours.measure(RoundTrips(count, size))))
            rows[BARE].append(bare.round_trips(count, size))
            rows[STOCK].append(list(stock.measure(RoundTrips(max(50, count // 5), size))))
        for share, suffix in ((0.5, ""), (0.99, ".p99")):
            mine = [_quantile(values, share) for values in rows["ours"]]
            for yardstick in (BARE, STOCK):
                theirs = [_quantile(values, share) for values in rows[yardstick]]
                ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
                yield Figure(f"actors.rtt_{label}{suffix}", statistics.median(mine) * 1e6, "µs", yardstick, ratio)


def _one_way(ours: Bench, stock: Bench) -> Iterator[Figure]:
    mine, theirs = [], []
    for _ in range(3):
        mine.append(OURS_BURST / ours.measure(Burst(OURS_BURST, 100))[0])
        theirs.append(STOCK_BURST / stock.measure(Burst(STOCK_BURST, 100))[0])
    ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
    yield Figure("actors.oneway", statistics.median(mine), "messages/s", STOCK, ratio)


def _timers(ours: Bench) -> Figure:
    """What ten thousand pending timers, in both actors, add to a round trip."""
    size, count = SIZES["100B"]
    with our_system() as idle:
        ours.measure(SetTimers(TIMERS))
        mine, _theirs, ratio = paired(
            lambda: _quantile(list(ours.measure(RoundTrips(count, size))), 0.5),
            lambda: _quantile(list(idle.measure(RoundTrips(count, size))), 0.5),
        )
    return Figure("actors.rtt_100B_10k_timers", mine * 1e6, "µs", "without timers", ratio)


def _crowds(ours: Bench, stock: Bench) -> Iterator[Figure]:
    starts: dict[str, list[float]] = {"ours": [], STOCK: []}
    stops: dict[str, list[float]] = {"ours": [], STOCK: []}
    memory: dict[str, float] = {}
    for _ in range(3):
        for name, bench in (("ours", ours), (STOCK, stock)):
            starts[name] += bench.measure(StartCrowd(CROWD))
            memory[name] = _unique_memory(bench)
            stops[name] += bench.measure(StopCrowd())
    for label, series in (("start_12", starts), ("stop_12", stops)):
        ratio = statistics.median(a / b for a, b in zip(series["ours"], series[STOCK], strict=True))
        yield Figure(f"actors.{label}", statistics.median(series["ours"]), "s", STOCK, ratio)
    yield Figure("actors.memory", memory["ours"] / 2**20, "MiB per actor", STOCK, memory["ours"] / memory[STOCK])


def _unique_memory(bench: Bench) -> float:
    import psutil

    pids = bench.system.ask(bench.driver, CrowdProcesses(), WAIT_S).values
    return float(statistics.mean(psutil.Process(pid).memory_full_info().uss for pid in pids))


class Ring(Actor):
    """Passes a blob to an echo and back, for the simulation's rate."""

    def receiveMessage(self, msg: Any, _sender: ActorAddress) -> None:
        """Start with a Burst, then keep the blob moving."""
        if isinstance(msg, Burst):
            self.echo = self.createActor(Echo)
            self.left = msg.count
            self.send(self.echo, Blob(bytes(msg.size)))
        elif isinstance(msg, Blob) and self.left > 0:
            self.left -= 1
            self.send(self.echo, msg)


def simulation_rate(pairs: int = 50, trips: int = 2000) -> float:
    """Messages per second of the simulated base on one core, with encoding, faults drawn and trace."""
    base = SimulatedBase(seed=7)
    system = ActorSystem(base, transientUnique=True)
    rings = [system.createActor(Ring) for _ in range(pairs)]
    for ring in rings:
        system.tell(ring, Burst(trips, 100))
    before, started = base.delivered, time.perf_counter()
    while base.step():
        pass
    return (base.delivered - before) / (time.perf_counter() - started)


def simple_rate(pairs: int = 50, trips: int = 400) -> float:
    """The same on Thespian's own one-process base, which neither copies messages nor keeps a trace."""
    system = ActorSystem("simpleSystemBase", transientUnique=True, logDefs=False)
    rings = [system.createActor(Ring) for _ in range(pairs)]
    started = time.perf_counter()
    for ring in rings:
        system.tell(ring, Burst(trips, 100))
    elapsed = time.perf_counter() - started
    system.shutdown()
    return pairs * trips * 2 / elapsed


def _simulation() -> Iterator[Figure]:
    mine, _theirs, ratio = paired(simulation_rate, simple_rate, 3)
    yield Figure("sim.messages", mine, "messages/s", SIMPLE, ratio)
