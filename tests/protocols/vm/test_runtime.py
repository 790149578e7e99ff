"""What an actor may ask the machine for while it handles a call, each with its price and its refusals."""

import dataclasses
import hashlib
from types import SimpleNamespace

import pytest
from thespis.protocols.builtin.account import AccountState
from thespis.protocols.builtin.codes import BURNT_FUNDS, INIT, SYSTEM, code_of
from thespis.protocols.builtin.methods import Bare, method
from thespis.protocols.builtin.policy import Policy
from thespis.protocols.consensus.randomness import Purpose
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.piece_cid import piece_cid_v1
from thespis.protocols.encoding.tuples import TokenAmount
from thespis.protocols.errors import NodeError
from thespis.protocols.ipld.blockstore import save
from thespis.protocols.vm.exit_codes import ActorAbort, ActorPanic, ExitCode, StateFault, code_of_fault
from thespis.protocols.vm.gas import PRICES_V0, GasMeter, PriceList
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.runtime import EMPTY_OBJECT, ActorRuntime
from thespis.protocols.vm.state_tree import Actor, StateTree
from thespis.protocols.vm.world import PostProof, WindowPostInfo

from tests.protocols.vm.test_machine import ALICE, BALANCE, BOB, message, world

BYTES = Bare(bytes)
FRESH, NOBODY, ALICES = Address.id(200), Address.id(999), Address.id(100)
WORLD = SimpleNamespace(
    window_post_is_valid=lambda _info: True,
    ticket_randomness=lambda purpose, epoch, entropy: ("ticket", purpose, epoch, entropy),
    beacon_randomness=lambda purpose, epoch, entropy: ("beacon", purpose, epoch, entropy),
    circulating_supply=lambda epoch, state: (epoch, state),
)
DISTINCT = PriceList(
    **{
        field.name: (1000 + 10 * place, 3 + place) if field.type.startswith("tuple") else 10_000 * (place + 1)
        for place, field in enumerate(dataclasses.fields(PriceList))
    }
    | {"storage_multiplier": 7}
)
"""Prices of which no two are alike, so that no charge passes for another."""


@pytest.fixture
def runtime():
    """Alice calls a fresh actor that has a state's place and no state."""
    state = world(3)
    assert save(state.store, []) == EMPTY_OBJECT
    state.set(FRESH, Actor(code_of("multisig", 0), EMPTY_OBJECT, 0, 7))
    machine = Machine(state, 3, 100, 10, DISTINCT, world=WORLD, policy=Policy(proving_period=77))
    machine.meter = GasMeter(10**12)
    return ActorRuntime(machine, ALICES, FRESH, 5)


def cost(runtime, work):
    before = runtime._machine.meter.used
    work()
    return runtime._machine.meter.used - before


def test_prices_are_those_of_the_first_list():
    """Lotus v1.4.0 ``chain/vm/gas.go``, the list from epoch 0 on."""
    assert dataclasses.asdict(PRICES_V0) == {
        "storage_multiplier": 1000, "message_compute": 38863, "message_storage": 36, "message_storage_per_byte": 1,
        "return_value_per_byte": 1, "send_base": 29233, "send_transfer_funds": 27500,
        "send_transfer_only_premium": 159672, "send_invoke_method": -5377, "ipld_get": 75242, "ipld_put": 84070,
        "ipld_put_per_byte": 1, "create_actor_compute": 1108454, "create_actor_storage": 76,
        "verify_bls": 16598605, "verify_secp256k1": 1637292, "hashing": 31355, "unsealed_sector_cid": 98647,
        "verify_post_small": (123861062, 9226981), "verify_post_large": (748593537, 85639), "consensus_fault": 495422,
    }  # fmt: skip


def test_what_is_composed_of_prices_is_their_sum():
    prices, each = DISTINCT, DISTINCT.storage_multiplier
    stored = prices.message_storage + 11 * prices.message_storage_per_byte
    assert prices.on_chain_message(11) == prices.message_compute + each * stored
    assert prices.on_return_value(11) == 11 * prices.return_value_per_byte * each
    transfer = prices.send_base + prices.send_transfer_funds
    assert prices.on_invocation(0, 0) == prices.send_base
    assert prices.on_invocation(1, 0) == transfer + prices.send_transfer_only_premium
    assert prices.on_invocation(0, 1) == prices.send_base + prices.send_invoke_method
    assert prices.on_invocation(1, 1) == transfer + prices.send_invoke_method
    assert prices.on_put(11) == prices.ipld_put + 11 * prices.ipld_put_per_byte * each
    assert prices.on_create_actor() == prices.create_actor_compute + each * prices.create_actor_storage
    assert prices.on_delete_actor() == -each * prices.create_actor_storage


