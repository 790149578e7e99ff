"""What py-libp2p 0.8 needs before its first connection, each with its reason; applied once per process.

Every patch is tied to the release it was made for: `apply` refuses another one, and a test per patch fails when
upstream no longer needs it (tests/runtime/p2p/test_patches.py). Measurements: reference, libp2p.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import trio
from thespis.runtime.errors import RuntimeFloorError

logger = logging.getLogger(__name__)

MADE_FOR = "0.8."
_applied = False
FRAMES_PER_S, FRAMES_BURST = 3000.0, 4000
"""Frames of one connection that are read; at the length that peers fill them to, over 100 MB/s."""

Admit = Callable[[str], bool]


class Libp2pVersionError(RuntimeFloorError):
    """The installed py-libp2p is not the one that these patches were made and tested for."""


def apply(dht_protocol: str, agent: str = "thespis") -> None:
    """Patch the library; a second call does nothing, one network per process."""
    global _applied  # noqa: PLW0603  (the library is patched per process)
    if _applied:
        return
    installed = version("libp2p")
    if not installed.startswith(MADE_FOR):
        raise Libp2pVersionError(
            f"py-libp2p {installed}; the patches are for {MADE_FOR}x, look at each before changing"
        )
    dial_without_waiting()
    dial_on_order_only()
    survive_stream_errors()
    free_inbound_slots()
    update_windows_rarely()
    count_bytes()
    name_dht_protocol(dht_protocol)
    name_agent(agent)
    listen_alone()
    pace_frames()
    _applied = True


def dial_without_waiting() -> None:
    """A successful dial waits 250 ms for a failure that cannot come."""
    from libp2p.network import swarm

    swarm._HAPPY_EYEBALLS_DELAY = 0.0


def dial_on_order_only() -> None:
    """The swarm dials whatever addresses it hears of until it has hundreds of peers; whom we dial is our own choice.

    A stranger's list of addresses would make every node that hears it knock there.
    """
    from libp2p.network.auto_connector import AutoConnector

    async def stay(_self: Any) -> None:
        pass

    AutoConnector.maybe_connect = stay  # type: ignore[assignment, method-assign]


def survive_stream_errors() -> None:
    """Any exception of any stream handler ends the whole swarm, so 50 bytes from a stranger end the node's network."""
    from libp2p.network.connection.swarm_connection import SwarmConn

    original = SwarmConn._handle_muxed_stream

    async def handle(self: Any, muxed_stream: Any) -> None:
        try:
            await original(self, muxed_stream)
        except Exception as error:
            logger.debug("stream handler: %r", error)
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                try:
                    await muxed_stream.reset()
                except Exception as failure:
                    logger.debug("reset after a failed handler: %r", failure)

    SwarmConn._handle_muxed_stream = handle  # type: ignore[method-assign]


def free_inbound_slots() -> None:
    """An inbound slot is held until the swarm ends, not the connection: after 250 connections nobody gets in.

    The same place asks ``swarm.thespis_admit(ip)``, where it is set, before any handshake costs anything.
    """
    from libp2p.network.connection.raw_connection import RawConnection
    from libp2p.network.swarm import Swarm

    async def handle(self: Any, stream: Any, maddr: Any, _event: Any) -> None:
        remote = stream.get_remote_address()
        ip = remote[0] if remote else ""
        admit: Admit | None = getattr(self, "thespis_admit", None)
        address = self._build_remote_multiaddr(stream)
        allowed = address is None or await self.connection_gate.is_allowed(address)
        if not allowed or (admit is not None and not admit(ip)):
            await stream.close()
            return
        raw = RawConnection(stream, False)
        try:
            muxed = await self.upgrade_inbound_raw_conn(raw, maddr)
            await muxed.event_closed.wait()
        except Exception as error:
            logger.debug("inbound connection from %s: %r", ip, error)
        finally:
            leave: Callable[[str], None] | None = getattr(self, "thespis_leave", None)
            if leave is not None:
                leave(ip)
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                try:
                    await raw.close()
                except Exception as error:
                    logger.debug("closing an inbound connection: %r", error)

    Swarm._do_handle_inbound_connection = handle  # type: ignore[method-assign, assignment]


def update_windows_rarely() -> None:
    """Every small read sends a window update and doubles the window, up to 16 MB a stream."""
    from libp2p.stream_muxer.yamux.yamux import YamuxStream

    async def tune(self: Any, *, bytes_read: int = 0) -> None:  # noqa: ARG001
        async with self.window_lock:
            buffered = len(self.conn.stream_buffers.get(self.stream_id, b""))
            delta = self.target_recv_window - (self.recv_window + buffered)
            if delta < self.target_recv_window // 2:
                return
            self.recv_window += delta
            delta += self._apply_autotune_epoch(buffered)
        await self.send_window_update(delta)

    YamuxStream._auto_tune_and_send_window_update = tune  # type: ignore[method-assign]


class WireCounters:
    """Bytes of all connections of this process."""

    received = 0
    sent = 0


def count_bytes() -> None:
    """The library counts no bandwidth."""
    from libp2p.network.connection.raw_connection import RawConnection

    read, write = RawConnection.read, RawConnection.write

    async def counted_read(self: Any, n: int | None = None) -> bytes:
        data = await read(self, n)
        WireCounters.received += len(data)
        return data

    async def counted_write(self: Any, data: bytes) -> None:
        WireCounters.sent += len(data)
        await write(self, data)

    RawConnection.read = counted_read  # type: ignore[method-assign]
    RawConnection.write = counted_write  # type: ignore[method-assign]


def name_dht_protocol(protocol: str) -> None:
    """`protocol_prefix` is stored and never used: every DHT speaks IPFS' protocol."""
    for name in ("common", "kad_dht", "peer_routing", "provider_store", "value_store"):
        importlib.import_module(f"libp2p.kad_dht.{name}").PROTOCOL_ID = protocol  # type: ignore[attr-defined]


def name_agent(agent: str) -> None:
    """Identify tells the library's name and version; an operator wants to know what a peer runs."""
    importlib.import_module("libp2p.identity.identify.identify").AGENT_VERSION = agent  # type: ignore[attr-defined]


def listen_alone() -> None:
    """Listeners share their port, for hole punching: a second node starts there and takes the first's connections."""
    import socket

    from libp2p.transport.tcp import tcp

    def reuse(own: Any) -> None:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    tcp._set_reuse_flags = reuse  # type: ignore[assignment]


def pace_frames() -> None:
    """Every yamux frame costs the host's thread the same, however short; a stranger may send a byte in each.

    Who sends many small ones is read more slowly and is no worse for it: short writes are nobody's fault.
    """
    yamux: Any = importlib.import_module("libp2p.stream_muxer.yamux.yamux")
    read_exactly = yamux.read_exactly

    async def paced(source: Any, count: int) -> bytes:
        if count == yamux.HEADER_SIZE:
            pace = source.__dict__.setdefault("_thespis_frames", FramePace())
            if (wait_s := pace.wait_s(trio.current_time())) > 0:
                await trio.sleep(wait_s)
        found: bytes = await read_exactly(source, count)
        return found

    yamux.read_exactly = paced


class FramePace:
    """How long to wait before the next frame of one connection is read."""

    def __init__(self) -> None:
        self._level, self._since_s = float(FRAMES_BURST), 0.0

    def wait_s(self, now_s: float) -> float:
        """Take one frame's place."""
        self._level = min(FRAMES_BURST, self._level + (now_s - self._since_s) * FRAMES_PER_S) - 1
        self._since_s = now_s
        return max(0.0, -self._level / FRAMES_PER_S)
