"""Faults on a running devnet, ordered from a second terminal; what is ordered is written down and so expected."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from thespis.deploy.devnet.fleet import STOPPED_MARK
from thespis.deploy.devnet.home import FAULTS_FILE, runs
from thespis.deploy.devnet.plan import DevnetError, read_state
from thespis.deploy.rpc import RpcClient
from thespis.runtime.actor.envelopes import ListProcesses
from thespis.runtime.admin import admin_ask
from thespis.runtime.repo import Repo


def _note(home: Path, line: str) -> None:
    with (home / FAULTS_FILE).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def expected_restarts(home: Path) -> int:
    """How many restarts were ordered: kills, and starts of what was stopped; any beyond them is a fault of a node."""
    try:
        lines = (home / FAULTS_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return 0
    return sum(line.startswith("kill ") for line in lines)


def _nodes(home: Path) -> list[dict[str, Any]]:
    """The nodes of a network that runs; one that does not has process ids of strangers by now."""
    nodes: list[dict[str, Any]] = read_state(home)["nodes"]
    if not runs(home):
        raise DevnetError(f"the devnet at {home} is stopped; let it go on: thespis devnet --home {home}")
    return nodes


def _node(home: Path, name: str) -> dict[str, Any]:
    nodes = {node["name"]: node for node in _nodes(home)}
    if name not in nodes:
        raise DevnetError(f"no node {name!r}; the nodes are {', '.join(nodes)}")
    found: dict[str, Any] = nodes[name]
    return found


def _launcher(node: dict[str, Any]) -> int:
    """The process that holds a node's home, which is the node's launcher and nobody else."""
    pid = Repo(Path(node["home"])).user()
    if not pid:
        raise DevnetError(f"{node['name']} does not run at this moment")
    return pid


def kill(home: Path, target: str) -> str:
    """SIGKILL a node, or with ``NODE/ROLE`` one of its subsystems; it comes back."""
    name, _, role = target.partition("/")
    node = _node(home, name)
    if not role:
        pid = _launcher(node)
        _note(home, f"kill {name}")
        os.kill(pid, signal.SIGKILL)
        return f"killed {name} (process {pid})"
    table = admin_ask(Path(node["home"]) / "run", ListProcesses())
    rows = {row.role: row for row in table.rows}
    if role not in rows or not rows[role].statistics.process_id:
        raise DevnetError(f"{name} has no running {role!r}; its roles are {', '.join(rows)}")
    _note(home, f"kill {target}")
    os.kill(rows[role].statistics.process_id, signal.SIGKILL)
    return f"killed {target} (process {rows[role].statistics.process_id})"


def stop(home: Path, name: str) -> str:
    """Stop a node in order; it stays down until `start`."""
    node = _node(home, name)
    pid = _launcher(node)
    (Path(node["home"]) / STOPPED_MARK).touch()
    _note(home, f"stop {name}")
    os.kill(pid, signal.SIGTERM)
    return f"stopping {name}"


def start(home: Path, name: str) -> str:
    """Let a stopped node come back, which counts as a restart that was ordered."""
    node = _node(home, name)
    mark = Path(node["home"]) / STOPPED_MARK
    if not mark.exists():
        raise DevnetError(f"{name} was not stopped")
    mark.unlink()
    _note(home, f"kill {name} (started again)")
    return f"starting {name}"


def partition(home: Path, name: str) -> str:
    """Cut a node off from all others, on both sides: one that refuses alone would be dialled on and on."""
    _node(home, name)
    nodes = _nodes(home)
    for node in nodes:
        others = [other["peer_id"] for other in nodes if other is not node]
        own = next(each["peer_id"] for each in nodes if each["name"] == name)
        blocked = others if node["name"] == name else [own]
        with RpcClient.of_home(Path(node["home"])) as client:
            client.call("Thespis.NetBlockPeers", blocked)
    _note(home, f"partition {name}")
    return f"{name} is cut off"


def heal(home: Path) -> str:
    """End every partition."""
    for node in _nodes(home):
        with RpcClient.of_home(Path(node["home"])) as client:
            client.call("Thespis.NetBlockPeers", [])
    _note(home, "heal")
    return "healed"
