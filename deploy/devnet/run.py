"""Running a devnet: banner, live table, traffic, and the judgement at the end."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thespis.deploy.devnet.faults import expected_restarts
from thespis.deploy.devnet.fleet import Fleet
from thespis.deploy.devnet.home import note_alive
from thespis.deploy.devnet.plan import DevnetPlan
from thespis.deploy.devnet.traffic import Traffic
from thespis.runtime.actor.envelopes import ListProcesses
from thespis.runtime.admin import admin_ask
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.files import write_atomically

SETTLE_EPOCHS = 5
"""Messages are sent until this many epochs before the end, and heads are compared this far below them."""
POLL_S = 0.5
STATUS_TIMEOUT_S = 2.0


def last_epoch(until_epoch: int, seen: int, *, traffic: bool) -> int:
    """The epoch in which a run ends: with traffic no sooner than transfers have settled that are sent in epoch `seen`.

    So a run whose nodes came up late still shows what it is for, whatever the machine. 0 is never.
    """
    return max(until_epoch, seen + SETTLE_EPOCHS + 1) if until_epoch and traffic else until_epoch


@dataclass
class NodeStatus:
    """One node at one moment; height -1 and an `error` where it gave no answer."""

    name: str
    height: int = -1
    time_s: int = 0
    head: str = ""
    blocks: int = 0
    peers: int = 0
    pending: int = 0
    restarts: int = 0
    error: str = ""


@dataclass
class Outcome:
    """How a run ended; `problems` empty means well."""

    height: int = 0
    wall_s: float = 0.0
    ready_s: float = 0.0
    first_block_s: float = 0.0
    stop_s: float = 0.0
    messages: int = 0
    refused: int = 0
    lost: list[str] = field(default_factory=list)
    restarts: int = 0
    revived: dict[str, int] = field(default_factory=dict)
    null_rounds: int = 0
    problems: list[str] = field(default_factory=list)


class DevnetRun:
    """One run from start to stop: watched, and judged by its chains; it sends from users' accounts only if asked."""

    def __init__(self, plan: DevnetPlan, *, traffic: bool = False) -> None:
        self.plan = plan
        self.fleet = Fleet(plan)
        self.traffic = Traffic(self.fleet) if traffic else None
        self.outcome = Outcome()
        self._started_s, self._started_unix_s = time.monotonic(), int(time.time() - plan.clock_behind_s)

    def status(self) -> list[NodeStatus]:
        """Every node now."""
        return [self._status(number) for number in range(len(self.plan.nodes))]

    def _status(self, number: int) -> NodeStatus:
        node = self.plan.nodes[number]
        found = NodeStatus(node.name)
        try:
            head = self.fleet.call(node, "ChainHead", timeout_s=STATUS_TIMEOUT_S)
            found.height, found.blocks = head["Height"], len(head["Blocks"])
            found.time_s = head["Blocks"][0]["Timestamp"]
            found.head = " ".join(cid["/"] for cid in head["Cids"])
            found.peers = len(self.fleet.call(node, "NetPeers", timeout_s=STATUS_TIMEOUT_S))
            found.pending = len(self.fleet.call(node, "MpoolPending", [], timeout_s=STATUS_TIMEOUT_S))
            table = admin_ask(node.home / "run", ListProcesses(), STATUS_TIMEOUT_S)
            found.restarts = sum(row.restarts for row in table.rows)
        except RuntimeFloorError as error:
            found.error = str(error)
        return found

    def follow(self, until_epoch: int, show: Any = None) -> None:
        """Watch, and send what is to be sent, until every node has reached an epoch (0: for ever) and that settled."""
        sent_at, last = 0, None
        while True:
            note_alive(self.plan.home)
            statuses = self.status()
            self.fleet.watch()
            lowest = min(status.height for status in statuses)
            goes = lowest >= 1 and min(status.time_s for status in statuses) >= self._started_unix_s
            if last is None and goes:  # before its first block a chain may be many epochs late
                last = last_epoch(until_epoch, lowest, traffic=self.traffic is not None)
            if goes and not self.outcome.first_block_s:
                self.outcome.first_block_s = time.monotonic() - self._started_s
            if show is not None:
                show(statuses)
            if last and lowest >= last:
                return
            if self.traffic is not None and lowest > sent_at and (not last or lowest < last - SETTLE_EPOCHS):
                sent_at = lowest
                self.traffic.send()
            time.sleep(min(POLL_S, self.plan.block_time_s / 2))

    def stop(self) -> None:
        """Stop every node in order."""
        self.outcome.stop_s = self.fleet.stop()
        note_alive(self.plan.home)

    def judge(self) -> None:
        """Compare the chains, count what was lost and what crashed."""
        outcome = self.outcome
        statuses = self.status()
        outcome.height = min(status.height for status in statuses)
        at = outcome.height - SETTLE_EPOCHS
        chains = {}
        for node in self.plan.nodes:
            tipset = self.fleet.call(node, "ChainGetTipSetByHeight", max(0, at), [])
            chains[node.name] = tuple(cid["/"] for cid in tipset["Cids"])
        if len(set(chains.values())) != 1:
            outcome.problems.append(f"the nodes disagree at height {at}: {chains}")
        if self.traffic is not None:
            self._judge_traffic(self.traffic)
        outcome.restarts = sum(status.restarts for status in statuses)
        outcome.revived = dict(self.fleet.revived)
        expected = expected_restarts(self.plan.home)
        if outcome.restarts + sum(outcome.revived.values()) > expected:
            outcome.problems.append(
                f"{outcome.restarts} subsystems and {sum(outcome.revived.values())} nodes were restarted, "
                f"{expected} of that was ordered"
            )

    def _judge_traffic(self, traffic: Traffic) -> None:
        outcome = self.outcome
        outcome.lost = traffic.missing()
        outcome.messages, outcome.refused = len(traffic.accepted), traffic.refused
        if outcome.lost:
            outcome.problems.append(f"{len(outcome.lost)} of {outcome.messages} accepted messages are not on chain")
        if not outcome.messages:
            outcome.problems.append(f"no transfer was accepted: {traffic.last_error}")

    def report(self, path: Path | None) -> dict[str, Any]:
        """The outcome as plain data, written to a file where one is named."""
        outcome = self.outcome
        data = {
            "seed": self.plan.seed,
            "nodes": len(self.plan.nodes),
            "block_time_s": self.plan.block_time_s,
            **{name: getattr(outcome, name) for name in outcome.__dataclass_fields__},
        }
        if path is not None:
            write_atomically(path, json.dumps(data, indent=1).encode(), mode=0o644)
        return data


STATUS_COLUMNS = ("NODE", "HEIGHT", "BLOCKS", "PEERS", "MPOOL", "RESTARTS")


def status_row(status: NodeStatus) -> tuple[str, ...]:
    """A node in the live table."""
    height = str(status.height) if status.height >= 0 else "-"
    return status.name, height, *map(str, (status.blocks, status.peers, status.pending, status.restarts))


def status_lines(statuses: list[NodeStatus]) -> list[str]:
    """What stands below the live table: each head with the nodes that have it, and who does not answer."""
    heads = dict.fromkeys(status.head for status in statuses if status.head)
    names = {head: " ".join(status.name for status in statuses if status.head == head) for head in heads}
    return [f"{names[head]}: {head}" for head in heads] + [
        f"{status.name}: {status.error}" for status in statuses if status.error
    ]
