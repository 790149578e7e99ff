"""The simulated base: one process, one thread, virtual time, and faults drawn from a seed.

Events stand in a heap by (virtual nanosecond, tie, sequence); the tie comes from the seed, so that what happens at
the same instant happens in an order that the seed chooses and every run repeats. Messages are encoded and decoded
as on the wire, so nothing mutable is shared. The same seed gives the same trace hash on any machine, Python version
and PYTHONHASHSEED.
"""

from __future__ import annotations

import hashlib
import heapq
import logging
import random
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from thespian.actors import ActorAddress, ActorSystemFailure, DeadEnvelope, InvalidActorSpecification
from thespian.system import isInternalActorSystemMessage
from thespis.runtime.bases import rules
from thespis.runtime.bases.codec import Codec, MessageCodec
from thespis.runtime.bases.exits import START_FAILED_CODE, ExitStatus
from thespis.runtime.bases.simulated_actor import SimulatedActor
from thespis.runtime.errors import MessageError
from thespis.runtime.simulation.faults import CALM, NANOSECONDS, Faults
from thespis.runtime.simulation.world import World

logger = logging.getLogger(__name__)

OUTSIDE = "outside"
EVENTS_PER_ASK_MAX = 5_000_000
"""Bound of one ask or listen; a simulation that needs more is caught in a loop."""
KILLED = ExitStatus(None, 9)


