"""Whose call is next: lanes beside the mailbox, with a turn for each client and a bound on what each may have wait.

Calls that only read the chain are done in threads, quick ones apart from those that may take long. Of the clients
that wait, the one that took least of the processor lately is served next, so that nobody's batches hold up another's
call; within a client, what came first is done first.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from thespis.actors.api.registry import LIMIT, RpcError
from thespis.runtime.actor.tasks import Pending
from thespis.runtime.lanes import LaneEnd, LaneEnded, LanePort

QUICK = ("quick",)
LONG = ("long-1", "long-2")
LANES = (*QUICK, *LONG)
CALL_SECONDS_MAX = 20.0
"""What one call may take of the processor."""
CLIENT_WAITING_MAX = 128
"""Calls of one client that wait for a lane."""
CLIENT_RUNNING_MAX = 1
"""Long calls of one client that run at once: the other lane is for others."""
CLIENTS_MAX = 4096
"""Clients whose use is remembered; those who called longest ago are forgotten."""
HALF_LIFE_S = 10.0
"""What a client took counts half after this time."""

Work = Callable[[str], Any]
"""What is done in a lane, given its name."""


@dataclass(order=True)
class _Turn:
    """One call that waits or runs; the calls of a body that came earlier go first."""

    body: int
    order: int
    work: Work = field(compare=False)
    pending: Pending[Any] = field(compare=False)
    lane: str = field(default="", compare=False)
    given_up: bool = field(default=False, compare=False)


class _Client:
    """What one client took, what it has waiting, and what of it runs in the long lanes."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[str, ...], list[_Turn]] = {QUICK: [], LONG: []}
        self.running = 0
        self._used_s = self._at_s = 0.0

    def used_s(self, now_s: float) -> float:
        return self._used_s * float(0.5 ** ((now_s - self._at_s) / HALF_LIFE_S))

    def use(self, seconds: float, now_s: float) -> None:
        self._used_s, self._at_s = self.used_s(now_s) + seconds, now_s

    def idle(self) -> bool:
        return not self.running and not any(self.waiting.values())


class Turns:
    """The lanes and who waits for them."""

    def __init__(self, port: LanePort, now_s: Callable[[], float]) -> None:
        self._port = port
        self._now_s = now_s
        self._clients: OrderedDict[str, _Client] = OrderedDict()
        self._running: dict[int, tuple[_Turn, _Client]] = {}
        self._busy: set[str] = set()
        self._numbers = count(1)

    async def run(self, client: str, body: int, work: Work, *, quick: bool) -> Any:
        """What work gives, once the client had its turn; raises RpcError where too much of it waits."""
        lanes = QUICK if quick else LONG
        owner = self._client(client)
        if sum(map(len, owner.waiting.values())) >= CLIENT_WAITING_MAX:
            raise RpcError(LIMIT, f"{CLIENT_WAITING_MAX} calls of this client wait already; await some answers first")
        turn = _Turn(body, next(self._numbers), work, Pending())
        heapq.heappush(owner.waiting[lanes], turn)
        try:
            self._next(lanes)
            return await turn.pending
        finally:
            self._leave(owner, lanes, turn)

    def _leave(self, owner: _Client, lanes: tuple[str, ...], turn: _Turn) -> None:
        if turn in owner.waiting[lanes]:
            owner.waiting[lanes].remove(turn)
            heapq.heapify(owner.waiting[lanes])
        elif not turn.pending.done:
            turn.given_up = True
            for number, (running, _owner) in self._running.items():
                if running is turn:
                    self._port.stop(number)

    def _client(self, name: str) -> _Client:
        found = self._clients.setdefault(name, _Client())
        self._clients.move_to_end(name)
        if len(self._clients) > CLIENTS_MAX:
            oldest = next((key for key, each in self._clients.items() if each.idle()), name)
            if oldest != name:
                del self._clients[oldest]
        return found

    def _candidates(self, lanes: tuple[str, ...]) -> Iterator[_Client]:
        for client in self._clients.values():
            if client.waiting[lanes] and (lanes is QUICK or client.running < CLIENT_RUNNING_MAX):
                yield client

    def _next(self, lanes: tuple[str, ...]) -> None:
        """Begin what may begin."""
        for lane in lanes:
            while lane not in self._busy:
                now_s = self._now_s()
                client = min(self._candidates(lanes), key=lambda each: each.used_s(now_s), default=None)
                if client is None:
                    return
                self._begin(client, lanes, lane)

    def _begin(self, client: _Client, lanes: tuple[str, ...], lane: str) -> None:
        turn = heapq.heappop(client.waiting[lanes])
        turn.lane = lane
        number = next(self._numbers)
        self._busy.add(lane)
        client.running += lanes is LONG
        self._running[number] = (turn, client)
        end = self._port.begin(lane, number, lambda: turn.work(lane), CALL_SECONDS_MAX)
        if end is not None:
            self._finish(number, end)

    def ended(self, event: LaneEnded) -> None:
        """Give what came of work to who waits for it, and begin what is next."""
        turn, _client = self._running[event.number]
        self._finish(event.number, self._port.end(event.number))
        self._next(QUICK if turn.lane in QUICK else LONG)

    def _finish(self, number: int, end: LaneEnd) -> None:
        turn, client = self._running.pop(number)
        self._busy.discard(turn.lane)
        client.running -= turn.lane in LONG
        client.use(end.seconds, self._now_s())
        if end.error is not None:
            turn.pending.fail(end.error)
        else:
            turn.pending.resolve(end.value)
