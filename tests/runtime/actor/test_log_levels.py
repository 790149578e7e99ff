"""The log's levels: what an order changes, what a process holds of it, and that it reaches every process of a node."""

import logging

import pytest
from thespis.actors.demo import LEDGER_ROLES, DemoNode
from thespis.runtime.actor.log_levels import (
    LEVELS,
    LEVELS_MAX,
    NO_LEVELS,
    LogLevel,
    LogLevelError,
    LogLevels,
    SetLogLevel,
    changed,
)
from thespis.runtime.environment import ProcessEnvironment

ROLES = ("Node", "Wallet", "Ledger-1")
DEMO_ROLES = ("Auditor", *LEDGER_ROLES)


def after(*orders):
    levels = NO_LEVELS
    for name, level in orders:
        levels = changed(levels, SetLogLevel(name, level), ROLES)
    return levels


@pytest.mark.parametrize(
    ("name", "role", "logger"),
    [
        ("*", "", ""),
        ("Wallet", "Wallet", ""),
        ("Ledger-1", "Ledger-1", ""),
        ("thespis.runtime.actor.subsystem", "", "thespis.runtime.actor.subsystem"),
        ("runtime.actor.subsystem", "", "thespis.runtime.actor.subsystem"),
        ("runtime.p2p", "", "thespis.runtime.p2p"),
        ("thespis", "", "thespis"),
    ],
)
def test_what_a_name_stands_for(name, role, logger):
    assert after((name, "debug")) == LogLevels(1, (LogLevel(role, logger, "DEBUG"),))


def test_a_module_that_is_not_loaded_has_a_level_and_is_not_loaded_for_it(monkeypatch):
    import sys

    unloaded = "thespis.deploy.faucet"
    monkeypatch.delitem(sys.modules, unloaded, raising=False)
    assert after((unloaded, "info")).levels == (LogLevel("", unloaded, "INFO"),)
    assert unloaded not in sys.modules


@pytest.mark.parametrize("level", [*LEVELS, "Debug", "WARN"])
def test_levels_in_any_case(level):
    assert after(("*", level)).levels[0].level == LEVELS[level.lower()]


@pytest.mark.parametrize(
    "name",
    ["", "Nobody", "thespis.nonsense", "runtime.nonsense", "thespis..runtime", "thespis./etc", "..", "wallet", "*."],
)
def test_unknown_names_are_refused_with_the_choices(name):
    with pytest.raises(LogLevelError, match=r"'\*', a role \(Node, Wallet, Ledger-1\) or a module such as thespis\."):
        after((name, "debug"))


def test_unknown_levels_are_refused_with_the_choices():
    with pytest.raises(LogLevelError, match="no level 'loud'; they are debug, info, warn, warning, error, critical"):
        after(("*", "loud"))


def test_an_order_takes_the_place_of_the_former_one_of_its_name_and_everything_of_all():
    levels = after(("Wallet", "debug"), ("runtime.actor", "info"), ("Wallet", "error"))
    assert levels == LogLevels(3, (LogLevel("", "thespis.runtime.actor", "INFO"), LogLevel("Wallet", "", "ERROR")))
    assert levels.of("Wallet") == (("thespis.runtime.actor", "INFO"), ("", "ERROR"))
    assert levels.of("Syncer") == (("thespis.runtime.actor", "INFO"),)
    assert changed(levels, SetLogLevel("*", "warn"), ROLES) == LogLevels(4, (LogLevel("", "", "WARNING"),))


def test_what_is_remembered_is_bounded():
    names = [f"role-{number}" for number in range(LEVELS_MAX + 1)]
    levels = NO_LEVELS
    for name in names[:LEVELS_MAX]:
        levels = changed(levels, SetLogLevel(name, "debug"), names)
    with pytest.raises(LogLevelError, match="100 levels are set"):
        changed(levels, SetLogLevel(names[-1], "debug"), names)
    assert len(changed(levels, SetLogLevel(names[0], "info"), names).levels) == LEVELS_MAX
    assert len(changed(levels, SetLogLevel("*", "info"), names).levels) == 1


