"""Runs Thespian's own test suite, from the installed package, against the bases of this project.

Thespian's modules take their `asys` fixture from `thespian.test`; it is replaced here before they are imported.
The codec pickles (tests/peer/pickling.py), because the suite sends arbitrary objects.
"""

import importlib.util
import itertools

import pytest
import thespian.test
from thespian.actors import ActorSystem

from runtime.bases.process import ProcessBase
from runtime.bases.settings import Limits
from tests.peer.modules import INCLUDED, NOT_IN_SIMULATION

CAPABILITIES = {"Foo Allowed": True, "Cows Allowed": True, "Dogs Allowed": True, "dog": "food"}
_ports = itertools.count(1)


def _system(name, capabilities):
    if name == "processBase":
        base = ProcessBase(
            codec="tests.peer.pickling:PicklingCodec",
            capabilities=capabilities,
            limits=Limits(frame_bytes_max=128 << 20),
        )
    else:
        from runtime.bases.simulated import SimulatedBase
        from tests.peer.pickling import PicklingCodec

        base = SimulatedBase(seed=1, codec=PicklingCodec(), capabilities=capabilities, lazy_time=True)
    system = ActorSystem(base, capabilities=capabilities, transientUnique=True)
    system.base_name = name
    system.port_num = next(_ports)
    system.txonly = False
    return system


@pytest.fixture(params=["processBase"])
def asys(request):
    module = request.module.__name__.rpartition(".")[2]
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


thespian.test.asys = asys
thespian.test.similar_asys = similar_asys


class Suite(pytest.File):
    def collect(self):
        for name in INCLUDED:
            origin = importlib.util.find_spec(f"thespian.test.{name}").origin
            module = pytest.Module.from_parent(self, path=self.path.__class__(origin))
            module.add_marker(pytest.mark.slow)
            yield module


def pytest_collect_file(file_path, parent):
    if file_path.name == "modules.py" and file_path.parent.name == "peer":
        return Suite.from_parent(parent, path=file_path)
    return None
