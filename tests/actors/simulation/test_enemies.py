"""Every enemy against honest nodes: what must hold while it is there, after it has gone, and for who comes back."""

import logging

import pytest
from thespis.actors.simulation.enemies.camp import ENEMIES, KINDS, miners_needed
from thespis.actors.simulation.invariants import LAG_EPOCHS_MAX, Checker
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.actors.simulation.run import simulate
from thespis.runtime.clock import seeded_random

SEED = 1
EPOCHS = 34
AWAY_EPOCHS, BACK_EPOCHS = 12, 9
EPOCH_S = 30

BROKEN = {}
BROKEN_FOR_THE_LATE = {}


def kinds(broken):
    """Every kind; those that still break something are expected to, and to say so as soon as they do not."""
    for kind in KINDS:
        reason = broken.get(kind)
        marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
        yield pytest.param(kind, marks=marks)


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", kinds(BROKEN))
def test_honest_nodes_hold_every_invariant_against(kind):
    result, simulation = simulate(SEED, nodes=3, miners=2, epochs=EPOCHS, block_time_s=EPOCH_S, enemies=(kind,))
    simulation.close()
    assert result.visits
    assert result.height > EPOCHS * 0.6


def network(seed, kind, nodes=3, miners=2, **options):
    found = SimulatedFilecoin(seed, nodes, miners, block_time_s=EPOCH_S, enemy_miners=miners_needed((kind,)), **options)
    found.run_to_genesis()
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", kinds(BROKEN_FOR_THE_LATE))
def test_a_node_that_was_away_catches_up_beside(kind):
    """Whoever comes back has everything to ask for, and meets the enemy before it meets the honest."""
    found = network(3, kind)
    checker = Checker(found, keeps_up=True)
    found.run_epochs(3)
    found.node(2).crash_all()
    found.run_epochs(AWAY_EPOCHS)
    enemy = ENEMIES[kind](found, seeded_random(f"late/{kind}"))
    enemy.epoch()
    found.run_epochs(1)
    found.node(2).restart()
    for _ in range(BACK_EPOCHS):
        enemy.epoch()
        found.run_epochs(1)
        checker.after_epoch()
    heights = [found.head(number).height for number in range(3)]
    found.close()
    assert max(heights) - min(heights) <= LAG_EPOCHS_MAX
