"""A SealWorker: does what the SectorBuilder has done, in threads of its own process, and answers meanwhile.

It remembers nothing. A job that is given again while it runs, because who gave it was restarted, is the same job.

A thread may hang where nothing can end it, in a disk that does not answer, while the mailbox answers heartbeats. So a
worker whose jobs make no progress has itself restarted: the kernel ends the thread with the process, and whoever gave
the jobs gives them again, a bounded number of times.
"""

from __future__ import annotations

import logging
from itertools import count
from typing import cast

from thespis.actors.messages.sector_builder import DoJob, JobReport
from thespis.actors.sector_builder.settings import SealingSettings
from thespis.runtime.actor.envelopes import RestartRole
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.actor.tasks import Pending
from thespis.runtime.sectors.jobs import Job, JobEnded, JobProgress, Outcome
from thespis.runtime.sectors.port import SectorPort

logger = logging.getLogger(__name__)

REPORT_EVERY_S = 0.25
STALLED_S = 1800.0
"""A worker that took next to none of the processor for so long, read and wrote next to nothing, and told nothing."""
LOOK_EVERY_S = 60.0


class SealWorker(Subsystem[SealingSettings]):
    """One worker process."""

    port: SectorPort

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)
        self._begun: dict[Job, int] = {}
        self._outcomes: dict[int, Pending[Outcome]] = {}
        self._reported: dict[tuple[int, str], float] = {}
        self._reports = 0
        self._watching = False

    async def start(self, settings: SealingSettings) -> None:
        """Be ready; compiled code is loaded by the first job, in its thread.

        What runs when the worker is stopped is left where it is: its phases are durable.
        """
        self.port = self.opened(self.environment.open_sector_work(settings.threads, self.signal))

    @answers(DoJob)
    async def work(self, order: DoJob) -> Outcome:
        """Do a job, or wait for the same one that runs."""
        job = order.job
        number = self._begun.get(job)
        if number is None:
            number = self._begun[job] = next(self._numbers)
            self._outcomes[number] = Pending()
            self.port.submit(number, job)
            if not self._watching:
                self._watching = True
                self.spawn(self._watch())
        return await self._outcomes[number]

    async def _watch(self) -> None:
        """Look after the jobs as long as there are any."""
        seen, since_s = (self._reports, self.port.work_done()), self.now_s()
        while self._begun:
            await self.sleep(LOOK_EVERY_S)
            now = self._reports, self.port.work_done()
            if now != seen:
                seen, since_s = now, self.now_s()
            elif self._begun and self.now_s() - since_s >= STALLED_S:
                jobs = ", ".join(type(job).__name__ for job in self._begun)
                logger.error("%s: no progress for %.0f s of %s; restarting", self.role, self.now_s() - since_s, jobs)
                await self.ask(RestartRole(self.role))
        self._watching = False

    @handles(JobProgress)
    def progress(self, progress: JobProgress) -> None:
        """Pass it on, a few times a second."""
        self._reports += 1
        key, now_s = (progress.sector, progress.phase), self.now_s()
        if progress.share >= 1.0 or now_s - self._reported.get(key, -REPORT_EVERY_S) >= REPORT_EVERY_S:
            self._reported[key] = now_s
            self.tell(JobReport(progress))

    @handles(JobEnded)
    def ended(self, end: JobEnded) -> None:
        """Answer everyone who waits for it."""
        self._reports += 1
        self._begun = {job: number for job, number in self._begun.items() if number != end.number}
        self._outcomes.pop(end.number).resolve(cast("Outcome", end.outcome))
        if not self._begun:
            self._reported.clear()
