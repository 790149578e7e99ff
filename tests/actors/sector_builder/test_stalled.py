"""A job that hangs in its thread: its worker is restarted, and after a few of them the job is given up."""

import pytest
from thespis.actors.messages.mining_scheduler import StopMining
from thespis.actors.messages.sector_builder import PledgeSector, ReadSectors, SectorState
from thespis.actors.sector_builder.executor import ATTEMPTS_MAX
from thespis.actors.sector_builder.worker import LOOK_EVERY_S, STALLED_S
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.runtime.simulation.sectors import SimulatedSectorPort

ROUND_S = STALLED_S + 2 * LOOK_EVERY_S


@pytest.fixture
def network():
    found = SimulatedFilecoin(11, 1, 1)
    found.run_to_genesis()
    found.node(0).ask(StopMining())
    yield found
    found.close()


def incarnation(network):
    return network.node(0).rows()["SealWorker-1"].incarnation


def state(network):
    [[status], _after] = network.node(0).ask(ReadSectors())
    return status.sector.state


def test_a_worker_whose_jobs_stand_still_is_restarted_and_they_are_given_again(network, monkeypatch):
    submit = SimulatedSectorPort.submit
    monkeypatch.setattr(SimulatedSectorPort, "submit", lambda _port, _number, _job: None)
    network.node(0).ask(PledgeSector())
    network.run_epochs(STALLED_S - LOOK_EVERY_S)
    assert incarnation(network) == 1
    network.run_epochs(3 * LOOK_EVERY_S)
    assert incarnation(network) == 2
    assert state(network) is SectorState.SEALING
    monkeypatch.setattr(SimulatedSectorPort, "submit", submit)
    network.run_epochs(ROUND_S)
    assert incarnation(network) == 3
    network.run_epochs(60)
    assert state(network) is SectorState.SEALED


def test_a_job_on_which_every_worker_hangs_is_given_up(network, monkeypatch):
    monkeypatch.setattr(SimulatedSectorPort, "submit", lambda _port, _number, _job: None)
    network.node(0).ask(PledgeSector())
    network.run_epochs((ATTEMPTS_MAX + 1) * ROUND_S)
    assert state(network) is SectorState.FAILED
    assert incarnation(network) == 1 + ATTEMPTS_MAX


def test_work_that_tells_nothing_but_goes_on_is_left_alone(network, monkeypatch):
    """Copying a piece of 64 GiB says nothing until it is done."""
    done = iter(range(1_000_000))
    monkeypatch.setattr(SimulatedSectorPort, "submit", lambda _port, _number, _job: None)
    monkeypatch.setattr(SimulatedSectorPort, "work_done", lambda _port: (next(done),))
    network.node(0).ask(PledgeSector())
    network.run_epochs(3 * ROUND_S)
    assert incarnation(network) == 1
