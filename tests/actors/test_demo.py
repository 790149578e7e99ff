"""The demonstration's Node on virtual time, and the supervision rules as invariants under random faults."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from thespis.actors.demo import ACKNOWLEDGED, LEDGER_ROLES, RECEIVED, CountEvents, DemoNode, DemoSettings, ReadBook
from thespis.actors.testing import SimulatedNetwork
from thespis.runtime.actor.envelopes import ChildState
from thespis.runtime.actor.supervisor import EXIT_GAVE_UP
from thespis.runtime.errors import RoleUnavailableError
from thespis.runtime.store.interface import METADATA

from tests.properties import examples

ROLES = ("Auditor", *LEDGER_ROLES)


def lost_deposits(disk):
    def entries(role, prefix):
        return {key[len(prefix) :] for key, _ in disk.open_reader(role).scan(METADATA, prefix)}

    lost = set()
    for index, role in enumerate(LEDGER_ROLES):
        following = LEDGER_ROLES[(index + 1) % len(LEDGER_ROLES)]
        lost |= entries(role, ACKNOWLEDGED) - entries(following, RECEIVED)
    return lost


def states(node):
    return {role: row.state for role, row in node.rows().items() if role in ROLES}


def test_starts_in_order_works_and_stops_in_reverse(simulated_node):
    node = simulated_node(DemoNode, seed=1)
    assert set(states(node).values()) == {ChildState.RUNNING}
    started = [name for name in node.root.children]
    assert [name.split("-")[0] for name in started] == ["Auditor"] + ["Ledger"] * 11
    node.network.run(10)
    book = node.ask(ReadBook(), member=1)
    assert len(book.received) > 100
    assert node.ask(CountEvents()) > 50
    node.stop()
    assert node.root.children == {}
    assert set(states(node).values()) == {ChildState.STOPPED}
    node.stop()
    node.handle.start(DemoSettings(1.0))
    assert set(states(node).values()) == {ChildState.RUNNING}


def test_each_kill_heals_and_nothing_acknowledged_is_lost(simulated_node):
    node = simulated_node(DemoNode, seed=2)
    for role in ROLES:
        node.crash(role)
        node.network.run(1)
        row = node.row(role)
        assert (row.state, row.incarnation, row.restarts, row.reasons) == (ChildState.RUNNING, 2, 1, ("SIGKILL",))
    for role in ROLES:
        node.crash(role)
    node.network.run(2)
    assert set(states(node).values()) == {ChildState.RUNNING}
    assert lost_deposits(node.disk) == set()


def test_a_hung_child_is_killed_and_restarted(simulated_node):
    node = simulated_node(DemoNode, seed=3)
    node.hang("Ledger-5")
    node.network.run(8)
    row = node.row("Ledger-5")
    assert row.state is ChildState.RUNNING
    assert row.reasons == ("SIGKILL: no heartbeat for 3.0 s",)


def test_too_many_restarts_end_the_node_with_its_code(simulated_node):
    node = simulated_node(DemoNode, seed=4)
    for _ in range(40):
        node.crash("Ledger-2")
        node.network.run(0.25)
        if node.exit is not None:
            break
    assert node.exit is not None
    assert node.exit.code == EXIT_GAVE_UP
    assert node.network.base.actors == {}
    assert lost_deposits(node.disk) == set()


def test_a_crashed_node_comes_back_on_its_disk(simulated_network):
    network = simulated_network(seed=5)
    alice, bob = network.add("alice", DemoNode), network.add("bob", DemoNode)
    network.run(5)
    before = len(alice.ask(ReadBook(), member=1).received)
    alice.crash_all()
    network.run(1)
    assert alice.exit is not None
    assert bob.exit is None
    alice.restart()
    assert len(alice.ask(ReadBook(), member=1).received) >= before
    network.run(5)
    assert lost_deposits(alice.disk) == lost_deposits(bob.disk) == set()


def test_asked_restarts_and_unknown_roles(simulated_node):
    node = simulated_node(DemoNode, seed=6)
    node.handle.restart("Ledger-4")
    row = node.row("Ledger-4")
    assert (row.state, row.incarnation, row.restarts, row.reasons) == (ChildState.RUNNING, 2, 0, ("asked",))
    with pytest.raises(RoleUnavailableError, match="no role"):
        node.handle.restart("Nobody")


def test_a_lost_announcement_is_repeated(simulated_node):
    """A subsystem that misses the news of a restart, and no heartbeat, learns it with the next heartbeat."""
    node = simulated_node(DemoNode, seed=9)
    node.network.run(0.05)
    node.isolate("Ledger-1")
    node.crash("Ledger-2")
    node.network.run(0.6)
    assert node.row("Ledger-2").state is ChildState.RUNNING
    node.network.heal()
    before = len(node.ask(ReadBook(), member=1).acknowledged)
    node.network.run(6)
    assert node.row("Ledger-1").incarnation == 1
    assert len(node.ask(ReadBook(), member=1).acknowledged) > before + 20


def test_same_seed_same_history(simulated_network):
    def play(seed):
        network = simulated_network(seed=seed)
        node = network.add("node", DemoNode)
        node.crash("Ledger-1")
        node.hang("Ledger-2")
        network.run(10)
        return network.trace_hash

    assert play(7) == play(7)
    assert play(7) != play(8)


class SupervisionMachine(RuleBasedStateMachine):
    """Kills, hangs, partitions and delays in any order; the rules of supervision hold throughout."""

    roles = st.sampled_from(ROLES)

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed):
        self.network = SimulatedNetwork(seed)
        self.node = self.network.add("node", DemoNode, DemoSettings(0.5))
        self.incarnations = dict.fromkeys(ROLES, 1)

    @rule(role=roles)
    def kill(self, role):
        self.node.crash(role)

    @rule(several=st.sets(roles, min_size=2, max_size=12))
    def kill_several(self, several):
        for role in several:
            self.node.crash(role)

    @rule(role=roles)
    def hang(self, role):
        self.node.hang(role)

    @rule(role=roles)
    def resume(self, role):
        self.node.resume(role)

    @rule(role=roles)
    def isolate(self, role):
        self.node.isolate(role)

    @rule()
    def heal(self):
        self.network.heal()

    @rule(seconds=st.floats(0.001, 8.0))
    def wait(self, seconds):
        self.network.run(seconds)

    @invariant()
    def one_incarnation_per_role_and_they_only_grow(self):
        if self.node.exit is not None:
            assert self.network.base.actors == {}
            return
        for role in ROLES:
            assert len(self.node.actors(role)) <= 1
        children = self.node.root._actor.children
        for role, child in children.items():
            assert child.incarnation >= self.incarnations[role]
            self.incarnations[role] = child.incarnation
            assert child.log.total <= child.incarnation

    @invariant()
    def nothing_acknowledged_is_lost(self):
        assert lost_deposits(self.node.disk) == set()

    def teardown(self):
        if not hasattr(self, "node"):
            return
        self.network.heal()
        for role in ROLES:
            if self.node.exit is None:
                self.node.resume(role)
        self.network.run(40)
        if self.node.exit is None:
            assert set(states(self.node).values()) == {ChildState.RUNNING}
            before = len(self.node.ask(ReadBook(), member=1).received)
            self.network.run(5)
            assert len(self.node.ask(ReadBook(), member=1).received) > before
        else:
            assert self.node.exit.code == EXIT_GAVE_UP
        self.network.close()


SupervisionMachine.TestCase.settings = settings(max_examples=examples(25), stateful_step_count=20)
TestSupervision = pytest.mark.slow(SupervisionMachine.TestCase)
