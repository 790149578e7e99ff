"""Every enemy against honest nodes: what must hold while it is there, after it has gone, and for who comes back."""

import logging

import pytest
from thespis.actors.simulation.enemies.camp import CROWDED_POOL, ENEMIES, KINDS, Camp, miners_needed, pool_messages
from thespis.actors.simulation.invariants import LAG_EPOCHS_MAX, Checker
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.actors.simulation.run import simulate
from thespis.actors.simulation.topology import TOPOLOGIES, topology_links

SEED = 1
EPOCHS = 34
AWAY_EPOCHS, BACK_EPOCHS = 12, 9
EPOCH_S = 30


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
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
@pytest.mark.parametrize("kind", KINDS)
def test_a_node_that_was_away_catches_up_beside(kind):
    """Whoever comes back has everything to ask for, and meets the enemy before it meets the honest."""
    found = network(3, kind)
    checker = Checker(found, keeps_up=True)
    found.run_epochs(3)
    found.node(2).crash_all()
    found.run_epochs(AWAY_EPOCHS)
    enemy = ENEMIES[kind](found, f"late/{kind}")
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


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_topology_has_one_chain(topology):
    """Over a line, a star and a bridge too, with enemies that reach everyone and the epochs of mainnet."""
    result, simulation = simulate(
        SEED, nodes=4, miners=3, epochs=30, block_time_s=EPOCH_S, topology=topology, enemies=("made-up-heads", "crowd")
    )
    links = simulation.network.base.world.swarm.links
    simulation.close()
    assert result.height >= 25
    assert (links is None) == (topology == "mesh")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_chain_with_one_miner_goes_on_among_enemies():
    hostile = ("made-up-heads", "silence", "lost-messages", "ghost-siblings")
    result, simulation = simulate(SEED, nodes=2, miners=1, epochs=40, block_time_s=EPOCH_S, enemies=hostile)
    simulation.close()
    assert result.height >= 35


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_enemies_of_one_seed_are_one_history():
    def trace():
        result, simulation = simulate(5, nodes=2, miners=1, epochs=24, enemies=("replays", "equivocation", "crowd"))
        simulation.close()
        return result.trace

    assert trace() == trace()


def test_a_crowded_pool_keeps_what_its_users_sent():
    """The enemy's messages promise more than anybody's, and the user's waits long enough to be pushed out."""
    found = network(SEED, "dear-messages", pool_messages_max=pool_messages(("dear-messages",)))
    one, other = (str(each.account) for each in found.identities[:2])
    prices = {"GasLimit": 10**6, "GasFeeCap": "100", "GasPremium": "1"}
    sent = found.rpc(0, "MpoolPushMessage", {"From": one, "To": other, **prices}, None)
    enemy, most = ENEMIES["dear-messages"](found, "pool"), 0
    for _ in range(4):
        enemy.epoch()
        found.run_epochs(1)
        waiting = found.rpc(0, "MpoolPending", [])
        most = max(most, len(waiting))
        assert sent["CID"] in [each["CID"] for each in waiting]
        rich = [each["Message"] for each in waiting if each["Message"]["From"] != one and int(each["Message"]["Value"])]
        assert len(rich) <= 1, "the same money is promised once"
    found.close()
    assert most == CROWDED_POOL, "it did fill the pool"


def test_an_enemy_follows_a_node_whose_clock_is_ahead():
    """By its own clock the newest block is not due yet; that is no reason for an enemy to stand still."""
    found = network(2, "withheld-blocks", nodes=1, miners=1)
    found.network.base.world.skew("node-0", 0.4 * EPOCH_S)
    found.run_epochs(2)
    enemy = ENEMIES["withheld-blocks"](found, "ahead")
    clock, head = found.network.base.clock, enemy.chain().head
    while head().blocks[0].timestamp < clock.unix_s() + 2:
        found.run_epochs(0.1)
    enemy.act()
    assert enemy._own.knows(head().key)
    found.close()


def test_topologies_join_everyone():
    for topology in TOPOLOGIES:
        for nodes in range(1, 8):
            links = topology_links(topology, nodes)
            reached, new = {0}, {0}
            while new:
                new = {other for pair in links if pair & new for other in pair} - reached
                reached |= new
            assert reached == set(range(nodes)), topology
    assert len(topology_links("line", 5)) == len(topology_links("star", 5)) == 4
    assert len(topology_links("clusters", 6)) == 7
    with pytest.raises(ValueError, match="there are mesh"):
        topology_links("ring", 3)


def test_unknown_enemies_are_refused():
    with pytest.raises(ValueError, match="there are made-up-heads"):
        Camp(None, ("silence", "dragon"), 1)
    assert miners_needed(("silence",)) == 0
    assert miners_needed(("silence", "equivocation")) == 1
