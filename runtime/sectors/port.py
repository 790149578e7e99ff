"""Where jobs are done: in threads of a worker's process, which answers its mailbox meanwhile."""

from __future__ import annotations

import logging
import os
import resource
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from thespis.runtime.sectors.jobs import Job, JobEnded, JobFailed, JobProgress, SealSector

logger = logging.getLogger(__name__)

CPU_STEP_S = 20.0
MOVED_STEP_BYTES = 16 << 20
NICENESS = 10
"""Sealing takes what processor time the rest of the machine leaves."""


class SectorPort(Protocol):
    """Does jobs; what comes of them is delivered as JobProgress and JobEnded."""

    def submit(self, number: int, job: Job) -> None:
        """Begin a job under a number of the caller's."""
        ...

    def work_done(self) -> tuple[int, ...]:
        """Numbers that change while jobs make progress, whether or not they tell of it; noise does not change them."""
        ...

    def close(self) -> None:
        """Deliver nothing more; what was begun goes on where it stands when it is given again."""
        ...


class ThreadSectorPort:
    """One thread for each job; whoever submits bounds how many there are."""

    def __init__(self, folder: Path, threads: int, deliver: Callable[[Any], None]) -> None:
        self._folder = folder
        self._threads = threads or len(os.sched_getaffinity(0))
        self._deliver = deliver
        self._closed = False

    def submit(self, number: int, job: Job) -> None:
        """Begin a job; the kernels let go of the interpreter's lock."""
        threading.Thread(target=self._work, args=(number, job), name=f"job-{number}", daemon=True).start()

    def _work(self, number: int, job: Job) -> None:
        from thespis.runtime.sectors.work import SectorWork, outcome_of  # compiled code: loaded beside the mailbox

        if isinstance(job, SealSector):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

        def progress(phase: str, share: float) -> None:
            self._tell(JobProgress(job.sector, phase, share) if isinstance(job, SealSector) else None)

        outcome: Any
        try:
            outcome = outcome_of(SectorWork(self._folder, self._threads), job, progress)
        except Exception as error:
            logger.exception("%s failed", type(job).__name__)
            outcome = JobFailed("SectorError", f"the worker failed with {error!r}; its log says where")
        self._tell(JobEnded(number, outcome))

    def _tell(self, event: JobProgress | JobEnded | None) -> None:
        if event is not None and not self._closed:
            self._deliver(event)

    def work_done(self) -> tuple[int, ...]:
        """The processor time of the whole process, and the bytes that it read and wrote, both in coarse steps.

        A mailbox alone takes a step of either in about a day.
        """
        used = resource.getrusage(resource.RUSAGE_SELF)
        moved = 0
        for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines():
            name, _, count = line.partition(": ")
            moved += int(count) if name in ("rchar", "wchar") else 0
        return int((used.ru_utime + used.ru_stime) / CPU_STEP_S), moved // MOVED_STEP_BYTES

    def close(self) -> None:
        """Deliver nothing more; the process ends its threads with itself."""
        self._closed = True
