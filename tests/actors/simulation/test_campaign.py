"""One seed after another: each draws its network, one that breaks ends no other, and is told with its command."""

import shlex

import pytest
from click.testing import CliRunner
from thespis.actors.simulation import campaign
from thespis.actors.simulation.campaign import BLOCK_TIMES_S, EPOCHS, NODES, Draw
from thespis.actors.simulation.invariants import InvariantError
from thespis.actors.simulation.run import QUIET_EPOCHS, SimulationResult
from thespis.actors.simulation.topology import TOPOLOGIES
from thespis.deploy.cli.sim import sim


class Simulated:
    def close(self):
        pass


@pytest.fixture
def runs(monkeypatch):
    """What was simulated; every third seed breaks."""
    seen = []

    def simulate(seed, nodes, miners, epochs, topology, block_time_s, *, faults, enemies):
        seen.append(seed)
        if seed % 3 == 0:
            raise InvariantError(f"seed {seed} broke")
        result = SimulationResult(seed, nodes, miners, epochs, faults, enemies, topology, block_time_s, height=epochs)
        return result, Simulated()

    monkeypatch.setattr(campaign, "simulate", simulate)
    return seen


def run(*arguments):
    return CliRunner().invoke(sim, [*arguments])


def test_a_seed_draws_one_world_and_all_worlds_are_drawn():
    draws = [Draw.of(seed) for seed in range(1, 201)]
    assert draws == [Draw.of(seed) for seed in range(1, 201)]
    assert {draw.nodes for draw in draws} == set(NODES)
    assert {draw.topology for draw in draws} == set(TOPOLOGIES)
    assert {draw.block_time_s for draw in draws} == set(BLOCK_TIMES_S)
    assert {draw.miners for draw in draws} == set(range(1, max(NODES) + 1))
    assert all(QUIET_EPOCHS < EPOCHS[0] <= draw.epochs < EPOCHS[1] for draw in draws)


def test_every_seed_is_run_and_what_broke_is_told_with_the_command_that_repeats_it(runs):
    done = run("--seeds", "2-7", "--faults", "loss", "--enemies", "silence")
    assert runs == [2, 3, 4, 5, 6, 7]
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [f"seed {seed}" for seed in range(2, 8)]
    assert ["BROKEN InvariantError" in line for line in lines[:-1]] == [False, True, False, False, True, False]
    assert lines[-1].startswith("4 of 6 seeds held")
    assert done.exit_code == 1
    commands = done.stderr.splitlines()
    assert [" --seed 3 " in commands[0], " --seed 6 " in commands[1]] == [True, True]
    words = shlex.split(commands[0].removeprefix("replay: thespis sim"))
    draw = Draw.of(3)
    told = dict(zip(words[::2], words[1::2], strict=True))
    assert (int(told["--nodes"]), int(told["--miners"]), int(told["--epochs"])) == (
        draw.nodes,
        draw.miners,
        draw.epochs,
    )
    assert (told["--topology"], int(told["--block-time"])) == (draw.topology, draw.block_time_s)
    assert (told["--faults"], told["--enemies"]) == ("loss", "silence")


def test_a_campaign_that_holds_ends_with_0(runs):
    done = run("--seeds", "4-5")
    assert (done.exit_code, runs) == (0, [4, 5])
    assert "2 of 2 seeds held" in done.stdout


@pytest.mark.parametrize("seeds", ["7-2", "a-b", "1-x", "-3", ""])
def test_a_range_that_is_none_is_refused(seeds, runs):
    done = run("--seeds", seeds)
    assert (done.exit_code, runs) == (2, [])


def test_what_a_seed_draws_cannot_be_given(runs):
    done = run("--seeds", "1-2", "--nodes", "9")
    assert (done.exit_code, runs) == (2, [])
    assert "leave out nodes" in done.output
