"""A SealWorker: does what the SectorBuilder has done, in threads of its own process, and answers meanwhile.

It remembers nothing. A job that is given again while it runs, because who gave it was restarted, is the same job.
"""

from __future__ import annotations

from itertools import count
from typing import cast

from thespis.actors.messages.sector_builder import DoJob, JobReport
from thespis.actors.sector_builder.settings import SealingSettings
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.actor.tasks import Pending
from thespis.runtime.sectors.jobs import Job, JobEnded, JobProgress, Outcome
from thespis.runtime.sectors.port import SectorPort

REPORT_EVERY_S = 0.25


class SealWorker(Subsystem[SealingSettings]):
    """One worker process."""

    port: SectorPort

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)
        self._begun: dict[Job, int] = {}
        self._outcomes: dict[int, Pending[Outcome]] = {}
        self._reported: dict[tuple[int, str], float] = {}

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
        return await self._outcomes[number]

    @handles(JobProgress)
    def progress(self, progress: JobProgress) -> None:
        """Pass it on, a few times a second."""
        key, now_s = (progress.sector, progress.phase), self.now_s()
        if progress.share >= 1.0 or now_s - self._reported.get(key, -REPORT_EVERY_S) >= REPORT_EVERY_S:
            self._reported[key] = now_s
            self.tell(JobReport(progress))

    @handles(JobEnded)
    def ended(self, end: JobEnded) -> None:
        """Answer everyone who waits for it."""
        self._begun = {job: number for job, number in self._begun.items() if number != end.number}
        self._outcomes.pop(end.number).resolve(cast("Outcome", end.outcome))
        if not self._begun:
            self._reported.clear()