@pytest.mark.parametrize(("proof", "large"), [(5, False), (7, False), (8, True), (9, True), (10, False)])
def test_a_window_proof_costs_half_of_its_flat_and_each_sectors_price(proof, large):
    flat, each = DISTINCT.verify_post_large if large else DISTINCT.verify_post_small
    assert DISTINCT.on_verify_post(proof, 9) == (flat + 9 * each) // 2


def test_gas_may_be_used_to_the_last_unit_and_no_further():
    meter = GasMeter(100)
    meter.charge(100)
    assert meter.used == 100
    meter.charge(-30)
    with pytest.raises(ActorAbort) as refused:
        meter.charge(31)
    assert (refused.value.code, meter.used) == (ExitCode.SYS_OUT_OF_GAS, 100)


def test_a_hash_has_32_bytes_and_a_price(runtime):
    found = []
    assert cost(runtime, lambda: found.append(runtime.hash_blake2b(b"data"))) == DISTINCT.hashing
    assert found == [hashlib.blake2b(b"data", digest_size=32).digest()]


def test_blocks_have_prices_and_to_ask_whether_one_is_there_has_none(runtime):
    cid = Cid.of(b"\x81\x01")
    assert not runtime.has(cid)
    assert cost(runtime, lambda: runtime.put(cid, b"\x81\x01")) == DISTINCT.on_put(2)
    assert cost(runtime, lambda: runtime.has(cid)) == 0
    assert runtime.has(cid)
    assert cost(runtime, lambda: runtime.get(cid)) == DISTINCT.ipld_get
    assert runtime.get(cid) == b"\x81\x01"
    assert cost(runtime, lambda: runtime.charge(17)) == 17


@pytest.mark.parametrize(
    ("kind", "price"),
    [(SignatureType.BLS, DISTINCT.verify_bls), (SignatureType.SECP256K1, DISTINCT.verify_secp256k1)],
)
def test_a_signature_is_paid_before_it_is_looked_at_and_an_id_costs_its_account(runtime, kind, price):
    def look(signer):
        with pytest.raises(StateFault):
            runtime.syscalls.verify_signature(Signature(kind, bytes(3)), signer, b"")

    assert cost(runtime, lambda: look(ALICE)) == price
    assert cost(runtime, lambda: look(ALICES)) == price + DISTINCT.ipld_get


def test_other_syscalls_have_their_prices(runtime):
    calls = runtime.syscalls
    pieces = [(piece_cid_v1(bytes(32)), 1024), (piece_cid_v1(bytes(32)), 1024)]
    assert cost(runtime, lambda: calls.unsealed_sector_cid(0, pieces)) == DISTINCT.unsealed_sector_cid
    for proofs, kind in (((PostProof(8, b""),), 8), ((PostProof(5, b""), PostProof(8, b"")), 5), ((), -1)):
        info = WindowPostInfo(b"", proofs, [None] * 4, 1)
        assert cost(runtime, lambda info=info: calls.verify_post(info)) == DISTINCT.on_verify_post(kind, 4)
    with pytest.raises(StateFault):
        calls.unsealed_sector_cid(0, [(piece_cid_v1(bytes(32)), 4096)])


def test_the_key_of_an_id_is_its_account_s(runtime):
    key_of = runtime._machine.key_of
    assert (key_of(ALICE), key_of(BOB), key_of(ALICES)) == (ALICE, BOB, ALICE)
    for address in (NOBODY, FRESH, INIT, Address.actor(b"robust")):
        with pytest.raises(StateFault):
            key_of(address)


def test_what_surrounds_a_call_is_told_as_it_is(runtime):
    assert (runtime.epoch, runtime.network_version, runtime.actors_version) == (10, 3, 0)
    assert (runtime.policy.proving_period, runtime.balance(), runtime.value, runtime.caller) == (77, 7, 5, ALICES)
    assert runtime.ticket_randomness(Purpose.SEAL_RANDOMNESS, 3, b"e") == ("ticket", Purpose.SEAL_RANDOMNESS, 3, b"e")
    assert runtime.beacon_randomness(Purpose.SEAL_RANDOMNESS, 4, b"f") == ("beacon", Purpose.SEAL_RANDOMNESS, 4, b"f")
    assert runtime.circulating_supply() == (10, runtime._machine.state)
    assert ActorRuntime(runtime._machine, ALICES, NOBODY, 0).balance() == 0
    assert [runtime.code_name(address) for address in (FRESH, ALICES, NOBODY)] == ["multisig", "account", ""]
    foreign = code_of("multisig", 2)
    runtime._machine.state.set(Address.id(201), Actor(foreign, EMPTY_OBJECT, 0, 0))
    assert runtime.code_name(Address.id(201)) == str(foreign)


