"""The machine on a small state of its own, without the corpus."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.builtin.account import AccountState
from thespis.protocols.builtin.codes import BURNT_FUNDS, INIT, REWARD, SYSTEM, actors_version, code_of, name_of
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.builtin.methods import ADDRESS
from thespis.protocols.chain.message import Message
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.car import CarReader
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import NodeError
from thespis.protocols.ipld.blockstore import MemoryBlockstore, save
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.vm import machine as machine_module
from thespis.protocols.vm.exit_codes import ActorAbort, ExitCode
from thespis.protocols.vm.gas import PRICES_V0, GasMeter
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.runtime import EMPTY_OBJECT
from thespis.protocols.vm.state_tree import Actor, StateRoot, StateTree

from tests.properties import examples
from tests.vectors import path

ALICE, BOB = Address.secp256k1(b"alice"), Address.bls(b"\x80" + bytes(47))
BALANCE = 10**18


def world(network_version=0):
    store = MemoryBlockstore()
    version = actors_version(network_version)
    addresses = Hamt(store, version=HamtVersion.V0)
    addresses.set(ALICE.data, 100)
    init = save(store, InitState(addresses.flush(), 101, "test").to_wire())
    actors = Hamt(store, version=HamtVersion.V0)
    empty = save(store, {})
    entries = {
        SYSTEM: Actor(code_of("system", version), empty, 0, 0),
        INIT: Actor(code_of("init", version), init, 0, 0),
        REWARD: Actor(code_of("reward", version), empty, 0, 0),
        BURNT_FUNDS: Actor(code_of("account", version), empty, 0, 0),
        Address.id(100): Actor(code_of("account", version), save(store, AccountState(ALICE).to_wire()), 0, BALANCE),
    }
    for address, actor in entries.items():
        actors.set(address.data, actor.to_wire())
    root = actors.flush()
    if network_version >= 4:
        root = save(store, StateRoot(1, root, save(store, [])).to_wire())
    return StateTree(store, root)


def message(**changes):
    values = {
        "version": 0, "to": BOB, "sender": ALICE, "nonce": 0, "value": 5, "gas_limit": 10_000_000,
        "gas_fee_cap": 200, "gas_premium": 1, "method": 0, "params": b"",
    }  # fmt: skip
    return Message(**{**values, **changes})


def total(state):
    root = state.flush()
    store = state.store
    if state._info is not None:
        root = StateRoot.decode(store.get(root)).actors
    return sum(Actor.from_wire(wire).balance for _, wire in Hamt(store, root, version=HamtVersion.V0).items())


@pytest.mark.parametrize("network_version", [0, 3, 4, 5])
def test_a_transfer_makes_the_account_and_moves_the_money(network_version):
    state = world(network_version)
    machine = Machine(state, network_version, 100, 1)
    applied = machine.apply(message(), 80)
    assert applied.receipt.exit_code == ExitCode.OK
    bob = state.get(BOB)
    assert bob.balance == 5
    assert AccountState.decode(state.store.get(bob.head)).address == BOB
    assert state.resolve(BOB) == Address.id(101)
    assert state.get(ALICE).nonce == 1
    assert state.get(REWARD).balance == applied.miner_tip == 10_000_000
    assert total(state) == BALANCE
    second = machine.apply(message(nonce=1), 80)
    assert second.receipt.gas_used < applied.receipt.gas_used
    assert StateTree(state.store, state.flush()).get(BOB).balance == 10


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sender": BOB}, ExitCode.SYS_SENDER_INVALID),
        ({"sender": INIT}, ExitCode.SYS_SENDER_INVALID),
        ({"nonce": 1}, ExitCode.SYS_SENDER_STATE_INVALID),
        ({"gas_fee_cap": BALANCE}, ExitCode.SYS_SENDER_STATE_INVALID),
        ({"gas_limit": 1000}, ExitCode.SYS_OUT_OF_GAS),
    ],
)
def test_what_may_not_run_changes_nothing_and_costs_the_miner(changes, code):
    state = world()
    before = state.flush()
    applied = Machine(state, 0, 100, 1).apply(message(**changes), 80)
    assert applied.receipt.exit_code == code
    assert applied.receipt.gas_used == 0
    assert applied.miner_penalty > 0
    assert state.flush() == before


def test_an_actor_deleted_to_itself_takes_its_money_along():
    state = world()
    machine = Machine(state, 0, 100, 1)
    machine.delete_actor(Address.id(100), ALICE)
    assert state.get(Address.id(100)) is None
    assert total(state) == 0
    with pytest.raises(ActorAbort) as abort:
        machine.delete_actor(Address.id(100), ALICE)
    assert abort.value.code == ExitCode.SYS_ILLEGAL_ACTOR


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"value": BALANCE}, ExitCode.SYS_INSUFFICIENT_FUNDS),
        ({"value": -1}, ExitCode.SYS_FORBIDDEN),
        ({"to": Address.id(5000)}, ExitCode.SYS_INVALID_RECEIVER),
        ({"to": Address.actor(b"x")}, ExitCode.SYS_INVALID_RECEIVER),
        ({"gas_limit": 1_200_000}, ExitCode.SYS_OUT_OF_GAS),
        ({"to": ALICE, "method": 9}, ExitCode.SYS_INVALID_METHOD),
        ({"to": ALICE, "method": 1, "params": ADDRESS.encode(BOB)}, ExitCode.SYS_FORBIDDEN),
        ({"to": ALICE, "method": 1}, 1),
    ],
)
def test_what_fails_while_running_keeps_nonce_and_gas_only(changes, code):
    state = world()
    applied = Machine(state, 0, 100, 1).apply(message(**changes), 80)
    assert applied.receipt.exit_code == code
    assert applied.receipt.gas_used > 0
    assert state.get(BOB) is None
    assert state.get(ALICE).nonce == 1
    assert total(state) == BALANCE


def test_an_account_tells_its_key():
    state = world()
    applied = Machine(state, 0, 100, 1).apply(message(to=Address.id(100), method=2, value=0), 80)
    assert applied.receipt.return_value == cbor.encode(ALICE.data)


def test_network_versions_without_actors_are_refused():
    with pytest.raises(NotImplementedError, match="network version 6"):
        Machine(world(), 6, 100, 1)


def test_gas():
    meter = GasMeter(10)
    meter.charge(8)
    meter.charge(-3)
    with pytest.raises(ActorAbort) as caught:
        meter.charge(6)
    assert caught.value.code == ExitCode.SYS_OUT_OF_GAS
    assert meter.used == 10
    assert PRICES_V0.on_chain_message(23) + PRICES_V0.on_invocation(0, 0) == 127_096  # the corpus' plainest transfer


def test_codes():
    assert str(code_of("account", 0)) == "bafkqadlgnfwc6mjpmfrwg33vnz2a"
    assert name_of(code_of("multisig", 2)) == "multisig"
    assert name_of(Cid.of(b"x")) == str(Cid.of(b"x"))


def test_state_tree_snapshots():
    state = world()
    state.snapshot()
    state.change(ALICE, balance=1)
    state.snapshot()
    number = state.register(BOB)
    state.set(BOB, Actor(code_of("account", 0), EMPTY_OBJECT, 0, 0))
    assert state.get(number) is not None
    state.revert()
    assert state.resolve(BOB) is None
    assert state.get(ALICE).balance == 1
    state.commit()
    assert state.get(ALICE).balance == 1
    with pytest.raises(NodeError):
        state.set(BOB, state.get(ALICE))
    with pytest.raises(NodeError):
        state.change(Address.id(77), balance=1)


def test_mainnet_genesis_state():
    store = MemoryBlockstore()
    with path("mainnet/genesis.car").open("rb") as stream:
        reader = CarReader(stream)
        for cid, block in reader:
            store.put(cid, block)
    root = cbor.decode(store.get(reader.roots[0]))[8]
    state = StateTree(store, root)
    assert name_of(state.get(INIT).code) == "init"
    assert state.flush() == root


@settings(max_examples=examples(40))
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(-5, BALANCE), st.integers(1, 4_000_000), st.integers(0, 3)), max_size=6
    )
)
def test_money_is_conserved_and_execution_is_deterministic(steps):
    roots = set()
    for _ in range(2):
        state = world()
        machine = Machine(state, 0, 100, 1)
        targets = [ALICE, BOB, Address.id(7777), REWARD]
        for target, value, gas_limit, nonce in steps:
            machine.apply(message(to=targets[target], value=value, gas_limit=gas_limit, nonce=nonce), 80)
            assert total(state) == BALANCE
        roots.add(state.flush())
    assert len(roots) == 1


def test_calls_within_calls_are_bounded(monkeypatch):
    """An actor that calls itself: as deep as the bound is fine, one more ends the innermost call by its code."""
    assert machine_module.CALL_DEPTH_MAX == 4096
    monkeypatch.setattr(machine_module, "CALL_DEPTH_MAX", 5)
    caller = Address.id(200)
    ends = []

    def call(runtime, params):
        runtime.accept_any_caller()
        left = params[0]
        if left > 1:
            ends.append(runtime.send(caller, 1, bytes([left - 1]), 0)[0])
        return b""

    def calls(depth):
        ends.clear()
        state = world()
        state.set(caller, Actor(Cid.of(b"caller"), EMPTY_OBJECT, 0, 0))
        machine = Machine(state, 0, 100, 1, extra={name_of(Cid.of(b"caller")): {1: SimpleNamespace(run=call)}})
        applied = machine.apply(message(to=caller, value=0, method=1, params=bytes([depth])), 80)
        assert applied.receipt.exit_code == ExitCode.OK
        return [int(code) for code in ends]

    assert calls(5) == [0] * 4
    assert calls(6) == [ExitCode.SYS_FORBIDDEN, 0, 0, 0, 0]
