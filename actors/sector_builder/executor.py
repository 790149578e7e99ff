"""Who does heavy work: one interface, and its implementation by workers that the Node supervises.

Whoever asks knows neither how many workers there are nor where: a cluster would be another `Executor`.
"""

from __future__ import annotations

import enum
import heapq
import logging
from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from typing import Protocol

from thespis.runtime.actor.tasks import Pending
from thespis.runtime.errors import AskError, RemoteError
from thespis.runtime.sectors.jobs import DropLayers, Job, JobFailed, Outcome, ProveSeal, ProveWindow, SealSector

logger = logging.getLogger(__name__)

ATTEMPTS_MAX = 5
"""Workers that may die of one job before the job is given up: one bad sector must not end the node."""
PAUSE_S = 1.0


class Executor(Protocol):
    """Does jobs somewhere."""

    async def run(self, job: Job, done: Callable[[], object] = lambda: None) -> Outcome:
        """Do a job, whatever happens to who does it; JobFailed says why it cannot be done.

        `done` says how much of it is durable: who dies having done more is not held against the job.
        """
        ...


class Lane(enum.Enum):
    """Jobs of different lanes do not wait for each other: proofs are due while sectors are sealed."""

    SEALING = "sealing"
    PROVING = "proving"
    PIECES = "pieces"
    """Staging, reading and cleaning: a piece that is promised does not wait for proofs, however many there are."""


class WorkerPool(Executor):
    """The SealWorkers by number, each with one job at a time in each lane; the most urgent job that waits is next."""

    def __init__(
        self,
        members: Iterable[int],
        do: Callable[[int, Job], Awaitable[Outcome]],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._do = do
        self._sleep = sleep
        self._free = {lane: list(members) for lane in Lane}
        self._waiting: dict[Lane, list[tuple[int, int, Pending[int]]]] = {lane: [] for lane in Lane}
        self._order = count()

    async def run(self, job: Job, done: Callable[[], object] = lambda: None) -> Outcome:
        """Do a job on the next free worker, and again where a worker died of it or beside it."""
        attempt, before = 0, done()
        while attempt < ATTEMPTS_MAX:
            try:
                return await self._once(job)
            except RemoteError as error:
                return JobFailed(error.kind, error.detail)
            except AskError as error:
                attempt, before = (attempt + 1, before) if done() == before else (1, done())
                logger.warning("%s, end %d at the same place: %s", type(job).__name__, attempt, error)
                await self._sleep(PAUSE_S * 2 ** (attempt - 1))
        return JobFailed("SectorError", f"{ATTEMPTS_MAX} workers ended at the same place of it; the log says how")

    async def _once(self, job: Job) -> Outcome:
        lane = _lane(job)
        member = await self._taken(lane, job)
        try:
            return await self._do(member, job)
        finally:
            self._give(lane, member)

    async def _taken(self, lane: Lane, job: Job) -> int:
        if self._free[lane]:
            return self._free[lane].pop(0)
        pending: Pending[int] = Pending()
        heapq.heappush(self._waiting[lane], (_urgency(job), next(self._order), pending))
        return await pending

    def _give(self, lane: Lane, member: int) -> None:
        if self._waiting[lane]:
            heapq.heappop(self._waiting[lane])[2].resolve(member)
        else:
            self._free[lane].append(member)


def _lane(job: Job) -> Lane:
    if isinstance(job, SealSector):
        return Lane.SEALING
    return Lane.PROVING if isinstance(job, ProveWindow | ProveSeal) else Lane.PIECES


def _urgency(job: Job) -> int:
    """Cleaning comes last."""
    return 1 if isinstance(job, DropLayers) else 0
