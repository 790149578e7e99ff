"""A SealWorker: does what the SectorBuilder has done, in threads of its own process, and answers meanwhile.

It remembers nothing. A job that is given again while it runs, because who gave it was restarted, is the same job.
"""

from __future__ import annotations

from itertools import count
from typing import Any, cast

from thespis.actors.node.settings import NodeSettings
from thespis.runtime.actor.envelopes import Tell
from thespis.runtime.actor.subsystem import Subsystem, handles
from thespis.runtime.actor.tasks import Pending
from thespis.runtime.sectors.jobs import (
    DropLayers,
    Job,
    JobEnded,
    JobProgress,
    Outcome,
    ProveSeal,
    ProveWindow,
    ReadPiece,
    SealSector,
    StagePiece,
)
from thespis.runtime.sectors.port import SectorPort

REPORT_EVERY_S = 0.25


class SealWorker(Subsystem):
    """One worker process."""

    def __init__(self) -> None:
        super().__init__()
        self._port: SectorPort | None = None
        self._numbers = count(1)
        self._begun: dict[Job, int] = {}
        self._outcomes: dict[int, Pending[Outcome]] = {}
        self._reported: dict[tuple[int, str], float] = {}

    async def start(self, settings: Any) -> None:
        """Be ready; compiled code is loaded by the first job, in its thread."""
        assert isinstance(settings, NodeSettings)
        self._port = self.environment.open_sector_work(settings.sealing_threads, self._deliver)

    async def stop(self) -> None:
        """Leave what runs: its phases are durable."""
        if self._port is not None:
            self._port.close()

    def _deliver(self, event: Any) -> None:
        self.send(self.myAddress, Tell(event))

    @handles(StagePiece)
    @handles(SealSector)
    @handles(ProveSeal)
    @handles(ProveWindow)
    @handles(ReadPiece)
    @handles(DropLayers)
    async def work(self, job: Job) -> Outcome:
        """Do a job, or wait for the same one that runs."""
        assert self._port is not None
        number = self._begun.get(job)
        if number is None:
            number = self._begun[job] = next(self._numbers)
            self._outcomes[number] = Pending()
            self._port.submit(number, job)
        return await self._outcomes[number]

    @handles(JobProgress)
    def progress(self, progress: JobProgress) -> None:
        """Pass it on, a few times a second."""
        key, now_s = (progress.sector, progress.phase), self.now_s()
        if progress.share >= 1.0 or now_s - self._reported.get(key, -REPORT_EVERY_S) >= REPORT_EVERY_S:
            self._reported[key] = now_s
            self.tell("SectorBuilder", progress)

    @handles(JobEnded)
    def ended(self, end: JobEnded) -> None:
        """Answer everyone who waits for it."""
        self._begun = {job: number for job, number in self._begun.items() if number != end.number}
        self._outcomes.pop(end.number).resolve(cast("Outcome", end.outcome))
        if not self._begun:
            self._reported.clear()
