"""A process takes what a subsystem's start left out of the collector's sight; a simulation does not."""

import gc
import weakref

import pytest
from thespian.actors import ActorSystem
from thespis.runtime.actor.conversation import Ask, Role
from thespis.runtime.actor.handle import SupervisorHandle
from thespis.runtime.actor.handlers import answers
from thespis.runtime.actor.message import message
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.actor.supervision import ChildSpec, Plan
from thespis.runtime.actor.supervisor import Supervisor
from thespis.runtime.bases.process import ProcessBase
from thespis.runtime.bases.settings import Limits

COLLECTED = Role("Collected", "tests of the collector")


@message
class Frozen:
    objects: int
    tracked: int
    garbage_is_collected: bool


@message
class ReadFrozen(Ask[Frozen], to=COLLECTED):
    pass


class Collected(Subsystem[None]):
    """Tells of its process's collector."""

    @answers(ReadFrozen)
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
    plan = Plan((ChildSpec(COLLECTED, Collected),))


@pytest.mark.slow
def test_a_ready_subsystem_has_its_start_frozen():
    system = ActorSystem(ProcessBase(limits=Limits(), log_level="CRITICAL"), transientUnique=True)
    try:
        handle = SupervisorHandle(system, system.createActor(Tree))
        handle.start(within_s=30)
        found = handle.ask(ReadFrozen())
        handle.stop()
    finally:
        system.shutdown()
    assert found.objects > 10_000  # the modules that are loaded
    assert found.tracked < found.objects / 4
    assert found.garbage_is_collected


def test_nothing_is_frozen_in_a_simulation(simulated_node):
    before = gc.get_freeze_count()
    node = simulated_node(Tree, seed=1)
    assert node.ask(ReadFrozen()).garbage_is_collected
    assert gc.get_freeze_count() == before
