"""Who does heavy work: workers die, jobs wait, poison is given up."""

import pytest
from thespis.actors.sector_builder.executor import ATTEMPTS_MAX, WorkerPool
from thespis.actors.sector_builder.progress import SealProgress
from thespis.protocols.proofs.registry import SealProof
from thespis.runtime.actor.tasks import Pending, Task
from thespis.runtime.errors import ActorRestartedError, AskTimeoutError, RemoteError
from thespis.runtime.sectors.jobs import (
    DropLayers,
    JobDone,
    JobFailed,
    ProveSeal,
    ProveWindow,
    ReadPiece,
    SealSector,
    StagePiece,
)

SEAL = SealSector(1, 0, 1000, b"", ())


class Crew:
    """A stand-in for the asks of a SectorBuilder: each waits until the test answers it."""

    def __init__(self, *roles):
        self.pool = WorkerPool(roles, self.ask, self.sleep)
        self.asked = []
        self.slept = []
        self.ended = []

    async def ask(self, role, job):
        pending = Pending()
        self.asked.append((role, job, pending))
        return await pending

    async def sleep(self, seconds):
        self.slept.append(seconds)

    def run(self, job, **options):
        Task(self.pool.run(job, **options), lambda result, error: self.ended.append(error or result))

    def answer(self, place, outcome):
        pending = self.asked[place][2]
        pending.fail(outcome) if isinstance(outcome, Exception) else pending.resolve(outcome)


def test_a_job_that_kills_its_workers_is_given_up():
    crew = Crew("w")
    crew.run(SEAL)
    for attempt in range(ATTEMPTS_MAX):
        crew.answer(attempt, ActorRestartedError("gone"))
    [failed] = crew.ended
    assert isinstance(failed, JobFailed)
    assert "5 workers" in failed.reason
    assert crew.slept == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_deaths_on_the_way_do_not_count():
    crew, phases = Crew("w"), iter(range(1000))
    crew.run(SEAL, done=lambda: next(phases))
    for attempt in range(20):
        crew.answer(attempt, ActorRestartedError("gone"))
    crew.answer(20, JobDone())
    assert crew.ended == [JobDone()]
    assert set(crew.slept) == {1.0}


def test_what_a_worker_raises_is_the_outcome():
    crew = Crew("w")
    crew.run(SEAL)
    crew.answer(0, RemoteError("SectorDataError", "gone"))
    assert crew.ended == [JobFailed("SectorDataError", "gone")]
    crew.run(SEAL)
    crew.answer(1, AskTimeoutError("late"))
    crew.answer(2, JobDone())
    assert crew.ended[-1] == JobDone()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_worker_has_one_job_in_each_lane_and_cleaning_comes_last(workers):
    crew = Crew(*(f"w{n}" for n in range(workers)))
    read, proof, drop = ReadPiece(1, None, ""), ProveSeal(1, b""), DropLayers(1)
    for job in (SEAL, read):
        for _ in range(workers):
            crew.run(job)
    for job in (SEAL, drop, read):
        crew.run(job)
    assert len(crew.asked) == 2 * workers
    assert {role for role, job, _ in crew.asked if job == SEAL} == {f"w{n}" for n in range(workers)}
    for expected in (read, drop):
        place = next(n for n, (_, job, pending) in enumerate(crew.asked) if job == read and not pending.done)
        crew.answer(place, JobDone())
        assert crew.asked[-1][1] == expected
    crew.answer(0, JobDone())
    assert crew.asked[-1][1] == SEAL
    crew.run(proof)
    assert crew.asked[-1][1] == proof


@pytest.mark.parametrize("proof", [ProveSeal(1, b""), ProveWindow((1,), bytes(32))])
def test_staging_does_not_wait_for_proofs_however_many_there_are(proof):
    crew = Crew("w")
    for _ in range(50):
        crew.run(proof)
    stage = StagePiece(1, "key", "source", 5)
    crew.run(stage)
    assert [job for _role, job, _pending in crew.asked] == [proof, stage]


def test_progress_never_goes_back_and_gives_rate_and_time_left():
    progress = SealProgress(SealProof(1))
    assert progress.rate(0.0) == (0.0, -1.0)
    progress.report("data", 1.0, 10.0)
    progress.report("labels-1", 0.5, 11.0)
    assert progress.share == pytest.approx(0.04 + 0.15)
    rate, left_s = progress.rate(11.0)
    assert rate == pytest.approx(0.15 * (8 << 20))
    assert left_s == pytest.approx(0.81 / 0.15)
    progress.report("data", 0.2, 12.0)
    assert progress.share == pytest.approx(0.19)
    progress.report("commit", 1.0, 13.0)
    assert progress.share == pytest.approx(1.0)
