"""Ordered, bounded channels between processes over ZeroMQ.

Each process binds one PULL socket and connects one PUSH socket per peer, so frames of a pair keep their order
whichever way they go. ZeroMQ's own queues are unbounded here on purpose: the bound is ours. A sender may have
`window_messages` frames unacknowledged; beyond them it holds frames in its outbox; beyond that it waits, and then
gets the message back. What a dead peer never acknowledged comes back too, so nothing is lost silently. A peer
that dies between handling a frame and acknowledging it makes that frame come back although it was handled.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import zmq
from thespis.runtime.bases.directory import SocketDirectory, endpoint_of
from thespis.runtime.bases.frames import Frame, Kind, pack_frame, parse_frame
from thespis.runtime.bases.settings import Limits
from thespis.runtime.errors import FrameError

RECEIVE_BATCH = 256
"""Frames read from the socket in one go, so that timers fire under flood."""

HANDSHAKE_MS = 1000
"""A connection that says nothing is closed after this; idle connections cannot exhaust descriptors."""


@dataclass(slots=True)
class _Outbound:
    socket: zmq.Socket[bytes]
    next_sequence: int = 1
    unacknowledged: deque[tuple[int, int, bytes]] = field(default_factory=deque)
    unacknowledged_bytes: int = 0
    waiting: deque[tuple[bytes, bytes, bytes]] = field(default_factory=deque)
    waiting_bytes: int = 0


@dataclass(slots=True)
class _Inbound:
    received: int = 0
    handled: int = 0
    acknowledged: int = 0


@dataclass(slots=True)
class ChannelCounters:
    """What the channels of one process did; shown by `thespis ps` and metrics."""

    sent: int = 0
    received: int = 0
    rejected: int = 0
    duplicates: int = 0
    lost: int = 0
    dead_letters: int = 0
    blocked_s: float = 0.0


class Channels:
    """All channels of one process."""

    def __init__(
        self,
        directory: SocketDirectory,
        endpoint: str,
        limits: Limits,
        on_control: Callable[[Frame], None],
        on_dead_letter: Callable[[str, str, bytes], None],
    ) -> None:
        self.endpoint = endpoint
        self.counters = ChannelCounters()
        self.mailbox: deque[Frame] = deque()
        self._directory = directory
        self._limits = limits
        self._on_control = on_control
        self._on_dead_letter = on_dead_letter
        self._own = endpoint.encode()
        self._context = zmq.Context(io_threads=1)
        self._context.setsockopt(zmq.MAX_SOCKETS, 16_384)
        self.socket = self._context.socket(zmq.PULL)
        for option, value in (
            (zmq.RCVHWM, 0),
            (zmq.MAXMSGSIZE, 2 * limits.frame_bytes_max + 1024),
            (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
            (zmq.IPC_FILTER_UID, os.getuid()),
            (zmq.LINGER, 0),
        ):
            self.socket.setsockopt(option, value)
        self.socket.bind(directory.url(endpoint))
        self._outbound: dict[str, _Outbound] = {}
        self._inbound: dict[str, _Inbound] = {}
        self._unacknowledging: set[str] = set()
        self._dead: OrderedDict[str, None] = OrderedDict()

    # -- sending ---------------------------------------------------------------------------------------------

    def send(self, sender: str, target: str, payload: bytes) -> None:
        """Send a message frame in order; waits while the target's channel is full.

        Raises FrameError when the payload is over the frame bound. A dead target makes a dead letter at once.
        """
        if len(payload) > self._limits.frame_bytes_max:
            raise FrameError(
                f"message to {target} is {len(payload)} bytes, the bound is {self._limits.frame_bytes_max}; "
                "send a reference and read the bulk from the store"
            )
        endpoint = endpoint_of(target)
        channel = self._channel(endpoint)
        if channel is None:
            self._dead_letter(sender, target, payload)
            return
        if self._outbox_full(channel) and not self._wait_for_room(channel, endpoint):
            self._dead_letter(sender, target, payload)
            return
        channel.waiting.append((sender.encode(), target.encode(), payload))
        channel.waiting_bytes += len(payload)
        self._flush(channel, endpoint)

    def control(self, kind: Kind, target: str, payload: bytes = b"") -> bool:
        """Send a control frame past all queues; returns whether the target was there."""
        endpoint = endpoint_of(target)
        channel = self._channel(endpoint)
        if channel is None:
            return False
        acknowledged = self._take_acknowledgement(endpoint)
        with contextlib.suppress(zmq.ZMQError):
            channel.socket.send(pack_frame(kind, 0, acknowledged, self._own, target.encode(), payload), zmq.NOBLOCK)
        return True

    def _channel(self, endpoint: str) -> _Outbound | None:
        channel = self._outbound.get(endpoint)
        if channel is not None:
            return channel
        if endpoint in self._dead or not self._directory.lives(endpoint):
            return None
        socket = self._context.socket(zmq.PUSH)
        for option, value in ((zmq.SNDHWM, 0), (zmq.RECONNECT_IVL, 10)):
            socket.setsockopt(option, value)
        socket.connect(self._directory.url(endpoint))
        channel = self._outbound[endpoint] = _Outbound(socket)
        return channel

    def _outbox_full(self, channel: _Outbound) -> bool:
        return (
            len(channel.waiting) >= self._limits.outbox_messages or channel.waiting_bytes >= self._limits.outbox_bytes
        )

    def _wait_for_room(self, channel: _Outbound, endpoint: str) -> bool:
        """Back pressure: read acknowledgements, hold other mail, until there is room or time is up."""
        started = time.monotonic()
        deadline = started + self._limits.send_block_s
        while self._outbox_full(channel):
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._outbound.get(endpoint) is not channel:
                break
            if self.socket.poll(int(min(remaining, 0.1) * 1000) + 1):
                self.receive()
        self.counters.blocked_s += time.monotonic() - started
        return self._outbound.get(endpoint) is channel and not self._outbox_full(channel)

    def _flush(self, channel: _Outbound, endpoint: str) -> None:
        limits = self._limits
        while channel.waiting and len(channel.unacknowledged) < limits.window_messages:
            sender, target, payload = channel.waiting[0]
            size = len(payload)
            if channel.unacknowledged and channel.unacknowledged_bytes + size > limits.window_bytes:
                return
            sequence = channel.next_sequence
            frame = pack_frame(Kind.MESSAGE, sequence, self._take_acknowledgement(endpoint), sender, target, payload)
            channel.socket.send(frame, zmq.NOBLOCK)
            channel.waiting.popleft()
            channel.waiting_bytes -= size
            channel.next_sequence = sequence + 1
            channel.unacknowledged.append((sequence, size, frame))
            channel.unacknowledged_bytes += size
            self.counters.sent += 1

    # -- receiving -------------------------------------------------------------------------------------------

    def receive(self) -> None:
        """Read what has come, up to a batch: acknowledgements and control frames act now, mail is queued."""
        receive = self.socket.recv
        for _ in range(RECEIVE_BATCH):
            try:
                data = receive(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                if len(data) > self._limits.frame_bytes_max + 1024:
                    raise FrameError(f"frame of {len(data)} bytes is over {self._limits.frame_bytes_max}")
                frame = parse_frame(data)
            except FrameError:
                self.counters.rejected += 1
                continue
            if frame.acknowledged:
                self._acknowledged(endpoint_of(frame.sender), frame.acknowledged)
            if frame.kind == Kind.MESSAGE:
                self._accept(frame)
            elif frame.kind != Kind.ACK:
                self._on_control(frame)

    def _accept(self, frame: Frame) -> None:
        inbound = self._inbound.setdefault(endpoint_of(frame.sender), _Inbound())
        expected = inbound.received + 1
        if frame.sequence < expected:
            self.counters.duplicates += 1
            return
        if frame.sequence > expected:
            self.counters.lost += frame.sequence - expected
        inbound.received = frame.sequence
        self.counters.received += 1
        self.mailbox.append(frame)

    def _acknowledged(self, endpoint: str, sequence: int) -> None:
        channel = self._outbound.get(endpoint)
        if channel is None:
            return
        unacknowledged = channel.unacknowledged
        while unacknowledged and unacknowledged[0][0] <= sequence:
            channel.unacknowledged_bytes -= unacknowledged.popleft()[1]
        if channel.waiting:
            self._flush(channel, endpoint)

    def handled(self, frame: Frame) -> bool:
        """Say that a queued frame was handled; returns True when an acknowledgement is now owed soon."""
        endpoint = endpoint_of(frame.sender)
        inbound = self._inbound.get(endpoint)
        if inbound is None or frame.sequence <= inbound.handled:
            return False
        inbound.handled = frame.sequence
        if inbound.handled - inbound.acknowledged >= self._limits.window_messages // 4:
            self.control(Kind.ACK, endpoint)
            return False
        first = not self._unacknowledging
        self._unacknowledging.add(endpoint)
        return first

    def acknowledge_all(self) -> None:
        """Send every acknowledgement that is owed."""
        for endpoint in list(self._unacknowledging):
            inbound = self._inbound.get(endpoint)
            if inbound is not None and inbound.handled > inbound.acknowledged:
                self.control(Kind.ACK, endpoint)
        self._unacknowledging.clear()

    def _take_acknowledgement(self, endpoint: str) -> int:
        inbound = self._inbound.get(endpoint)
        if inbound is None or inbound.handled == inbound.acknowledged:
            return 0
        inbound.acknowledged = inbound.handled
        return inbound.handled

    # -- ends ------------------------------------------------------------------------------------------------

    def forget(self, endpoint: str) -> None:
        """A peer is gone: close its channel and turn what it never acknowledged into dead letters."""
        self._dead[endpoint] = None
        if len(self._dead) > self._limits.remembered_dead:
            self._dead.popitem(last=False)
        self._inbound.pop(endpoint, None)
        channel = self._outbound.pop(endpoint, None)
        if channel is None:
            return
        channel.socket.close(linger=0)
        for _sequence, _size, data in channel.unacknowledged:
            frame = parse_frame(data)
            self._dead_letter(frame.sender, frame.target, frame.payload)
        for sender, target, payload in channel.waiting:
            self._dead_letter(sender.decode(), target.decode(), payload)

    def _dead_letter(self, sender: str, target: str, payload: bytes) -> None:
        self.counters.dead_letters += 1
        self._on_dead_letter(sender, target, payload)

    def close(self, linger_ms: int = 1000) -> None:
        """Send what is queued, within `linger_ms`, and close every socket; nobody waits for who is gone."""
        self.acknowledge_all()
        for endpoint, channel in self._outbound.items():
            channel.socket.close(linger=linger_ms if self._directory.lives(endpoint) else 0)
        self.socket.close(linger=0)
        self._context.term()
