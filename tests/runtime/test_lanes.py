"""Lanes over real threads: results, errors, stops and the bound on processor time."""

import queue
import threading

import pytest
from thespis.runtime.lanes import LaneTimeError, ThreadLanes
from thespis.runtime.simulation.lanes import SimulatedLanes
from thespis.runtime.store.interface import METADATA, Put
from thespis.runtime.store.memory import MemoryDisk


@pytest.fixture
def field():
    ends = queue.Queue()
    lanes = ThreadLanes(("a", "b"), ends.put)
    store = MemoryDisk().open("x")
    store.write([Put(METADATA, b"key", b"value")])
    yield lanes, ends, lanes.watched(store)
    lanes.close()


def end(lanes, ends):
    return lanes.end(ends.get(timeout=20).number)


def test_results_and_errors_come_back(field):
    lanes, ends, reader = field
    lanes.begin("a", 1, lambda: reader.get(METADATA, b"key"), 5.0)
    assert end(lanes, ends).value == b"value"
    lanes.begin("a", 2, lambda: 1 // 0, 5.0)
    assert isinstance(end(lanes, ends).error, ZeroDivisionError)
    lanes.begin("a", 3, lambda: (reader.has(METADATA, b"no"), list(reader.scan(METADATA))), 5.0)
    assert end(lanes, ends).value == (False, [(b"key", b"value")])


def test_lanes_do_not_wait_for_each_other(field):
    lanes, ends, _reader = field
    gate = threading.Event()
    lanes.begin("a", 1, lambda: gate.wait(20), 5.0)
    lanes.begin("b", 2, lambda: "other", 5.0)
    assert end(lanes, ends).value == "other"
    gate.set()
    assert end(lanes, ends).value is True


@pytest.mark.parametrize(
    "read",
    [lambda r: r.get(METADATA, b"x"), lambda r: r.has(METADATA, b"x"), lambda r: list(r.scan(METADATA))],
    ids=["get", "has", "scan"],
)
def test_work_ends_at_its_next_read_when_it_is_stopped(field, read):
    lanes, ends, reader = field
    begun = threading.Event()

    def work():
        while True:
            try:
                read(reader)
                begun.set()
            except Exception:
                pytest.fail("a stop is no error that work could take for one of its own")

    lanes.begin("a", 1, work, 1e9)
    assert begun.wait(20)
    lanes.stop(1)
    found = end(lanes, ends)
    assert isinstance(found.error, LaneTimeError)
    lanes.begin("a", 2, lambda: "next", 5.0)
    assert end(lanes, ends).value == "next"


def test_work_that_takes_too_long_ends(field):
    lanes, ends, reader = field

    def work():
        while True:
            reader.get(METADATA, b"key")

    lanes.begin("a", 1, work, 0.05)
    found = end(lanes, ends)
    assert isinstance(found.error, LaneTimeError)
    assert "0.05 s" in str(found.error)
    assert found.seconds >= 0.05


def test_a_simulated_lane_is_done_at_once():
    lanes = SimulatedLanes()
    assert lanes.begin("a", 1, lambda: 7, 1.0).value == 7
    assert isinstance(lanes.begin("a", 1, lambda: 1 // 0, 1.0).error, ZeroDivisionError)
