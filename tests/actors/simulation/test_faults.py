"""What a simulation does to its network is bounded, and what it tolerates is."""

from types import SimpleNamespace

import pytest
from thespis.actors.simulation.faults import PARTITION_EPOCHS_MAX, FaultSchedule
from thespis.actors.simulation.invariants import MAILBOX_MAX, Checker, InvariantError


class Swarm:
    def __init__(self):
        self.is_cut = False

    def cut(self, left, right):
        assert left
        assert right
        assert not left & right
        self.is_cut = True

    def heal(self):
        self.is_cut = False


def simulated(**base):
    return SimpleNamespace(names=["a", "b", "c"], network=SimpleNamespace(base=SimpleNamespace(**base)))


def test_a_partition_lasts_a_bounded_number_of_epochs():
    swarm = Swarm()
    schedule = FaultSchedule(simulated(world=SimpleNamespace(swarm=swarm)), ("partition",), 7)
    lengths, epochs = set(), 0
    for _ in range(30_000):
        schedule.epoch()
        if swarm.is_cut:
            epochs += 1
        elif epochs:
            lengths.add(epochs)
            epochs = 0
    assert lengths == set(range(2, PARTITION_EPOCHS_MAX + 1))
    assert schedule.counts.partitions > 100


def test_a_mailbox_may_hold_a_bounded_number_of_messages():
    def check(*waiting):
        actors = {}
        for number, mailbox in enumerate(waiting):
            counters = SimpleNamespace(mailbox=mailbox)
            actors[number] = SimpleNamespace(details=f"actor {number}", counters=lambda counters=counters: counters)
        Checker(simulated(actors=actors))._mailboxes_are_bounded()

    check(0, MAILBOX_MAX)
    with pytest.raises(InvariantError, match=f"actor 1 has {MAILBOX_MAX + 1} messages"):
        check(0, MAILBOX_MAX + 1)
