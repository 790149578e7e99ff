"""The nodes of a devnet as processes: starting, watching, restarting after a kill, stopping in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from thespis.deploy.devnet.plan import DevnetPlan, NodePlan
from thespis.deploy.rpc import RpcCallError, RpcClient
from thespis.runtime.errors import RuntimeFloorError

READY_TIMEOUT_S = 60.0
READY_POLL_S = 0.1
CALL_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 4.0
DAEMON_LOG = "daemon.log"
LAST_WORDS_CHARACTERS = 4000
STOPPED_MARK = "stopped"
"""A file in a node's home that says: down on purpose, do not start it again."""


class NodeStartError(RuntimeFloorError):
    """A node of the network did not come up."""


def _last_words(log: Path) -> str:
    """Why a launcher ended: the last line of its log, without the name that errors begin with."""
    lines = log.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS_CHARACTERS:].strip().splitlines()
    return f"{lines[-1].removeprefix('thespis: ') if lines else 'it wrote nothing'} (its log: {log})"


@dataclass
class RunningProcess:
    """One node's launcher process."""

    plan: NodePlan
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    starts: int = 1


class Fleet:
    """All nodes; use it as a context manager."""

    def __init__(self, plan: DevnetPlan) -> None:
        self.plan = plan
        self.nodes: dict[str, RunningProcess] = {}
        self.revived: dict[str, int] = {}
        self._clients: dict[str, RpcClient] = {}

    def __enter__(self) -> Self:
        for node in self.plan.nodes:
            self._start(node)
        self._publish()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _start(self, node: NodePlan) -> None:
        log = (node.home / DAEMON_LOG).open("ab")
        launcher = ["daemon", "--launched-by", str(os.getpid())]  # it stops when this process is gone
        command = [sys.executable, "-m", "thespis.deploy.cli.main", "--home", str(node.home), *launcher]
        process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        known = self.nodes.get(node.name)
        starts = known.starts + 1 if known else 1
        self.nodes[node.name] = RunningProcess(node, process, log, starts)

    def _publish(self) -> None:
        self.plan.write_state({name: running.process.pid for name, running in self.nodes.items()})

    def client(self, node: NodePlan, timeout_s: float = CALL_TIMEOUT_S) -> RpcClient:
        """A client of a node, for the caller alone."""
        return RpcClient.of_home(node.home, timeout_s)

    def call(self, node: NodePlan, method: str, *params: Any, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        """Call a node over the one connection that is kept to it; after a failure the next call makes another.

        Raises RpcCallError or RpcUnreachableError, and RepoError where no node runs.
        """
        client = self._clients.get(node.name)
        if client is None:
            client = self._clients[node.name] = self.client(node)
        try:
            return client.call(method, *params, timeout_s=timeout_s)
        except RpcCallError:
            raise
        except RuntimeFloorError:
            self._clients.pop(node.name).close()
            raise

    def wait_ready(self) -> None:
        """Wait until every API answers; raises NodeStartError naming the node that does not, and why."""
        end_s = time.monotonic() + READY_TIMEOUT_S
        for node in self.plan.nodes:
            while True:
                try:
                    self.call(node, "ChainHead")
                    break
                except RuntimeFloorError as error:
                    code = self.nodes[node.name].process.poll()
                    if code is not None:
                        raise NodeStartError(
                            f"{node.name} did not start: {_last_words(node.home / DAEMON_LOG)}"
                        ) from None
                    if time.monotonic() > end_s:
                        raise NodeStartError(
                            f"{node.name} did not start within {READY_TIMEOUT_S:.0f} s: {error}; "
                            f"see {node.home / DAEMON_LOG}"
                        ) from None
                    time.sleep(READY_POLL_S)

    def watch(self) -> list[str]:
        """Start again what was killed, unless it was stopped on purpose; returns the names of what was started."""
        started = []
        for name, running in list(self.nodes.items()):
            stopped = (running.plan.home / STOPPED_MARK).exists()
            if running.process.poll() is not None and not stopped:
                running.log.close()
                self._start(running.plan)
                self.revived[name] = self.revived.get(name, 0) + 1
                started.append(name)
        if started:
            self._publish()
        return started

    def stop(self) -> float:
        """Stop every node in order; returns how long that took in seconds."""
        started_s = time.monotonic()
        while self._clients:
            self._clients.popitem()[1].close()
        for running in self.nodes.values():
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGTERM)
        for running in self.nodes.values():
            left_s = max(0.1, STOP_TIMEOUT_S - (time.monotonic() - started_s))
            try:
                running.process.wait(left_s)
            except subprocess.TimeoutExpired:
                os.killpg(running.process.pid, signal.SIGKILL)
                running.process.wait()
            running.log.close()
        return time.monotonic() - started_s