def test_a_process_holds_the_last_levels_and_gets_the_former_ones_back():
    environment = ProcessEnvironment(".")
    root, first, second = logging.getLogger(), logging.getLogger("tests.first"), logging.getLogger("tests.second")
    before = root.level
    second.setLevel("CRITICAL")
    try:
        environment.set_log_levels([("tests.first", "DEBUG"), ("tests.second", "INFO"), ("", "ERROR")])
        assert (root.level, first.level, second.level) == (logging.ERROR, logging.DEBUG, logging.INFO)
        environment.set_log_levels([("tests.first", "WARNING")])
        assert (root.level, first.level, second.level) == (before, logging.WARNING, logging.CRITICAL)
        environment.set_log_levels([])
        assert (root.level, first.level, second.level) == (before, logging.NOTSET, logging.CRITICAL)
        environment.set_log_levels([("", "DEBUG"), ("", "ERROR")])
        assert root.level == logging.ERROR
    finally:
        root.setLevel(before)


def held(node):
    """What each process of a simulated node writes."""
    found = {"DemoNode": node.root.environment.log_levels}
    return found | {role: actor.environment.log_levels for role in DEMO_ROLES for actor in node.actors(role)}


def test_levels_reach_every_process_and_survive_restarts(simulated_node):
    node = simulated_node(DemoNode, seed=11)
    assert held(node) == {role: {} for role in ("DemoNode", *DEMO_ROLES)}
    node.handle.ask_supervisor(SetLogLevel("*", "warn"))
    node.handle.ask_supervisor(SetLogLevel("runtime.actor.asks", "debug"))
    node.handle.ask_supervisor(SetLogLevel("Ledger-3", "debug"))
    node.network.run(0.5)
    everywhere = {"": "WARNING", "thespis.runtime.actor.asks": "DEBUG"}
    expected = dict.fromkeys(("DemoNode", *DEMO_ROLES), everywhere) | {"Ledger-3": everywhere | {"": "DEBUG"}}
    assert held(node) == expected
    for role in ("Ledger-3", "Ledger-4"):
        node.crash(role)
    node.handle.restart("Auditor")
    node.network.run(1)
    assert [node.row(role).incarnation for role in ("Ledger-3", "Ledger-4", "Auditor")] == [2, 2, 2]
    assert held(node) == expected


@pytest.mark.parametrize("moment_s", [0.0, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05])
def test_a_level_set_while_a_child_starts_reaches_it(simulated_node, moment_s):
    """Whether its process is not there yet or starts; no heartbeat helps within this time."""
    node = simulated_node(DemoNode, seed=12)
    node.crash("Ledger-3")
    node.network.run(moment_s)
    node.handle.ask_supervisor(SetLogLevel("Ledger-3", "debug"))
    node.network.run(0.9)
    assert node.row("Ledger-3").incarnation == 2
    assert held(node)["Ledger-3"] == {"": "DEBUG"}


def test_a_lost_level_is_sent_again_with_the_next_heartbeat(simulated_node):
    node = simulated_node(DemoNode, seed=13)
    node.network.run(1)
    node.isolate("Ledger-5")
    node.handle.ask_supervisor(SetLogLevel("*", "error"))
    node.network.run(0.2)
    assert held(node)["Ledger-5"] == {}
    node.network.heal()
    node.network.run(4)
    assert node.row("Ledger-5").incarnation == 1
    assert held(node)["Ledger-5"] == {"": "ERROR"}


def test_a_refused_order_changes_nothing(simulated_node):
    node = simulated_node(DemoNode, seed=14)
    with pytest.raises(LogLevelError, match="Auditor, Ledger-1"):
        node.handle.ask_supervisor(SetLogLevel("Nobody", "debug"))
    node.network.run(1)
    assert held(node) == {role: {} for role in ("DemoNode", *DEMO_ROLES)}
