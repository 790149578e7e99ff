"""Every point at which a miner may die between winning an epoch and gossip: the chain goes on, and nothing is lost."""

import logging

import pytest
from thespis.actors.messages.mining_scheduler import ReadMining, StartMining, StopMining
from thespis.actors.simulation.crash_points import MinersPath
from thespis.actors.simulation.invariants import InvariantError
from thespis.protocols.encoding.address import Address
from thespis.runtime.errors import AskError

PATH = [
    "MiningScheduler asks SignBytes",
    "Wallet answers SignBytes",
    "MiningScheduler asks SignBytes",
    "Wallet answers SignBytes",
    "MiningScheduler asks SelectMessages",
    "MsgPool answers SelectMessages",
    "MiningScheduler asks SignBytes",
    "Wallet answers SignBytes",
    "MiningScheduler writes mining",
    "MiningScheduler asks SubmitBlock",
    "Syncer writes chain",
    "Syncer writes chain",
    "Syncer writes chain",
    "Syncer publishes NewHead",
    "Syncer asks PublishGossip",
    "Syncer answers SubmitBlock",
    "Network answers PublishGossip",
    "MiningScheduler writes mining",
]
"""An undisturbed epoch of a miner alone; whoever puts another write or message on the path adds it here."""


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def path():
    made = []

    def build(miners):
        made.append(MinersPath(miners))
        return made[-1]

    yield build
    for each in made:
        each.close()


def points_of(miners):
    path = MinersPath(miners)
    passed = list(path.walk().passed)
    path.go_on()
    path.close()
    return passed


def test_the_points_are_before_and_after_each_step_of_the_path():
    assert points_of(1) == [f"{side} {step}" for step in PATH for side in ("before", "after")]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("whole", [False, True], ids=["actor", "node"])
@pytest.mark.parametrize("miners", [1, 3])
def test_whatever_dies_at_any_point_the_chain_goes_on_and_no_block_is_lost(miners, whole):
    points = points_of(miners)
    wrong = []
    for at, point in enumerate(points):
        path = MinersPath(miners)
        try:
            assert path.walk(at, whole=whole).fired == point
            path.go_on()
        except InvariantError as error:
            wrong.append(f"{at} {point}: {error}")
        finally:
            path.close()
    assert not wrong


def test_an_order_that_was_acknowledged_stands_whatever_dies_while_it_is_given(path):
    reference = path(1)
    reference.points.armed = True
    reference.simulation.node(0).ask(StopMining())
    steps = list(reference.points.passed)
    assert steps == ["before MiningScheduler writes mining", "after MiningScheduler writes mining"]
    for order, stands in (StopMining(), False), (StartMining(), True):
        for at in range(len(steps)):
            network = path(1)
            node = network.simulation.node(0)
            if stands:
                node.ask(StopMining())
            network.points.at, network.points.armed = at, True
            try:
                node.ask(order)
            except AskError:
                acknowledged = False
            else:
                acknowledged = True
            network.simulation.run_epochs(1)
            assert network.points.fired == steps[at]
            written = steps[at].startswith("after")
            assert node.ask(ReadMining()).mining is (stands if written or acknowledged else not stands)


def test_the_invariants_can_fail(path):
    network = path(1)
    network.walk()
    [header, *_] = network.points.submitted
    twin = type(header)(**{**{name: getattr(header, name) for name in header.__dataclass_fields__}, "timestamp": 1})
    network.points.submitted.add(twin)
    with pytest.raises(InvariantError, match="gave out two blocks"):
        network.go_on()
    network = path(1)
    network.simulation.node(0).ask(StopMining())
    with pytest.raises(InvariantError, match="stands at height"):
        network.go_on()
    assert header.miner == Address.id(1000)
