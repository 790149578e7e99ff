"""Whatever a message's parameters are, applying it ends with a receipt, and nothing that a rule did not foresee."""

import dataclasses
import itertools

import pytest
from thespis.protocols.builtin.registry import ACTORS
from thespis.protocols.vm.machine import Machine

from tests.properties import examples
from tests.protocols.vm import hostile
from tests.protocols.vm.beginnings import NAMES, beginning_of

SEEDS = 12
STATES = ["genesis-v0", "genesis-v2", "miner-v0-network-3", "miner-v2-network-5"]
"""What is attacked in a run of all tests: `make fuzz` attacks the states of every trace."""


@pytest.fixture(scope="module", params=STATES)
def beginning(request):
    return beginning_of(request.param, most=4)


def test_there_is_an_actor_of_every_kind():
    for name in ("genesis-v0", "genesis-v2"):
        assert {kind for kind, found in hostile.Calls(beginning_of(name), 0).by_kind.items() if found} == set(ACTORS[0])


@pytest.mark.slow
@pytest.mark.behaviour(117)
def test_no_parameters_break_the_machine(beginning):
    """Nor do they give another outcome, use other gas or make money when they are executed again."""
    ended = [end for seed in range(examples(SEEDS)) for end in hostile.attack(beginning, seed)]
    assert len({code for _, code in ended}) > 6, "the calls have lost their variety"
    assert len({method for method, _ in ended}) > 15


def test_every_trace_is_attacked():
    assert len(NAMES) > len(STATES)


def crash(*_arguments):
    raise ZeroDivisionError("planted")


def test_a_crash_is_found_and_told_with_how_to_repeat_it(monkeypatch, capsys):
    """One method of the registry raises what no rule foresees."""
    methods = ACTORS[2]["verifiedregistry"]
    monkeypatch.setitem(methods, 2, dataclasses.replace(methods[2], rule=crash))
    assert hostile.main(["--calls", "300", "--beginning", "genesis-v2"]) == 1
    said = capsys.readouterr()
    assert "planted" in said.err
    seed = said.err.split("--seed ")[1].split()[0]
    assert hostile.main(["--calls", "1", "--beginning", "genesis-v2", "--seed", seed]) == 1


def test_money_that_is_made_is_found(monkeypatch):
    deposit = Machine._deposit
    monkeypatch.setattr(Machine, "_deposit", lambda self, address, amount: deposit(self, address, amount + 1))
    with pytest.raises(AssertionError, match="money was made or lost"):
        for seed in range(20):
            hostile.attack(beginning_of("genesis-v0"), seed)


def test_an_outcome_that_changes_is_found(monkeypatch):
    """Gas that depends on how often the machine was there is another outcome when the calls are made again."""
    count, call = itertools.count(), Machine.call
    monkeypatch.setattr(Machine, "call", lambda *given, **named: forged(call(*given, **named), next(count)))
    with pytest.raises(AssertionError, match="ends otherwise now"):
        hostile.attack(beginning_of("genesis-v0"), 0)


def forged(applied, gas):
    return dataclasses.replace(applied, receipt=dataclasses.replace(applied.receipt, gas_used=gas))
