"""The supervision demonstration: eleven ledgers in a ring and an auditor, under a Node.

Each ledger deposits at the next one and remembers, durably, every deposit that was acknowledged to it; the receiver
remembers it, durably, before it acknowledges. So after any number of kills the books can be compared: an
acknowledged deposit that its receiver does not have would be a lost message.
"""

from __future__ import annotations

from thespis.runtime.actor.conversation import Ask, Event, Role
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.message import message
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.actor.supervision import ChildSpec, Heartbeats, Plan
from thespis.runtime.actor.supervisor import Supervisor
from thespis.runtime.errors import AskError
from thespis.runtime.store.interface import METADATA, Put, Store

LEDGERS = 11
DEPOSIT_EVERY_S = 0.05
TREE = "demonstration"
LEDGER, AUDITOR = Role("Ledger", TREE, members_max=LEDGERS), Role("Auditor", TREE)
RECEIVED = b"received/"
ACKNOWLEDGED = b"acknowledged/"
ENTRIES_MAX, ENTRY_BYTES_MAX = 100_000, 32
"""A ledger deposits so often and is done, so that a book can be read whole."""


@message
class Deposited:
    """The amount is in the book and survives a crash."""

    identity: str


@message
class Deposit(Ask[Deposited], to=LEDGER, within_s=2.0):
    """Put an amount into the receiver's book, once, however often this comes."""

    identity: str
    amount: int


@message
class BookChanged(Event, by=LEDGER):
    """A ledger's book has grown by ten entries."""

    role: str
    entries: int


@message
class Book:
    """What a ledger received, and what was acknowledged to it."""

    received: tuple[str, ...]
    acknowledged: tuple[str, ...]


@message
class ReadBook(Ask[Book], to=LEDGER, answer_bytes_max=2 * ENTRIES_MAX * ENTRY_BYTES_MAX):
    """A ledger's book."""


@message
class CountEvents(Ask[int], to=AUDITOR):
    """How many events reached the auditor since it started."""


@message
class DemoSettings:
    """How fast the ring turns."""

    every_s: float


class Ledger(Subsystem[DemoSettings | None]):
    """One member of the ring: receives deposits from the former, makes deposits at the next."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self._made = 0
        self._entries = 0

    async def start(self, settings: DemoSettings | None) -> None:
        """Open the book, count what is in it and go on depositing."""
        self.store = self.opened(self.environment.open_store(self.role))
        self._entries = sum(1 for _ in self.store.scan(METADATA, RECEIVED))
        self._made = sum(1 for _ in self.store.scan(METADATA, ACKNOWLEDGED))
        every_s = settings.every_s if settings else DEPOSIT_EVERY_S
        self.spawn(self._deposit_for_ever(every_s))

    async def _deposit_for_ever(self, every_s: float) -> None:
        following = int(self.role.rpartition("-")[2]) % LEDGERS + 1
        while self._made < ENTRIES_MAX:
            await self.sleep(every_s)
            identity = f"{self.role}/{self._made:06d}"
            try:
                await self.ask(Deposit(identity, 1), member=following)
            except AskError:
                continue
            self._made += 1
            self.store.write([Put(METADATA, ACKNOWLEDGED + identity.encode(), b"")])

    @answers(Deposit)
    def deposit(self, request: Deposit) -> Deposited:
        """Book first, acknowledge then."""
        key = RECEIVED + request.identity.encode()
        if not self.store.has(METADATA, key):
            self.store.write([Put(METADATA, key, str(request.amount).encode())])
            self._entries += 1
            if self._entries % 10 == 0:
                self.publish(BookChanged(self.role, self._entries))
        return Deposited(request.identity)

    @answers(ReadBook)
    def read_book(self, _request: ReadBook) -> Book:
        """Both sides of the book."""
        return Book(self._identities(RECEIVED), self._identities(ACKNOWLEDGED))

    def _identities(self, prefix: bytes) -> tuple[str, ...]:
        return tuple(key[len(prefix) :].decode() for key, _ in self.store.scan(METADATA, prefix))


class Auditor(Subsystem[DemoSettings | None]):
    """Hears of every change that the Node routes to it."""

    def __init__(self) -> None:
        super().__init__()
        self._events = 0

    @handles(BookChanged)
    def changed(self, _event: BookChanged) -> None:
        """Count."""
        self._events += 1

    @answers(CountEvents)
    def count(self, _request: CountEvents) -> int:
        """What was counted."""
        return self._events


LEDGER_ROLES = tuple(LEDGER.holder(number) for number in range(1, LEDGERS + 1))


class DemoNode(Supervisor):
    """A Node whose plan is the demonstration."""

    plan = Plan(
        children=(
            ChildSpec(AUDITOR, Auditor),
            *(ChildSpec(LEDGER, Ledger, member=number) for number in range(1, LEDGERS + 1)),
        ),
        heartbeats=Heartbeats(every_s=1.0, timeout_s=3.0),
    )