def test_the_receivers_id_is_known_where_it_is_named_by_it(runtime):
    assert runtime.receiver_id == 200
    with pytest.raises(ActorPanic, match="no id address"):
        _ = ActorRuntime(runtime._machine, ALICES, BOB, 0).receiver_id


def ends(work, code):
    with pytest.raises(ActorAbort) as refused:
        work()
    assert refused.value.code == code


def test_the_caller_is_validated_once_and_against_what_is_asked(runtime):
    def again():
        return ActorRuntime(runtime._machine, ALICES, FRESH, 0)

    for ask in (lambda r: r.accept_any_caller(), lambda r: r.validate_caller(SYSTEM, ALICES)):
        one = again()
        assert not one.caller_validated
        ask(one)
        assert one.caller_validated
        ends(lambda one=one, ask=ask: ask(one), ExitCode.SYS_ILLEGAL_ACTOR)
    again().validate_caller_kind("init", "account")
    ends(lambda: again().validate_caller(SYSTEM), ExitCode.SYS_FORBIDDEN)
    ends(lambda: again().validate_caller_kind("init"), ExitCode.SYS_FORBIDDEN)


def test_a_state_is_made_once_and_changed_only_as_it_was_read(runtime):
    machine, first, second = runtime._machine, AccountState(ALICE), AccountState(BOB)
    runtime.create_state(first)
    assert runtime.read_state(AccountState) == first
    ends(lambda: runtime.create_state(second), ExitCode.SYS_ILLEGAL_ACTOR)
    assert runtime.transaction(AccountState, lambda found: (second, found.address)) == (second, ALICE)
    assert runtime.read_state(AccountState) == second

    def meanwhile(found):
        machine.state.change(FRESH, head=EMPTY_OBJECT)
        return found, None

    ends(lambda: runtime.transaction(AccountState, meanwhile), ExitCode.SYS_ILLEGAL_ACTOR)
    nobody = ActorRuntime(machine, ALICES, NOBODY, 0)
    ends(lambda: nobody.read_state(AccountState), ExitCode.SYS_ILLEGAL_ARGUMENT)
    ends(lambda: nobody.transaction(AccountState, lambda found: (found, None)), ExitCode.SYS_ILLEGAL_ACTOR)
    ends(lambda: nobody.create_state(first), ExitCode.SYS_ILLEGAL_ACTOR)


def test_no_actor_is_called_within_a_transaction(runtime):
    runtime.create_state(AccountState(ALICE))
    ends(
        lambda: runtime.transaction(AccountState, lambda found: (found, runtime.send(ALICES, 0, b"", 1))),
        ExitCode.SYS_ILLEGAL_ACTOR,
    )
    after = ActorRuntime(runtime._machine, ALICES, FRESH, 0)
    after.transaction(AccountState, lambda found: (found, None))
    assert after.send(ALICES, 0, b"", 1) == (0, b"")
    assert (after.balance(), after._machine.state.get(ALICES).balance) == (6, BALANCE + 1)


def test_a_callee_that_fails_leaves_nothing_behind_but_its_gas(runtime):
    state = runtime._machine.state
    assert runtime.send(ALICES, 0, b"", 8) == (ExitCode.SYS_INSUFFICIENT_FUNDS, b"")
    assert runtime.send(ALICES, 99, b"", 7) == (ExitCode.SYS_INVALID_METHOD, b"")
    assert (runtime.balance(), state.get(ALICES).balance) == (7, BALANCE)
    runtime.require_success(0, "it did not")
    ends(lambda: runtime.require_success(21, "it failed"), 21)


def test_a_transfer_to_oneself_moves_nothing_however_much_it_is(runtime):
    assert runtime.send(FRESH, 0, b"", 10**30) == (0, b"")
    assert runtime.send(FRESH, 0, b"", -1) == (0, b"")
    assert runtime.balance() == 7
    assert runtime.send(ALICES, 0, b"", -1) == (ExitCode.SYS_FORBIDDEN, b"")
    assert runtime.send(ALICES, 0, b"", 7) == (0, b"")


def test_a_key_gets_an_account_when_it_is_asked_for_and_others_do_not(runtime):
    assert runtime.resolve(BOB) is None
    number = runtime.resolve_or_create(BOB)
    assert number == runtime.resolve(BOB) == runtime.resolve_or_create(BOB) == Address.id(101)
    assert runtime.balance() == 7, "a key gets its account by a transfer of nothing"
    other = runtime.resolve_or_create(Address.secp256k1(b"carol"))
    assert other == Address.id(102)
    state = runtime._machine.state
    again = StateTree(state.store, state.flush())
    assert (again.resolve(BOB), again.resolve(Address.secp256k1(b"carol"))) == (number, other)
    assert AccountState.decode(state.store.get(again.get(BOB).head)).address == BOB
    robust = Address.actor(b"nobody")
    ends(lambda: runtime.resolve_or_create(robust), ExitCode.SYS_INVALID_RECEIVER)
    ends(lambda: runtime.resolve_or_create(robust, ExitCode.ILLEGAL_ARGUMENT), ExitCode.ILLEGAL_ARGUMENT)


