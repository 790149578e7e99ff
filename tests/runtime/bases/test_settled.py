"""A process takes what a subsystem's start left out of the collector's sight; a simulation does not."""

import gc
import weakref

import pytest
from thespian.actors import ActorSystem
from thespis.runtime.actor.handle import SupervisorHandle
from thespis.runtime.actor.message import message
from thespis.runtime.actor.subsystem import Subsystem, handles
from thespis.runtime.actor.supervision import ChildSpec, Plan
from thespis.runtime.actor.supervisor import Supervisor
from thespis.runtime.bases.process import ProcessBase
from thespis.runtime.bases.settings import Limits


@message
class ReadFrozen:
    pass


@message
class Frozen:
    objects: int
    tracked: int
    garbage_is_collected: bool


class Collected(Subsystem):
    """Tells of its process's collector."""

    @handles(ReadFrozen)
    def read(self, _order):
        class Loop:
            pass

        ended = []
        loop = Loop()
        loop.itself = loop
        weakref.finalize(loop, ended.append, 1)
        del loop
        gc.collect()
        return Frozen(gc.get_freeze_count(), len(gc.get_objects()), bool(ended))


class Tree(Supervisor):
    plan = Plan((ChildSpec("Collected", Collected),))


@pytest.mark.slow
def test_a_ready_subsystem_has_its_start_frozen():
    system = ActorSystem(ProcessBase(limits=Limits(), log_level="CRITICAL"), transientUnique=True)
    try:
        handle = SupervisorHandle(system, system.createActor(Tree))
        handle.start(deadline_s=30)
        found = handle.tell_role("Collected", ReadFrozen())
        handle.stop()
    finally:
        system.shutdown()
    assert found.objects > 10_000  # the modules that are loaded
    assert found.tracked < found.objects / 4
    assert found.garbage_is_collected


def test_nothing_is_frozen_in_a_simulation(simulated_node):
    before = gc.get_freeze_count()
    node = simulated_node(Tree, seed=1)
    assert node.ask("Collected", ReadFrozen()).garbage_is_collected
    assert gc.get_freeze_count() == before
