"""Runs Thespian's own test suite, from the installed package, against the bases of this project.

Thespian's modules take their `asys` fixture from `thespian.test`; it is replaced here before they are imported.
The codec pickles (tests/peer/pickling.py), because the suite sends arbitrary objects.
"""

import importlib.util
import itertools
import os
import time

import pytest
import thespian.test
from thespian.actors import ActorSystem
from thespis.runtime.bases.process import ProcessBase
from thespis.runtime.bases.settings import Limits
from thespis.runtime.bases.simulated import SimulatedBase
from thespis.runtime.simulation.faults import Faults

from tests.peer.modules import EXCLUDED_TESTS, INCLUDED, LONG_TESTS, NOT_IN_SIMULATION
from tests.peer.pickling import PicklingCodec

CAPABILITIES = {"Foo Allowed": True, "Cows Allowed": True, "Dogs Allowed": True, "dog": "food"}
_ports = itertools.count(1)
os.environ.pop("PYTHONUNBUFFERED", None)  # one test counts on a buffered child


class WallClockSimulation(SimulatedBase):
    """The suite sleeps in real time between calls; virtual time advances by what passed since the last call."""

    def __init__(self, **arguments):
        super().__init__(faults=Faults(delay_max_ns=20_000), **arguments)
        self._left = time.monotonic()

    def tell(self, *arguments):
        self.run(time.monotonic() - self._left)
        super().tell(*arguments)
        self._left = time.monotonic()

    def listen(self, *arguments):
        self.run(time.monotonic() - self._left)
        try:
            return super().listen(*arguments)
        finally:
            self._left = time.monotonic()


def _system(name, capabilities):
    if name == "processBase":
        base = ProcessBase(
            codec="tests.peer.pickling:PicklingCodec",
            capabilities=capabilities,
            limits=Limits(frame_bytes_max=128 << 20),
        )
    else:
        base = WallClockSimulation(seed=1, codec=PicklingCodec(), capabilities=capabilities)
    system = ActorSystem(base, capabilities=capabilities, transientUnique=True)
    system.base_name = name
    system.port_num = next(_ports)
    system.txonly = False
    return system


@pytest.fixture(params=["processBase", "simulatedBase"])
def asys(request):
    module = request.module.__name__.rpartition(".")[2]
    test = request.node.originalname or request.node.name
    if reason := EXCLUDED_TESTS.get(f"{module}.{test}"):
        pytest.skip(reason)
    if f"{module}.{test}" in LONG_TESTS and not os.environ.get("THESPIS_PEER_ALL"):
        pytest.skip("takes 10 to 30 s; set THESPIS_PEER_ALL=1 to run it")
    if request.param == "simulatedBase" and module in NOT_IN_SIMULATION:
        pytest.skip(f"simulated base: {NOT_IN_SIMULATION[module]}")
    system = _system(request.param, dict(CAPABILITIES))
    yield system
    if system._systemBase is not None:
        system.shutdown()


def similar_asys(asys, in_convention=True, start_wait=True, capabilities=None):
    if in_convention:
        pytest.skip("conventions of several systems are not supported")
    return _system(asys.base_name, capabilities or {})


def delay_for_next_of_kin_notification(_system):
    """Thespian's own hook for bases that need longer: a spawned child takes about 0.2 s to start and fail."""
    time.sleep(0.6)


thespian.test.asys = asys
thespian.test.delay_for_next_of_kin_notification = delay_for_next_of_kin_notification
thespian.test.similar_asys = similar_asys


class Suite(pytest.File):
    def collect(self):
        for name in INCLUDED:
            origin = importlib.util.find_spec(f"thespian.test.{name}").origin
            module = pytest.Module.from_parent(self, path=self.path.__class__(origin))
            module.add_marker(pytest.mark.slow)
            module.add_marker(pytest.mark.rare)
            yield module


def pytest_collect_file(file_path, parent):
    if file_path.name == "modules.py" and file_path.parent.name == "peer":
        return Suite.from_parent(parent, path=file_path)
    return None
