"""Actors for the tests of the bases; they live in a module because their processes import them."""

import ctypes
import os
import signal
import socket
import sys
import time

from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    ChildActorExited,
    DeadEnvelope,
    PoisonMessage,
    ThespianWatch,
    WakeupMessage,
    WatchMessage,
    requireCapability,
)
from thespis.runtime.actor.message import message


@message
class Number:
    value: int


@message
class Numbers:
    values: tuple[int, ...]


@message
class Text:
    value: str


@message
class Payload:
    data: bytes


@message
class Who:
    pass


@message
class Me:
    address: ActorAddress
    process_id: int


@message
class Make:
    kind: str
    count: int


@message
class Made:
    addresses: tuple[ActorAddress, ...]
    process_ids: tuple[int, ...]


@message
class Exits:
    """Ask for the exits seen; answered once `count` are there."""

    count: int


@message
class ExitsSeen:
    addresses: tuple[str, ...]
    reasons: tuple[str, ...]


@message
class Die:
    how: str


@message
class Forward:
    """Send Number(0..count-1) to the address, then tell the asker."""

    to: ActorAddress
    count: int
    size: int


@message
class Introduce:
    peer: ActorAddress
    count: int
    window: int


@message
class Report:
    pass


@message
class Reported:
    numbers: tuple[int, ...]
    texts: tuple[str, ...]


@message
class Timers:
    count: int


class Worker(Actor):
    """Says who it is, dies as told, remembers what it got."""

    def __init__(self):
        super().__init__()
        self.numbers = []
        self.texts = []

    def receiveMessage(self, msg, sender):
        if isinstance(msg, Who):
            self.send(sender, Me(self.myAddress, self._myRef.environment.process_id()))
        elif isinstance(msg, Number):
            self.numbers.append(msg.value)
        elif isinstance(msg, Report):
            self.send(sender, Reported(tuple(self.numbers), tuple(self.texts)))
        elif isinstance(msg, Payload):
            self.send(sender, msg)
        elif isinstance(msg, Die):
            self.die(msg.how)
        elif isinstance(msg, PoisonMessage):
            self.texts.append("poison")

    def die(self, how):
        if how == "segfault":
            ctypes.string_at(0)
        elif how == "raise":
            raise ValueError("as asked")
        elif how == "sys.exit":
            sys.exit(3)
        elif how == "os._exit":
            os._exit(4)
        elif how == "sleep":
            time.sleep(3600)
        else:
            os.kill(os.getpid(), getattr(signal, how))


class Stubborn(Worker):
    """Fails when it is asked to exit."""

    def receiveMessage(self, msg, sender):
        if isinstance(msg, ActorExitRequest):
            raise RuntimeError("never")
        super().receiveMessage(msg, sender)


@requireCapability("sealing", "fast")
class Sealer(Worker):
    """Needs a capability of its system."""


class Threaded(Worker):
    """Needs a module that leaves a thread behind."""

    preloads = ("tests.runtime.bases.starts_a_thread",)


class Stillborn(Actor):
    def __init__(self):
        raise RuntimeError("cannot live")


