"""Whatever a message's parameters are, applying it ends with a receipt, and nothing that a rule did not foresee."""

import types
import typing
from contextlib import nullcontext
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.builtin.codes import INIT, code_of, name_of
from thespis.protocols.builtin.init.methods import ExecParams
from thespis.protocols.builtin.methods import Bare
from thespis.protocols.builtin.multisig.state import ConstructorParams
from thespis.protocols.builtin.multisig.v2.state import ConstructorParamsV2
from thespis.protocols.builtin.paych import methods as paych
from thespis.protocols.builtin.registry import ACTORS
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import FIL_COMMITMENT_SEALED, POSEIDON_BLS12_381_A2_FC1, Cid
from thespis.protocols.encoding.piece_cid import piece_cid_v1
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Record, TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore, Overlay
from thespis.protocols.networks.genesis import build_genesis
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.runtime import EMPTY_OBJECT
from thespis.protocols.vm.state_tree import StateTree
from thespis.protocols.vm.syscalls import Syscalls

from tests.actors.chain.builder import USERS, VERSION_0, WORKERS, template

EPOCH = 5000
CALLERS = [Address.id(number) for number in (1, 4, 5, 100, 103, 1000)]
"""Everyone but the system, cron and reward, whose calls are of this node's own making."""
ADDRESSES = [*CALLERS, USERS[0], WORKERS[0], Address.id(1 << 62), Address.actor(b"nobody")]
SEALED = Cid.make(FIL_COMMITMENT_SEALED, POSEIDON_BLS12_381_A2_FC1, bytes(32))
NEAR = st.sampled_from([0, 1, 2, 3, 63, EPOCH - 200, EPOCH - 1, EPOCH, EPOCH + 1, EPOCH + 600_000, 1 << 62])
AMOUNTS = st.sampled_from([-(10**30), -1, 0, 1, 10**18, 10**30, 1 << 1000])
SIZES = st.sampled_from([(1 << power) + more for power in (12, 22, 32, 62, 63) for more in (-1, 0, 1)])


def fitting(lengths):
    """The bitfield of as many of these run lengths as fit into 64 bits."""
    while sum(lengths) >= 1 << 64:
        lengths = lengths[:-1]
    return Bitfield.from_run_lengths(lengths)


SIMPLE = {
    int: st.one_of(NEAR, st.integers(-(1 << 63), (1 << 63) - 1)),
    ChainEpoch: st.one_of(NEAR, st.integers(-(1 << 63), (1 << 63) - 1)),
    Unsigned: st.one_of(NEAR, st.integers(0, (1 << 64) - 1)),
    BigInteger: AMOUNTS,
    TokenAmount: AMOUNTS,
    bool: st.booleans(),
    str: st.one_of(
        st.text(max_size=5), st.binary(max_size=300).map(lambda data: data.decode("utf-8", "surrogateescape"))
    ),
    bytes: st.binary(max_size=200),
    Cid: st.sampled_from([SEALED, piece_cid_v1(bytes(32)), EMPTY_OBJECT, SEALED]),
    Address: st.sampled_from(ADDRESSES),
    Bitfield: st.one_of(
        st.builds(Bitfield.of, st.lists(st.one_of(st.integers(0, 4), st.integers(0, (1 << 63) - 1)), max_size=4)),
        st.lists(st.one_of(st.integers(1, 20), SIZES), max_size=6).map(fitting),
    ),
    Signature: st.builds(Signature, st.sampled_from(SignatureType), st.binary(max_size=96)),
}


def values(hint):
    """Values of a field that its encoding allows, whether they make sense or not."""
    if hint in SIMPLE:
        return SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, Record):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{name: values(hints[name]) for name in hint.__dataclass_fields__})
    if typing.get_origin(hint) is tuple:
        return st.lists(values(typing.get_args(hint)[0]), max_size=3).map(tuple)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [each for each in typing.get_args(hint) if each is not types.NoneType]
        return st.one_of(st.none(), *map(values, inner))
    raise TypeError(hint)


@st.composite
def bent(draw, shaped):
    """Parameters that have their form, but for a few bytes."""
    data = bytearray(draw(shaped))
    for _ in range(draw(st.integers(1, 3))):
        at, width = draw(st.integers(0, len(data))), draw(st.integers(0, 2))
        data[at : at + width] = draw(st.binary(max_size=2))
    return bytes(data)


