"""``bench chain``, the part with processes: a whole node's start, memory, and answers to JSON-RPC."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from thespis.deploy.bench.report import Figure
from thespis.deploy.devnet.fleet import Fleet
from thespis.deploy.devnet.plan import DevnetPlan
from thespis.deploy.rpc import RpcClient
from thespis.runtime.actor.envelopes import ListProcesses
from thespis.runtime.admin import admin_ask

REQUESTS, RATE = 450, 45
MEBI = 1 << 20
SETTLE_S = 5.0


def run() -> Iterator[Figure]:
    """Every figure of this part: one node that mines, on an otherwise idle machine."""
    with tempfile.TemporaryDirectory(prefix="thespis-bench-") as folder:
        plan = DevnetPlan.make(
            Path(folder), seed=1, nodes=1, miners=1, block_time_s=2, base_port=0, genesis_time_s=int(time.time()) + 3
        )
        plan.write()
        started = time.perf_counter()
        with Fleet(plan) as fleet:
            fleet.wait_ready()
            yield Figure("node.start", time.perf_counter() - started, "s to the first answer")
            time.sleep(SETTLE_S)
            yield from _rpc(fleet)
            yield from _memory(fleet)


def _rpc(fleet: Fleet) -> Iterator[Figure]:
    """`ChainHead` at a steady rate over one connection."""
    times = []
    with RpcClient.of_home(fleet.plan.nodes[0].home) as client:
        begin = time.perf_counter()
        for number in range(REQUESTS):
            wait_s = begin + number / RATE - time.perf_counter()
            if wait_s > 0:
                time.sleep(wait_s)
            started = time.perf_counter()
            client.call("ChainHead")
            times.append((time.perf_counter() - started) * 1e3)
    times.sort()
    yield Figure("rpc.chain_head.p50", statistics.median(times), f"ms at {RATE}/s")
    yield Figure("rpc.chain_head.p99", times[len(times) * 99 // 100], f"ms at {RATE}/s")


def _memory(fleet: Fleet) -> Iterator[Figure]:
    """Unique set size: what ending the process would give back."""
    [node] = fleet.plan.nodes
    table = admin_ask(node.home / "run", ListProcesses())
    roles = {row.statistics.process_id: row.role for row in table.rows}
    launcher = psutil.Process(fleet.nodes[node.name].process.pid)
    total = 0
    for process in (launcher, *launcher.children(recursive=True)):
        unique = process.memory_full_info().uss
        total += unique
        yield Figure(f"node.memory.{roles.get(process.pid, process.name())}", unique / MEBI, "MiB unique")
    yield Figure("node.memory", total / MEBI, "MiB unique, all processes")
