"""The libp2p host of a node: TCP, noise and yamux only, in a thread of the Network's process.

The thread runs trio and owns everything of libp2p; the actor's side only posts work to it and gets events. Gossip is
delivered from the validator, which knows who passed it on; subscriptions exist only to be in the mesh.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import trio
from thespis.runtime.environment import Deliver
from thespis.runtime.errors import RuntimeFloorError, said
from thespis.runtime.p2p.limits import Admission
from thespis.runtime.p2p.port import (
    AnswerTooLongError,
    Bandwidth,
    DialDone,
    GossipArrived,
    HostSettings,
    LookupDone,
    PeerConnected,
    PeerDisconnected,
    PeerInfo,
    PingDone,
    RequestArrived,
    RequestDone,
)
from thespis.runtime.p2p.waiting import Waiting

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 3.0


class HostError(RuntimeFloorError):
    """The libp2p host could not start."""


class Libp2pPort:
    """A node's place in the real network."""

    def __init__(self, folder: Path, settings: HostSettings, deliver: Deliver) -> None:
        self.settings = settings
        self.folder = folder
        self.peer_id = ""
        self.addresses: tuple[str, ...] = ()
        self.connected: dict[str, PeerInfo] = {}
        self.admission = Admission(settings.connections_per_ip_max, settings.peers_max)
        self.waiting = Waiting(settings.gossip_waiting_max, settings.gossip_waiting_bytes_max)
        self._deliver = deliver
        self._answers: dict[int, Callable[[bytes | None], None]] = {}
        self._numbers = 0
        self._token: trio.lowlevel.TrioToken | None = None
        self._nursery: trio.Nursery | None = None
        self._core: Any = None
        self._stopping = threading.Event()
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="libp2p", daemon=True)
        self._thread.start()
        try:
            ready.result(START_TIMEOUT_S)
        except TimeoutError:
            raise HostError(f"the libp2p host did not listen on {settings.listen} within {START_TIMEOUT_S} s") from None

    def _run(self, ready: Future[None]) -> None:
        try:
            trio.run(self._main, ready)
        except BaseException as error:
            if not ready.done():
                ready.set_exception(HostError(f"libp2p cannot listen on {self.settings.listen}: {said(error)}"))
            elif not self._stopping.is_set():
                logger.exception("the libp2p host died")
                self._deliver_death()

    def _deliver_death(self) -> None:
        """A Network without a host is of no use: end the process, so that the supervisor makes a new one."""
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)

    async def _main(self, ready: Future[None]) -> None:
        from thespis.runtime.p2p.core import HostCore

        self._token = trio.lowlevel.current_trio_token()
        core = HostCore(self)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._core = core
            await nursery.start(core.run)
            self.peer_id, self.addresses = core.peer_id, core.addresses
            ready.set_result(None)

    # -- called in the host's thread -------------------------------------------------------------------------

    def give(self, event: Any) -> None:
        """Hand an event to the actor."""
        if not self._stopping.is_set():
            self._deliver(event)

    def gossip(self, topic: str, source: str, author: str, data: bytes) -> None:
        """Hand over gossip, unless too much waits already."""
        if self.waiting.give(len(data)):
            self.give(GossipArrived(topic, source, author, data))

    def joined(self, peer: str, info: PeerInfo, address: str) -> None:
        """A first connection to a peer stands."""
        if peer not in self.connected:
            self.connected[peer] = info
            self.give(PeerConnected(peer, address, info.inbound))

    def left(self, peer: str) -> None:
        """The last connection to a peer is gone."""
        if self.connected.pop(peer, None) is not None:
            self.give(PeerDisconnected(peer))

    def arrived(self, peer: str, protocol: str, data: bytes, answer: Callable[[bytes | None], None]) -> int:
        """A request came; `answer` is called, in this thread, with what to send back."""
        self._numbers += 1
        self._answers[self._numbers] = answer
        self.give(RequestArrived(self._numbers, peer, protocol, data))
        return self._numbers

    def forget(self, number: int) -> None:
        """A request is over, answered or not."""
        self._answers.pop(number, None)

    # -- called by the actor ---------------------------------------------------------------------------------

    def _post(self, function: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        def start() -> None:
            assert self._nursery is not None
            self._nursery.start_soon(self._guarded, function, *arguments)

        if not self._stopping.is_set():
            assert self._token is not None
            self._token.run_sync_soon(start)

    async def _guarded(self, function: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        try:
            await function(*arguments)
        except Exception as error:
            logger.warning("%s: %r", getattr(function, "__name__", function), error)

    def publish(self, topic: str, data: bytes) -> None:
        """Gossip a payload."""
        self._post(self._core.publish, topic, data)

    def request(self, number: int, peer: str, protocol: str, data: bytes, timeout_s: float) -> None:
        """Ask a peer."""

        async def run() -> None:
            try:
                answer = await self._core.ask(peer, protocol, data, timeout_s)
            except Exception as error:
                too_long = isinstance(error, AnswerTooLongError)
                self.give(RequestDone(number, None, _reason(error), too_long))
            else:
                self.give(RequestDone(number, answer, ""))

        self._post(run)

    def respond(self, number: int, data: bytes | None) -> None:
        """Answer a request that arrived."""

        async def run() -> None:
            answer = self._answers.pop(number, None)
            if answer is not None:
                answer(data)

        self._post(run)

    def dial(self, number: int, address: str) -> None:
        """Connect to a multiaddress."""

        async def run() -> None:
            peer = address.rpartition("/p2p/")[2]
            try:
                await self._core.dial(address)
            except Exception as error:
                self.give(DialDone(number, peer, _reason(error)))
            else:
                self.give(DialDone(number, peer, ""))

        self._post(run)

    def disconnect(self, peer: str, *, ban: bool = False) -> None:
        """Close every connection to a peer."""
        self._post(self._core.disconnect, peer, ban)

    def block(self, peers: frozenset[str]) -> None:
        """Have nothing to do with these peers until told otherwise."""

        async def run() -> None:
            self.admission.blocked = peers
            for peer in peers:
                await self._core.disconnect(peer, False)

        self._post(run)

    def ping(self, number: int, peer: str) -> None:
        """Measure a round trip."""

        async def run() -> None:
            try:
                seconds = await self._core.ping(peer)
            except Exception as error:
                self.give(PingDone(number, 0.0, _reason(error)))
            else:
                self.give(PingDone(number, seconds, ""))

        self._post(run)

    def find_peer(self, number: int, peer: str) -> None:
        """Ask the DHT where a peer is."""
        self._look_up(number, lambda: self._core.find_peer(peer))

    def find_providers(self, number: int, key: bytes) -> None:
        """Ask the DHT who provides a key."""
        self._look_up(number, lambda: self._core.find_providers(key))

    def _look_up(self, number: int, search: Callable[[], Awaitable[tuple[str, ...]]]) -> None:
        async def run() -> None:
            try:
                found = await search()
            except Exception as error:
                self.give(LookupDone(number, (), _reason(error)))
            else:
                self.give(LookupDone(number, found, ""))

        self._post(run)

    def peers(self) -> tuple[PeerInfo, ...]:
        """Who is connected."""
        return tuple(self._core.describe(peer, info) for peer, info in sorted(self.connected.copy().items()))

    def bandwidth(self) -> Bandwidth:
        """What went over the wire."""
        result: Bandwidth = self._core.bandwidth()
        return result

    def taken(self, size: int) -> None:
        """One gossiped payload has been handled."""
        self.waiting.take(size)

    def close(self) -> None:
        """Leave the network."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._token is not None and self._nursery is not None:
            try:
                self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
            except trio.RunFinishedError:
                return
        self._thread.join(STOP_TIMEOUT_S)


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return str(error)[:300] or type(error).__name__
