"""``bench hostile``: a real node under attack, seen from an honest peer: latency, memory, and who was dropped."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from thespis.deploy.bench.callers import PREFIX
from thespis.deploy.bench.purse import POOL_MESSAGES
from thespis.deploy.bench.report import Figure
from thespis.deploy.bench.stranger import Stranger
from thespis.deploy.devnet.fleet import Fleet
from thespis.deploy.devnet.plan import DevnetPlan
from thespis.deploy.nodes import SETTINGS
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Unsigned
from thespis.protocols.networks.genesis import read_genesis
from thespis.protocols.wire import exchange, hello
from thespis.protocols.wire.exchange import Options, Request, Response
from thespis.runtime.actor.envelopes import ListProcesses
from thespis.runtime.admin import admin_ask
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.repo import Repo

MINERS = 2
"""Of genesis: the node's, and one that no node runs, whose keys the attackers have."""
BLOCK_TIME_S = 1
ALONE = {"bootstrap.addresses": [], "bootstrap.min_peer_threshold": 0, "mpool.max_pool_size": POOL_MESSAGES}
STUCK = {"GasLimit": 1_000_000, "GasFeeCap": "100", "GasPremium": "1"}
"""What a message pays that waits while the base fee is above its least: long enough to be pushed out."""
RATE_PER_S = 20
IDLE_REQUESTS = 400
CALL_TIMEOUT_S = 10.0
MEBI = 1 << 20


