"""The twenty simulated networks are computed beside the other tests, which mostly wait for processes and clocks."""

import os
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

SEEDS = range(1, 21)
BESIDE = pytest.StashKey[tuple[ProcessPoolExecutor, list[Future]]]()


def waits(item):
    """Whether a test asks for them."""
    return "simulated_seeds" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(items):
    """What waits for them comes last."""
    items.sort(key=waits)


def pytest_collection_finish(session):
    """Begin, where they will be asked for: with the lowest priority, so that tests of real time do not feel it."""
    if session.config.option.collectonly or not any(map(waits, session.items)):
        return
    from tests.actors.test_simulation import run

    workers = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), initializer=os.nice, initargs=(19,))
    session.config.stash[BESIDE] = workers, [workers.submit(run, seed) for seed in SEEDS]


def pytest_sessionfinish(session):
    """End early when the session does."""
    if BESIDE in session.config.stash:
        session.config.stash[BESIDE][0].shutdown(cancel_futures=True)


@pytest.fixture
def simulated_seeds(request):
    """What was found for each seed; waits for the last."""
    return [future.result() for future in request.config.stash[BESIDE][1]]