class Parent(Worker):
    """Has children and remembers how they ended; handles dead letters."""

    def __init__(self):
        super().__init__()
        self.children = []
        self.pids = []
        self.making = None
        self.exits = []
        self.waiting = None

    def receiveMessage(self, msg, sender):
        if isinstance(msg, Make):
            kinds = {
                "threaded": Threaded,
                "worker": Worker,
                "stubborn": Stubborn,
                "stillborn": Stillborn,
                "parent": Parent,
                "sealer": Sealer,
            }
            self.making = (sender, msg.count, [], [])
            made = [self.createActor(kinds[msg.kind]) for _ in range(msg.count)]
            self.children += made
            if msg.kind == "stillborn":
                self.send(sender, Made(tuple(made), ()))
            else:
                for child in made:
                    self.send(child, Who())
        elif isinstance(msg, Me):
            asker, count, addresses, pids = self.making
            addresses.append(msg.address)
            pids.append(msg.process_id)
            if len(pids) == count:
                self.send(asker, Made(tuple(addresses), tuple(pids)))
        elif isinstance(msg, ChildActorExited):
            self.exits.append((str(msg.childAddress.addressDetails), str(msg.status)))
            self.answer()
        elif isinstance(msg, Exits):
            self.waiting = (sender, msg.count)
            self.answer()
        elif isinstance(msg, Forward):
            for value in range(msg.count):
                self.send(msg.to, Payload(bytes(msg.size)) if msg.size else Number(value))
            self.send(sender, Text("sent"))
        elif isinstance(msg, Text) and msg.value == "handle dead letters":
            self.handleDeadLetters()
            self.send(sender, Text("handling"))
        elif isinstance(msg, DeadEnvelope):
            self.numbers.append(getattr(msg.deadMessage, "value", -1))
        else:
            super().receiveMessage(msg, sender)

    def answer(self):
        if self.waiting and len(self.exits) >= self.waiting[1]:
            asker, _count = self.waiting
            self.waiting = None
            self.send(asker, ExitsSeen(tuple(a for a, _ in self.exits), tuple(r for _, r in self.exits)))


class Copier(Parent):
    """Has copies of a template for children."""

    copies_children = True


class Chatter(Actor):
    """Two of these send numbered messages at each other with a window; each checks the other's order."""

    def __init__(self):
        super().__init__()
        self.asker = None
        self.peer = None
        self.count = 0
        self.next_out = 0
        self.received = []

    def receiveMessage(self, msg, sender):
        if isinstance(msg, Introduce):
            self.asker, self.peer, self.count = sender, msg.peer, msg.count
            for _ in range(msg.window):
                self.say()
        elif isinstance(msg, Number):
            self.received.append(msg.value)
            if self.peer is None:
                self.peer, self.count = sender, 1 << 60
            self.say()
            if self.asker and len(self.received) == self.count:
                inversions = sum(1 for a, b in zip(self.received, self.received[1:], strict=False) if b != a + 1)
                self.send(self.asker, Number(inversions))

    def say(self):
        if self.next_out < self.count:
            self.send(self.peer, Number(self.next_out))
            self.next_out += 1


class TimerKeeper(Actor):
    """Sets many timers and notes the order in which they fire."""

    def __init__(self):
        super().__init__()
        self.fired = []
        self.asker = None
        self.count = 0

    def receiveMessage(self, msg, sender):
        if isinstance(msg, Timers):
            self.asker, self.count = sender, msg.count
            for index in range(msg.count):
                self.wakeupAfter(0.5 + (index % 7) * 0.01, index)
        elif isinstance(msg, WakeupMessage):
            self.fired.append(msg.payload)
            if len(self.fired) == self.count:
                self.send(self.asker, Numbers(tuple(self.fired)))


class Watcher(Actor):
    """Watches a socket pair and reports what comes out of it."""

    def __init__(self):
        super().__init__()
        self.near = None
        self.asker = None

    def receiveMessage(self, msg, sender):
        if isinstance(msg, Who):
            self.asker = sender
            self.near, self.far = socket.socketpair()
            self.far.send(b"through the watch")
        elif isinstance(msg, WatchMessage):
            self.send(self.asker, Text(self.near.recv(100).decode()))
            return None
        return ThespianWatch([self.near.fileno()])


class Sloth(Actor):
    """Takes its time with numbers, and tells at once how many it has had when it is asked past its mail."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def receiveMessage(self, msg, sender):
        if isinstance(msg, Number):
            time.sleep(0.02)
            self.numbers += 1
        elif isinstance(msg, Report):
            self._myRef.send_past_mail(sender, Numbers((self.numbers,)))


class Hurry(Actor):
    """Fills a sloth's mailbox, asks past it, and passes the answer on."""

    def receiveMessage(self, msg, sender):
        if isinstance(msg, Forward):
            self.asker = sender
            for number in range(msg.count):
                self.send(msg.to, Number(number))
            self._myRef.send_past_mail(msg.to, Report())
        elif isinstance(msg, Numbers):
            self.send(self.asker, msg)