@dataclass
class Latencies:
    """An honest peer's requests at a steady rate; milliseconds, and how many got no answer."""

    times_ms: list[float]
    failed: int = 0

    def at(self, share: float) -> float:
        """The milliseconds that this share of the requests did not exceed."""
        ordered = sorted(self.times_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Siege:
    """One node of a devnet, an honest peer of it, and attackers in a process of their own."""

    def __init__(self, folder: Path) -> None:
        self._devnet: dict[str, Any] = {
            "seed": 1,
            "nodes": MINERS,
            "miners": MINERS,
            "block_time_s": BLOCK_TIME_S,
            "genesis_time_s": int(time.time()) + 3,
        }
        plan = DevnetPlan.make(folder, base_port=0, **self._devnet)
        plan.write()
        self._folder = folder
        self._node = plan.nodes[0]
        SETTINGS.set(Repo(self._node.home).config_path, ALONE)
        self._network = plan.template().parameters.network_name
        self._genesis = read_genesis(plan.genesis_car())[0].cid
        self.fleet = Fleet(dataclasses.replace(plan, nodes=(self._node,)))
        self.honest: Stranger | None = None
        self._waiting, self._rich = "", str(plan.nodes[-1].account.address)

    def open(self) -> None:
        """Wait for the node and its first blocks, and connect the honest peer."""
        self.fleet.wait_ready()
        while self.height() < 3:  # noqa: PLR2004
            time.sleep(0.1)
        self.honest = Stranger(self._folder / "honest", self._network, self._node.p2p_address, answer=self._greet)
        own = str(self._node.account.address)
        with self.fleet.client(self._node) as client:
            sent = client.call("MpoolPushMessage", {"From": own, "To": own, "Value": "1", **STUCK}, None)
        self._waiting = str(sent["CID"]["/"])

    def rich_nonce(self) -> int:
        """How many messages of the attackers' account the node took, on chain and waiting."""
        with self.fleet.client(self._node) as client:
            return int(client.call("MpoolGetNonce", self._rich))

    def user_is_served(self) -> bool:
        """Whether the message that the node's user sent before the siege waits still, or is on chain."""
        with self.fleet.client(self._node) as client:
            waiting = [each["CID"]["/"] for each in client.call("MpoolPending", [])]
            return self._waiting in waiting or client.call("StateSearchMsg", {"/": self._waiting}) is not None

    def _greet(self, protocol: str, _data: bytes) -> bytes | None:
        return hello.HelloReply(1, 2).encode() if protocol == hello.PROTOCOL else None

    def _head(self) -> dict[str, Any]:
        with self.fleet.client(self._node) as client:
            head: dict[str, Any] = client.call("ChainHead")
        return head

    def height(self) -> int:
        """How far the node's chain is."""
        return int(self._head()["Height"])

    def _request(self) -> Request:
        cids = tuple(Cid.from_text(link["/"]) for link in self._head()["Cids"])
        return Request(cids, Unsigned(1), Unsigned(Options.HEADERS))

    def ask(self, count: int, until: threading.Event | None = None) -> Latencies:
        """Ask for the head over libp2p at a steady rate, `count` times or until told to stop."""
        honest, data = self.honest, self._request().encode()
        assert honest is not None
        return self._steadily(lambda: honest.ask(exchange.PROTOCOL, data)[0] is not None, count, until)

    def call(self, count: int, until: threading.Event | None = None) -> Latencies:
        """Ask for the head over the API, with a token of its own."""
        with self.fleet.client(self._node) as client:

            def answered() -> bool:
                try:
                    client.call("ChainHead", timeout_s=CALL_TIMEOUT_S)
                except RuntimeFloorError:
                    return False
                return True

            return self._steadily(answered, count, until)

    def _steadily(self, answered: Callable[[], bool], count: int, until: threading.Event | None) -> Latencies:
        found = Latencies([])
        begin = time.perf_counter()
        for number in range(count):
            if until is not None and until.is_set():
                break
            wait_s = begin + number / RATE_PER_S - time.perf_counter()
            time.sleep(max(0.0, wait_s))
            asked_s = time.perf_counter()
            found.failed += not answered()
            found.times_ms.append((time.perf_counter() - asked_s) * 1e3)
        return found

    def memory(self) -> float:
        """Resident MiB of all the node's processes."""
        launcher = psutil.Process(self.fleet.nodes[self._node.name].process.pid)
        return sum(float(each.memory_info().rss) for each in (launcher, *launcher.children(recursive=True))) / MEBI

    def lag(self) -> int:
        """How many epochs the node's head is behind its clock; -1 while the API, which may be flooded, does not say."""
        try:
            head = self._head()
        except RuntimeFloorError:
            return -1
        timestamp = int(head["Blocks"][0]["Timestamp"])
        return int((time.time() - timestamp) // BLOCK_TIME_S)

    def honest_dropped(self) -> bool:
        """Whether the node has ended the honest peer's connection."""
        return self.honest is not None and self.honest.dropped(0.0)

    def restarts(self) -> int:
        """How often a subsystem of the node had to be started again."""
        table = admin_ask(self._node.home / "run", ListProcesses())
        return sum(row.incarnation - 1 for row in table.rows)

    def attack(self, flood_s: float = 0.0) -> Iterator[dict[str, Any]]:
        """Every lie, or with `flood_s` every flood for so long; what the attackers report."""
        assert self.honest is not None
        answer, _seconds = self.honest.ask(exchange.PROTOCOL, self._request().encode())
        assert answer is not None
        head = [header.encode().hex() for header in Response.decode(answer).chain[0].blocks]
        field = {
            "network": self._network,
            "address": self._node.p2p_address,
            "api": self._node.api_address,
            "genesis": str(self._genesis),
            "head": head,
            "seconds": flood_s,
            "parent_pid": os.getpid(),
            "devnet": self._devnet,
            "miner": MINERS - 1,
        }
        command = [sys.executable, "-m", "thespis.deploy.bench.attacks"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(field))
            process.stdin.close()
            for line in process.stdout:
                yield json.loads(line)
        if process.returncode:
            raise RuntimeFloorError(f"the attackers ended with exit code {process.returncode}")

    def say_hello(self) -> bool:
        """Whether the node still answers an honest greeting."""
        assert self.honest is not None
        said = hello.Hello(self._request().head, ChainEpoch(0), BigInteger(0), self._genesis)
        return self.honest.ask(hello.PROTOCOL, said.encode())[0] is not None

    def close(self) -> None:
        """Disconnect the honest peer; the fleet stops the node."""
        if self.honest is not None:
            self.honest.port.close()


def run(flood_s: float = 10.0) -> Iterator[Figure]:
    """Besiege a new node: what it is like idle, then every lie, then every flood beside an honest peer's requests."""
    with tempfile.TemporaryDirectory(prefix="thespis-siege-") as folder:
        siege = Siege(Path(folder))
        with siege.fleet:
            siege.open()
            yield from _besiege(siege, flood_s)
            siege.close()


def _besiege(siege: Siege, flood_s: float) -> Iterator[Figure]:
    siege.ask(IDLE_REQUESTS // 4)
    idle = siege.ask(IDLE_REQUESTS)
    before = siege.memory()
    yield Figure("idle.p50", idle.at(0.5), "ms")
    yield Figure("idle.p99", idle.at(0.99), "ms")
    lies = list(siege.attack())
    spared = [lie["name"] for lie in lies if not lie["dropped"]]
    yield Figure("lies.dropped", len(lies) - len(spared), f"of {len(lies)} liars")
    for name in spared:
        yield Figure(f"spared: {name}", 1, "liar")
    peak = siege.memory()
    behind = 0
    for name, latencies, memory, lag in _floods(siege, flood_s):
        peak, behind = max(peak, memory), max(behind, lag)
        label = name.replace(" ", "_")
        yield Figure(f"{label}.p50", latencies.at(0.5), "ms", "idle", latencies.at(0.5) / idle.at(0.5))
        yield Figure(f"{label}.p99", latencies.at(0.99), "ms", "idle", latencies.at(0.99) / idle.at(0.99))
        yield Figure(f"{label}.unanswered", latencies.failed, f"of {len(latencies.times_ms)}")
    yield Figure("memory.growth", peak - before, f"MiB over {before:.0f} resident")
    yield Figure("head.behind", behind, "epochs at most")
    yield Figure("honest.dropped", int(siege.honest_dropped()), "times")
    yield Figure("restarts", siege.restarts(), "of subsystems")
    yield Figure("user.served", int(siege.user_is_served()), f"of 1 message beside {siege.rich_nonce()} dear ones")


def _floods(siege: Siege, flood_s: float) -> Iterator[tuple[str, Latencies, float, int]]:
    """Ask while each flood goes on, and then look at memory and how far the head is behind."""
    found: list[tuple[str, Latencies, float, int]] = []
    ended = threading.Event()
    asking: threading.Thread | None = None

    def ask(name: str, over: threading.Event) -> None:
        ask_head = siege.call if name.startswith(PREFIX) else siege.ask
        found.append((name, ask_head(1 << 20, over), siege.memory(), siege.lag()))

    for line in siege.attack(flood_s):
        if "begins" not in line:
            continue
        if asking is not None:
            ended.set()
            asking.join()
        ended = threading.Event()
        asking = threading.Thread(target=ask, args=(line["begins"], ended))
        asking.start()
    if asking is not None:
        ended.set()
        asking.join()
    yield from found