def test_actors_are_made_of_the_codes_that_there_are_where_nobody_is(runtime):
    def refused(code, address):
        ends(lambda: runtime.create_actor(code, address), ExitCode.SYS_ILLEGAL_ARGUMENT)

    refused(code_of("multisig", 2), NOBODY)
    refused(code_of("init", 0), NOBODY)
    refused(code_of("multisig", 0), ALICES)
    made = cost(runtime, lambda: runtime.create_actor(code_of("multisig", 0), NOBODY))
    assert made == DISTINCT.on_create_actor()
    assert runtime._machine.state.get(NOBODY) == Actor(code_of("multisig", 0), EMPTY_OBJECT, 0, 0)


def test_new_addresses_differ_and_hang_on_origin_nonce_and_count(runtime):
    def addresses(origin, nonce):
        machine = Machine(world(), 0, 100, 10)
        machine._begin(origin, nonce)
        return [machine.new_actor_address() for _ in range(2)]

    assert addresses(ALICE, 1) == addresses(ALICES, 1)
    assert len({*addresses(ALICE, 1), *addresses(ALICE, 2), *addresses(BOB, 1)}) == 6


def test_who_is_deleted_leaves_all_to_an_heir_and_its_entry_s_price(runtime):
    state = runtime._machine.state
    assert cost(runtime, lambda: runtime.delete_actor(BURNT_FUNDS)) == DISTINCT.on_delete_actor()
    assert state.get(FRESH) is None
    assert state.get(BURNT_FUNDS).balance == 7
    ends(lambda: runtime.delete_actor(BURNT_FUNDS), ExitCode.SYS_ILLEGAL_ACTOR)


def test_faults_get_the_code_that_fits(runtime):
    assert code_of_fault(StateFault("why")) is None
    assert code_of_fault(StateFault("why", ExitCode.NOT_FOUND)) is ExitCode.NOT_FOUND
    assert "why" in str(StateFault("why"))
    assert str(ActorAbort(16, "because")) == "exit code 16: because"

    def lifted(fault):
        with runtime.failing_as(ExitCode.FORBIDDEN):
            raise fault

    ends(lambda: lifted(StateFault("why")), ExitCode.FORBIDDEN)
    ends(lambda: lifted(StateFault("why", ExitCode.NOT_FOUND)), ExitCode.NOT_FOUND)
    runtime.check(True, "it holds")
    with pytest.raises(ActorPanic, match="it does not"):
        runtime.check(False, "it does not")


def test_a_tree_changes_only_what_it_has(runtime):
    state = runtime._machine.state
    for wrong in (
        lambda: state.delete(NOBODY), lambda: state.delete(BOB), lambda: state.change(NOBODY, nonce=1),
        lambda: state.set(BOB, state.get(ALICES)),
    ):  # fmt: skip
        with pytest.raises(NodeError):
            wrong()


def machine_with(network_version, rule):
    """A machine whose accounts have a method 7."""
    extra = {"account": {7: method(rule, returns=BYTES)}}
    return Machine(world(network_version), network_version, 100, 10, DISTINCT, world=WORLD, extra=extra)


@pytest.mark.parametrize(("network_version", "seen"), [(3, ALICE), (4, ALICES)])
def test_actors_saw_the_address_that_a_message_names_up_to_version_3(network_version, seen):
    def whom(runtime):
        runtime.accept_any_caller()
        return runtime.receiver.data

    applied = machine_with(network_version, whom).call(ALICE, ALICE, 0, 7, b"")
    assert applied.receipt.return_value == cbor.encode(seen.data)


@pytest.mark.parametrize("answer", [b"", bytes(20)], ids=["short", "longer"])
def test_what_is_answered_is_paid_by_its_length(answer):
    def say(runtime):
        runtime.accept_any_caller()
        return answer

    used = machine_with(3, say).apply(message(to=ALICES, value=0, method=7, gas_limit=30_000_000), 0).receipt.gas_used
    length = len(cbor.encode(answer))
    assert used == DISTINCT.on_chain_message(0) + DISTINCT.on_invocation(0, 7) + DISTINCT.on_return_value(length)


def test_a_message_of_the_system_itself_moves_nothing():
    machine = machine_with(3, lambda _runtime: b"")
    machine.state.change(SYSTEM, balance=TokenAmount(5))
    assert machine.apply_implicit(ALICES, 0, b"", 10).receipt.exit_code == 0
    assert (machine.state.get(SYSTEM).balance, machine.state.get(ALICES).balance) == (5, BALANCE)