def parameters(form):
    """Parameters of a method's form, as bytes."""
    if form is None:
        return st.binary(max_size=64)
    return values(form.kind if isinstance(form, Bare) else form).map(form.encode)


class StrangeWorld:
    """A chain that answers alike to everything; it takes every proof or none."""

    def __init__(self, accepts):
        self._accepts = accepts

    def seal_is_valid(self, _info):
        return self._accepts

    def window_post_is_valid(self, _info):
        return self._accepts

    def ticket_randomness(self, _purpose, _epoch, _entropy):
        return bytes(32)

    beacon_randomness = ticket_randomness

    def circulating_supply(self, _epoch, _state):
        return 10**27

    def worker_at(self, _miner, _height):
        return WORKERS[0]


class Beginning:
    """A genesis of a version of the actors, with a multisig and a payment channel; what may be called on it."""

    def __init__(self, actors, network, changes):
        self.network, self.store = network, MemoryBlockstore()
        root = build_genesis(self.store, template(**changes)).header.parent_state_root
        state = StateTree(self.store, root)
        signers = (Address.id(100), Address.id(103))
        terms = (signers, Unsigned(1), ChainEpoch(100))
        newer = ConstructorParamsV2(*terms, ChainEpoch(0))
        wanted = newer if actors else ConstructorParams(*terms)
        for name, params in (("multisig", wanted), ("paymentchannel", paych.ConstructorParams(*signers))):
            made = ExecParams(code_of(name, actors), params.encode()).encode()
            applied = Machine(state, network, 0, 1).call(USERS[0], INIT, 10**6, 2, made, nonce=len(name))
            assert applied.receipt.exit_code == 0, applied.reason
        self.root = state.flush()
        self.actors = [(address, name_of(actor.code)) for address, actor in StateTree(self.store, self.root).actors()]
        self.methods = [
            (name, number, method.params)
            for name, found in ACTORS[actors].items()
            for number, method in sorted(found.items())
        ]


@pytest.fixture(scope="module", params=["version 0", "version 2"])
def beginning(request):
    return Beginning(0, 3, VERSION_0) if request.param == "version 0" else Beginning(2, 5, {})


def test_there_is_an_actor_of_every_kind(beginning):
    assert {name for _, name in beginning.actors} == set(ACTORS[0])


def outcome(beginning, store, accepts, calls):
    """What some calls ended with, and the state's root; each call is (caller, receiver, value, method, parameters)."""
    state = StateTree(store, beginning.root)
    machine = Machine(state, beginning.network, 0, EPOCH, world=StrangeWorld(accepts))
    applied = [machine.call(*call, nonce=number) for number, call in enumerate(calls)]
    return applied, machine.state.flush()


@pytest.mark.behaviour(117)
@given(data=st.data())
def test_no_parameters_break_the_machine(beginning, data):
    """Nor do they give another outcome, use other gas or make money when they are executed again."""
    calls = []
    for _ in range(data.draw(st.integers(1, 3))):
        name, method, form = data.draw(st.sampled_from(beginning.methods))
        shaped = parameters(form)
        params = data.draw(st.one_of(shaped, shaped, shaped, bent(shaped), st.binary(max_size=64)))
        receiver = data.draw(st.sampled_from([address for address, found in beginning.actors if found == name]))
        caller, value = data.draw(st.sampled_from(CALLERS)), data.draw(st.sampled_from([0, 10**6]))
        calls.append((caller, receiver, value, method, params))
    accepts = data.draw(st.booleans())
    signed = mock.patch.object(Syscalls, "verify_signature", lambda *_: None) if accepts else nullcontext()
    scratch = Overlay(beginning.store)
    with signed:
        applied, after = outcome(beginning, scratch, accepts, calls)
        assert outcome(beginning, Overlay(beginning.store), accepts, calls) == (applied, after)
    assert min(each.receipt.exit_code for each in applied) >= 0
    assert [each.crashes for each in applied] == [()] * len(applied)
    roots = (beginning.root, after)
    before, now = (sum(a.balance for _, a in StateTree(scratch, root).actors()) for root in roots)
    assert now == before
