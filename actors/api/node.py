"""``Filecoin.Version`` and ``Thespis.Processes``: the node itself."""

from __future__ import annotations

from typing import Any

from thespis import __version__
from thespis.actors.api import forms
from thespis.actors.api.registry import V0, V1, NodeView, ReadView, rpc
from thespis.runtime.actor.envelopes import ListProcesses, ProcessRow

API_VERSIONS = {V0: 1 << 16 | 5 << 8, V1: 2 << 16 | 3 << 8}
"""By path; a client of the older interface refuses the number of the newer (Lotus v1.36.0 ``api/version.go``)."""


@rpc("Version", "read", quick=True)
def version(node: ReadView) -> Any:
    """Version of the program and of the API, and the network's block delay."""
    profile = node.chain.genesis.profile
    text = f"{__version__}+{profile.name}+{profile.proofs.value}"
    return {
        "Version": text,
        "APIVersion": API_VERSIONS[node.path],
        "BlockDelay": profile.block_delay_s,
        "Agent": "thespis",
    }


@rpc("xrpc.cancel", "read", forms.identity)
async def cancel(node: NodeView, request: str | float) -> Any:
    """End what a request of the same WebSocket began, and only that: its call, or the channel that it was given.

    Source: go-jsonrpc ``handler.go``, wsCancel, which takes the id of the request.
    """
    node.cancel(request)


@rpc("Thespis.Processes", "read")
async def processes(node: NodeView) -> Any:
    """Every process of the node, its supervisor first, as of the last heartbeats.

    ``Restarts`` are those that nobody asked for; ``RestartsByReason`` counts those that were asked for too.
    """
    table = await node.ask(ListProcesses())
    return [_process_form(row) for row in table.rows]


def _process_form(row: ProcessRow) -> dict[str, Any]:
    numbers = row.statistics
    return {
        "Role": row.role,
        "Pid": numbers.process_id,
        "State": row.state.value,
        "Incarnation": row.incarnation,
        "Restarts": row.restarts,
        "RestartsByReason": row.restarts_by_cause,
        "LastReasons": list(row.reasons),
        "Mailbox": numbers.mailbox,
        "MessagesPerSecond": row.rate,
        "Handled": numbers.handled,
        "Failed": numbers.failed,
        "Rejected": numbers.rejected,
        "DeadLetters": numbers.dead_letters,
        "BlockedSeconds": numbers.blocked_s,
        "HandlerSeconds": numbers.handler_s,
        "HandlerSecondsP50": numbers.p50_s,
        "HandlerSecondsP99": numbers.p99_s,
        "MemoryBytes": numbers.memory_bytes,
        "CpuSeconds": numbers.cpu_s,
    }
