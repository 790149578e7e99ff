"""The actors that the benchmark drives; they use Thespian's interface only, so they run on every base."""

from __future__ import annotations

import time
from typing import Any

from thespian.actors import Actor, ActorAddress, ActorExitRequest, ChildActorExited
from thespis.runtime.actor.message import message


@message
class Blob:
    """A payload, which an echo sends back."""

    data: bytes


@message
class Mark:
    """The end of a burst: it comes back when all before it has arrived."""


@message
class RoundTrips:
    """Measure `count` round trips of `size` bytes."""

    count: int
    size: int


@message
class Burst:
    """Send `count` messages of `size` bytes one way."""

    count: int
    size: int


@message
class SetTimers:
    """Set `count` timers that are far away."""

    count: int


@message
class StartCrowd:
    """Start `count` children."""

    count: int


@message
class StopCrowd:
    """Stop the children."""


@message
class CrowdProcesses:
    """Ask for the process ids of the children."""


@message
class Seconds:
    """Durations that were measured."""

    values: tuple[float, ...]


@message
class ProcessIds:
    """The answer to `CrowdProcesses`."""

    values: tuple[int, ...]


@message
class WhichProcess:
    """Ask an actor for its process id."""


@message
class ThisProcess:
    """The answer to `WhichProcess`."""

    number: int


class Echo(Actor):
    """Sends back what it gets, except the blobs of a burst."""

    def __init__(self) -> None:
        super().__init__()
        self.burst = False

    def receiveMessage(self, msg: Any, sender: ActorAddress) -> None:
        """Echo, count, or tell the process id."""
        import os

        if isinstance(msg, Burst):
            self.burst = True
        elif isinstance(msg, Mark):
            self.burst = False
            self.send(sender, msg)
        elif isinstance(msg, WhichProcess):
            self.send(sender, ThisProcess(os.getpid()))
        elif isinstance(msg, Blob) and not self.burst:
            self.send(sender, msg)
        elif isinstance(msg, SetTimers):
            for _ in range(msg.count):
                self.wakeupAfter(3600)


class Driver(Actor):
    """Runs one measurement at a time and reports to whoever asked."""

    def __init__(self) -> None:
        super().__init__()
        self.echo: ActorAddress | None = None
        self.asker: ActorAddress | None = None
        self.left = 0
        self.blob = Blob(b"")
        self.started = 0.0
        self.times: list[float] = []
        self.crowd: list[ActorAddress] = []
        self.pids: list[int] = []

    def receiveMessage(self, msg: Any, sender: ActorAddress) -> None:
        """Call the method of the message's name; what has none is passed over, as on every base."""
        handler = getattr(self, f"on_{type(msg).__name__}", None)
        if handler is not None:
            handler(msg, sender)
        elif isinstance(msg, ChildActorExited):
            self.child_gone()

    def target(self) -> ActorAddress:
        """The echo, started on first use."""
        if self.echo is None:
            self.echo = self.createActor(Echo)
        return self.echo

    def on_RoundTrips(self, order: RoundTrips, sender: ActorAddress) -> None:
        """Begin a series of round trips."""
        self.asker, self.left, self.times = sender, order.count, []
        self.blob = Blob(bytes(order.size))
        self.started = time.perf_counter()
        self.send(self.target(), self.blob)

    def on_Blob(self, _blob: Blob, _sender: ActorAddress) -> None:
        """One round trip is over."""
        now = time.perf_counter()
        self.times.append(now - self.started)
        self.left -= 1
        if self.left > 0:
            self.started = time.perf_counter()
            self.send(self.target(), self.blob)
        else:
            self.send(self.asker, Seconds(tuple(self.times)))

    def on_SetTimers(self, order: SetTimers, sender: ActorAddress) -> None:
        """Set timers here and in the echo."""
        self.send(self.target(), order)
        for _ in range(order.count):
            self.wakeupAfter(3600)
        self.send(sender, Seconds(()))

    def on_Burst(self, order: Burst, sender: ActorAddress) -> None:
        """Send a burst and its end."""
        self.asker = sender
        target, blob = self.target(), Blob(bytes(order.size))
        self.send(target, order)
        self.started = time.perf_counter()
        for _ in range(order.count):
            self.send(target, blob)
        self.send(target, Mark())

    def on_Mark(self, _mark: Mark, _sender: ActorAddress) -> None:
        """The burst arrived."""
        self.send(self.asker, Seconds((time.perf_counter() - self.started,)))

    def on_StartCrowd(self, order: StartCrowd, sender: ActorAddress) -> None:
        """Start children and hear from each."""
        self.asker, self.pids, self.left = sender, [], order.count
        self.started = time.perf_counter()
        self.crowd = [self.createActor(Echo) for _ in range(order.count)]
        for child in self.crowd:
            self.send(child, WhichProcess())

    def on_ThisProcess(self, answer: ThisProcess, _sender: ActorAddress) -> None:
        """One child stands."""
        self.pids.append(answer.number)
        if len(self.pids) == self.left:
            self.send(self.asker, Seconds((time.perf_counter() - self.started,)))

    def on_CrowdProcesses(self, _order: CrowdProcesses, sender: ActorAddress) -> None:
        """Tell the children's process ids."""
        self.send(sender, ProcessIds(tuple(self.pids)))

    def on_StopCrowd(self, _order: StopCrowd, sender: ActorAddress) -> None:
        """Stop the children."""
        self.asker, self.left = sender, len(self.crowd)
        self.started = time.perf_counter()
        for child in self.crowd:
            self.send(child, ActorExitRequest())

    def child_gone(self) -> None:
        """One child is gone; the stock base says so twice, which is why the addresses are not counted."""
        self.left -= 1
        if self.left == 0 and self.crowd:
            self.crowd = []
            self.send(self.asker, Seconds((time.perf_counter() - self.started,)))
