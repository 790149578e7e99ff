"""Whole networks with everything going wrong: twenty seeds, the same history everywhere, checkers that can fail."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from thespis.actors.simulation.faults import KINDS, FaultSchedule
from thespis.actors.simulation.invariants import Checker, InvariantError
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.actors.simulation.run import NODES_MAX, QUIET_EPOCHS, check_scenario, simulate
from thespis.deploy.cli.sim import replay_command

SEEDS = range(1, 21)
OFTEN = range(1, 9)
"""Those that `make test` runs; two of them upgrade half-way."""
EPOCHS = 300
UPGRADES_EVERY = 4
"""Every fourth network begins with the actors of version 0 and upgrades half-way, among all the faults."""


@pytest.fixture
def quiet():
    """Nodes that are killed log errors by the thousand."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=() if seed in OFTEN else (pytest.mark.rare,)) for seed in SEEDS]
)
@pytest.mark.usefixtures("quiet")
def test_twenty_seeds_hold_every_invariant(seed):
    """One seed; what broke is told with the command that shows it."""
    upgrade = EPOCHS // 2 if seed % UPGRADES_EVERY == 0 else -1
    try:
        result, simulation = simulate(seed, epochs=EPOCHS, faults=KINDS, upgrade_epoch=upgrade)
    except Exception as error:
        command = replay_command(seed, 5, 3, EPOCHS, KINDS, upgrade)
        pytest.fail(f"{type(error).__name__}: {error}\n{command}")
    simulation.close()
    assert result.states > EPOCHS // 2
    assert result.actors_killed
    assert result.messages > EPOCHS // 4


def replay(hash_seed):
    script = (
        "import logging, json; logging.disable(logging.ERROR)\n"
        "from thespis.actors.simulation.run import simulate\nfrom thespis.actors.simulation.faults import KINDS\n"
        "result, _ = simulate(9, epochs=60, faults=KINDS)\n"
        "print(json.dumps([result.trace, result.head, result.delivered]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=True, cwd=Path(__file__).parents[2]
    )
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_same_seed_is_the_same_history_in_two_processes():
    first, second = replay(1), replay(2)
    assert first == second
    assert first[2] > 1000


def test_a_calm_network_has_one_chain_and_no_null_rounds_to_speak_of():
    result, simulation = simulate(4, nodes=3, miners=2, epochs=30)
    simulation.close()
    assert result.deepest_reorg <= 1
    assert result.null_rounds <= 2
    assert result.messages == 5
    assert abs(sum(result.win_share.values()) - 1) < 0.01


def test_unknown_faults_are_refused():
    with pytest.raises(ValueError, match="there are loss"):
        FaultSchedule(None, ("loss", "meteor"), 1)


# -- the checkers themselves must be able to fail ---------------------------------------------------------------


@pytest.fixture
def small():
    found = SimulatedFilecoin(2, 2, 1)
    found.run_to_genesis()
    found.run_epochs(12)
    yield found
    found.close()


def test_a_disagreement_is_seen(small):
    small.network.base.world.swarm.cut({"node-0"}, {"node-1"})
    small.run_epochs(25)
    checker = Checker(small)
    checker.agreement()
    small.network.base.world.swarm.heal()
    lonely = SimulatedFilecoin(2, 2, 2)
    lonely.run_to_genesis()
    lonely.network.base.world.swarm.cut({"node-0"}, {"node-1"})
    lonely.run_epochs(25)
    with pytest.raises(InvariantError, match="disagree"):
        Checker(lonely).agreement()
    lonely.close()


def test_a_falling_weight_is_seen(small):
    import dataclasses

    checker = Checker(small)
    checker.after_epoch()
    checker._heads[0] = dataclasses.replace(checker._heads[0], weight=checker._heads[0].weight * 2)
    with pytest.raises(InvariantError, match="weight fell"):
        checker.after_epoch()


def test_a_lost_message_is_seen(small):
    with pytest.raises(InvariantError, match="is 0 times on chain"):
        Checker(small).messages_are_kept(0, {"bafy2bzacedswlcz5ddgqnyo3sak3jmhmkxashisnlpq6ujgyhe4mlobzpnhs6": 3})


def test_a_changed_supply_and_another_state_are_seen(small, monkeypatch):
    checker = Checker(small)
    checker.after_epoch()
    assert checker.states > 5
    assert checker.states_recompute(0, 3) >= 3
    checker._supply += 1
    checker._checked.clear()
    with pytest.raises(InvariantError, match="the balances sum to"):
        checker.after_epoch()
    from thespis.actors.chain.index import Execution
    from thespis.actors.chain.reader import ChainReader

    real = ChainReader.execution

    def wrong(self, key):
        found = real(self, key)
        return Execution(found.receipts_root, found.receipts_root, found.weight)

    monkeypatch.setattr(ChainReader, "execution", wrong)
    with pytest.raises(InvariantError, match="another state"):
        checker.states_recompute(0, 3)


def test_two_blocks_at_one_height_are_seen(small):
    checker = Checker(small)
    checker.one_block_per_height(0)
    from thespis.actors.chain.index import put_block
    from thespis.actors.chain.reader import ChainReader

    reader = ChainReader(small.node(0).disk.open_reader("chain"))
    head = reader.head()
    store = small.node(0).disk._volumes["chain"].holder
    store.write([put_block(head.height - 1, head.key[0], head.parents)])
    with pytest.raises(InvariantError, match="two blocks"):
        checker.one_block_per_height(0)


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ((2, 5, 300), "2 nodes with 5 miners"),
        ((0, 0, 300), "0 nodes"),
        ((NODES_MAX + 1, 1, 300), f"1 to {NODES_MAX} nodes"),
        ((5, 3, QUIET_EPOCHS), "more than 16"),
        ((5, 3, 300, ("bogus",)), "'bogus'; there are loss"),
        ((5, 3, 300, (), ("bogus",)), "'bogus'; there are"),
    ],
)
def test_what_would_not_be_simulated_as_it_is_said_is_refused(scenario, said):
    with pytest.raises(ValueError, match=said):
        check_scenario(*scenario)
    check_scenario(NODES_MAX, NODES_MAX, QUIET_EPOCHS + 1, KINDS)
