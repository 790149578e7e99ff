"""A real node, real libp2p, and peers that lie and flood: who lies is dropped, and the node goes on as it was."""

import time

import pytest
from thespis.deploy.bench.callers import PREFIX
from thespis.deploy.bench.hostile import Siege

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

MEMORY_GROWTH_MAX_MIB = 64
FLOOD_S = 1.5
SETTLES_S = 20
LAG_EPOCHS_MAX = 10
"""Of a node with one miner: an epoch that it does not win has no block."""


@pytest.fixture(scope="module")
def siege(tmp_path_factory):
    made = Siege(tmp_path_factory.mktemp("siege"))
    with made.fleet:
        made.open()
        made.ask(100)
        yield made
        made.close()


def kept(siege, before):
    """MiB more than before that are left when the attackers are gone and what they asked for was let go of."""
    growth = []
    for _ in range(SETTLES_S):
        growth.append(siege.memory() - before)
        if growth[-1] < 2 * MEMORY_GROWTH_MAX_MIB:
            break
        time.sleep(1)
    return min(growth)


@pytest.mark.behaviour(25, 165, 166)
def test_liars_are_dropped_and_the_node_goes_on(siege):
    before, height = siege.memory(), siege.height()
    told = {line["name"]: line["dropped"] for line in siege.attack()}
    assert len(told) > 65
    assert [name for name, dropped in told.items() if not dropped] == []
    assert siege.memory() - before < MEMORY_GROWTH_MAX_MIB
    assert siege.height() > height
    assert siege.say_hello()
    assert siege.ask(20).failed == 0
    assert siege.restarts() == 0
    assert not siege.honest_dropped()


def test_floods_cost_no_memory_and_leave_the_honest_peer_its_answers(siege):
    before, height = siege.memory(), siege.height()
    floods = [line["begins"] for line in siege.attack(FLOOD_S) if "begins" in line]
    assert sum(not name.startswith(PREFIX) for name in floods) == 12
    assert sum(name.startswith(PREFIX) for name in floods) == 8
    assert kept(siege, before) < 2 * MEMORY_GROWTH_MAX_MIB
    assert siege.user_is_served()
    assert siege.ask(40).failed == siege.call(40).failed == 0
    assert siege.height() > height
    assert siege.restarts() == 0
    assert not siege.honest_dropped()
    assert 0 <= siege.lag() <= LAG_EPOCHS_MAX