class SimulatedBase(rules.UnsupportedCalls):
    """A whole actor system under virtual time; pass it to ``ActorSystem`` as an object."""

    def __init__(
        self,
        seed: int = 0,
        *,
        codec: Codec | None = None,
        faults: Faults = CALM,
        capabilities: dict[str, Any] | None = None,
        trace: bool = True,
    ) -> None:
        self.now_ns = 0
        self.world = World(seed, self)
        self.clock = self.world.clock
        self.faults = faults
        self.codec: Codec = codec or MessageCodec()
        self.rng = random.Random(seed)  # noqa: S311
        self.capabilities = rules.base_capabilities("simulatedBase", capabilities, watch=False)
        self.actors: dict[str, SimulatedActor] = {}
        self.delivered = 0
        self.dead_letters = 0
        self.rejected = 0
        self.names: dict[str, str] = {}
        self.dead_letter_handler: str | None = None
        self._heap: list[tuple[int, int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._sequence = 0
        self._addresses: defaultdict[str, int] = defaultdict(int)
        self._last_delivery: dict[tuple[str, str], int] = {}
        self._mailboxes: dict[str, deque[Any]] = {OUTSIDE: deque()}
        self._cuts: list[tuple[frozenset[str], frozenset[str]]] = []
        self._trace = hashlib.blake2b(digest_size=16) if trace else None

    # -- time ------------------------------------------------------------------------------------------------

    def schedule(self, delay_ns: int, function: Callable[..., None], *arguments: Any) -> None:
        """Call `function` after `delay_ns` of virtual time."""
        self._schedule_at(self.now_ns + delay_ns, function, arguments)

    def _schedule_at(self, due_ns: int, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (due_ns, self.rng.getrandbits(32), self._sequence, function, arguments))

    def step(self) -> bool:
        """Let the next event happen; returns False when there is none."""
        if not self._heap:
            return False
        due_ns, _tie, _sequence, function, arguments = heapq.heappop(self._heap)
        self.now_ns = due_ns
        self.clock.now_s = due_ns / NANOSECONDS
        function(*arguments)
        return True

    def run(self, seconds: float) -> None:
        """Let everything happen that is due within `seconds` of virtual time."""
        self.run_until(self.now_ns + int(seconds * NANOSECONDS))

    def run_until(self, end_ns: int) -> None:
        """Let everything happen that is due by a virtual instant, and move the clock there."""
        while self._heap and self._heap[0][0] <= end_ns:
            self.step()
        self.now_ns = max(self.now_ns, end_ns)
        self.clock.now_s = self.now_ns / NANOSECONDS

    @property
    def trace_hash(self) -> str:
        """Digest of everything delivered so far, with times."""
        return self._trace.hexdigest() if self._trace else ""

    def note(self, kind: str, *parts: str) -> None:
        """Put an event into the trace."""
        if self._trace is not None:
            self._trace.update(f"{self.now_ns} {kind} {' '.join(parts)}\n".encode())

    # -- messages --------------------------------------------------------------------------------------------

    def post(self, sender: str, target: str, payload: bytes) -> None:
        """Put a message on its way, with the faults the seed draws for it."""
        faults = self.faults
        rng = self.rng
        if self._cuts and self._is_cut(sender, target):
            self.note("cut", sender, target)
            return
        due_ns = self.now_ns + faults.delay_ns(rng)
        if not faults.lossless:
            if rng.random() < faults.drop:
                self.note("drop", sender, target)
                return
            if rng.random() < faults.duplicate:
                self._schedule_at(due_ns + faults.delay_ns(rng), self._arrive, (sender, target, payload))
            if rng.random() < faults.reorder:
                self._schedule_at(due_ns + faults.delay_ns(rng), self._arrive, (sender, target, payload))
                return
        pair = (sender, target)
        last_ns = self._last_delivery.get(pair, -1)
        if due_ns <= last_ns:
            due_ns = last_ns + 1
        self._last_delivery[pair] = due_ns
        self._schedule_at(due_ns, self._arrive, (sender, target, payload))

    def _arrive(self, sender: str, target: str, payload: bytes) -> None:
        if self._trace is not None:
            self._trace.update(b"%d %s %s " % (self.now_ns, sender.encode(), target.encode()))
            self._trace.update(payload)
        self.delivered += 1
        actor = self.actors.get(target)
        if actor is not None:
            actor.receive(sender, payload)
            return
        mailbox = self._mailboxes.get(target)
        if mailbox is None:
            self.dead_letter(target, payload)
            return
        try:
            mailbox.append(self.codec.decode(payload))
        except MessageError as error:
            self.reject(target, error)

    def reject(self, target: str, error: MessageError) -> None:
        """A message that its target's process does not understand is counted, never handled."""
        self.rejected += 1
        self.note("rejected", target)
        logger.warning("%s rejected a message: %s", target, error)

    def dead_letter(self, target: str, payload: bytes) -> None:
        """What cannot be delivered goes to the registered handler, or is counted."""
        self.dead_letters += 1
        self.note("dead", target)
        if self.dead_letter_handler is None:
            return
        message = self.codec.decode(payload)
        if not isinstance(message, DeadEnvelope):
            envelope = self.codec.encode(DeadEnvelope(ActorAddress(target), message))
            self.post(OUTSIDE, self.dead_letter_handler, envelope)

    # -- faults from outside ---------------------------------------------------------------------------------

    def partition(self, left: set[str], right: set[str]) -> None:
        """Lose every message between two groups of addresses until `heal`."""
        self.note("partition", *sorted(left), "|", *sorted(right))
        self._cuts.append((frozenset(left), frozenset(right)))

    def heal(self) -> None:
        """End every partition."""
        self.note("heal")
        self._cuts.clear()

    def _is_cut(self, sender: str, target: str) -> bool:
        return any(
            (sender in left and target in right) or (sender in right and target in left) for left, right in self._cuts
        )

    def crash(self, address: ActorAddress | str) -> None:
        """Kill an actor and all below it at once, as SIGKILL does; its unsynced writes are lost."""
        actor = self.actors.get(_details(address))
        if actor is not None:
            self.note("crash", actor.details)
            actor.die(KILLED)

    def hang(self, address: ActorAddress | str) -> None:
        """Stop an actor as SIGSTOP does: it stays, and handles nothing."""
        self.note("hang", _details(address))
        self.actors[_details(address)].hung = True

    def resume(self, address: ActorAddress | str) -> None:
        """Let a hung actor go on, if it still stands."""
        actor = self.actors.get(_details(address))
        if actor is not None and actor.hung:
            self.note("resume", actor.details)
            actor.resume()

    # -- actors ----------------------------------------------------------------------------------------------

    def new_address(self, class_name: str) -> str:
        """A fresh address, the same in every run."""
        self._addresses[class_name] += 1
        return f"{class_name}-{self._addresses[class_name]}"

    def start(
        self, specification: Any, requirements: Any, name: str | None, parent: SimulatedActor | None
    ) -> SimulatedActor:
        """Begin to start an actor; it stands after a drawn time."""
        actor_class = rules.resolve_class(specification)
        address = self.new_address(actor_class.__name__)
        actor = SimulatedActor(self, address, actor_class, requirements, name, parent)
        self.actors[address] = actor
        if name:
            self.names[name] = address
        self.note("start", address)
        self.schedule(self.faults.start_ns(self.rng), actor.construct)
        return actor

    def newPrimaryActor(
        self, specification: Any, requirements: Any, globalName: str | None, sourceHash: Any = None
    ) -> ActorAddress:
        """Start an actor from outside and wait until it stands."""
        if sourceHash:
            self.loadActorSource(sourceHash)
        if globalName and globalName in self.names:
            return ActorAddress(self.names[globalName])
        actor_class = rules.resolve_class(specification)
        rules.check_capabilities(actor_class, self.capabilities, requirements)
        actor = self.start(actor_class, requirements, globalName, None)
        while not actor.stands and actor.exit is None:
            self.step()
        if actor.exit is not None:
            if actor.exit.code == START_FAILED_CODE:
                raise InvalidActorSpecification(actor_class, actor.failure)
            raise ActorSystemFailure(f"{actor.details} ended with {actor.exit} at start")
        return ActorAddress(actor.details)

    # -- the outside -----------------------------------------------------------------------------------------

    def tell(self, address: ActorAddress, message: Any, sender: str = OUTSIDE) -> None:
        """Put a message from outside on its way."""
        self.post(sender, _details(address), self.codec.encode(message))

    def listen(self, timeout: Any, mailbox: str = OUTSIDE) -> Any:
        """Run until a message for the outside comes, or the virtual timeout passes, or nothing is left."""
        end_ns = None if timeout is None else self.now_ns + int(rules.seconds_of(timeout) * NANOSECONDS)
        for _ in range(EVENTS_PER_ASK_MAX):
            while self._mailboxes[mailbox]:
                message = self._mailboxes[mailbox].popleft()
                if not isInternalActorSystemMessage(message):
                    return message
            if not self._heap or (end_ns is not None and self._heap[0][0] > end_ns):
                if end_ns is not None:
                    self.run_until(end_ns)
                return None
            self.step()
        raise ActorSystemFailure(f"no answer within {EVENTS_PER_ASK_MAX} events; the simulation is caught in a loop")

    def ask(self, address: ActorAddress, message: Any, timeout: Any) -> Any:
        """Tell, then listen."""
        self.tell(address, message)
        return self.listen(timeout)

    def external_clone(self) -> SimulatedCaller:
        """A caller with a mailbox of its own."""
        name = self.new_address("private")
        self._mailboxes[name] = deque()
        return SimulatedCaller(self, name)

    def close_mailbox(self, name: str) -> None:
        """Messages to it are dead letters from now on."""
        self._mailboxes.pop(name, None)

    def updateCapability(self, name: str, value: Any = None) -> None:
        """Change a capability; actors that required it exit."""
        if value is None:
            self.capabilities.pop(name, None)
        else:
            self.capabilities[name] = value
        for actor in list(self.actors.values()):
            actor.recheck_capabilities()

    def shutdown(self) -> None:
        """End every actor, as a kill does."""
        for actor in list(self.actors.values()):
            if actor.parent is None and actor.exit is None:
                actor.die(KILLED)
        self._heap.clear()


class SimulatedCaller(rules.UnsupportedCalls):
    """A private caller from outside a simulation."""

    def __init__(self, base: SimulatedBase, name: str) -> None:
        self._base = base
        self._name = name

    def newPrimaryActor(self, *arguments: Any) -> ActorAddress:
        """Start an actor below the root."""
        return self._base.newPrimaryActor(*arguments)

    def tell(self, address: ActorAddress, message: Any) -> None:
        """Send in this caller's name."""
        self._base.tell(address, message, self._name)

    def listen(self, timeout: Any) -> Any:
        """The next message for this caller."""
        return self._base.listen(timeout, self._name)

    def ask(self, address: ActorAddress, message: Any, timeout: Any) -> Any:
        """Tell, then listen."""
        self.tell(address, message)
        return self.listen(timeout)

    def exit_context(self) -> None:
        """Close the mailbox."""
        self._base.close_mailbox(self._name)


def _details(address: ActorAddress | str) -> str:
    return address if isinstance(address, str) else str(address.addressDetails)
