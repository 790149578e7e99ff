"""Nothing but an outcome leaves the machine: what an actor raises ends its call, what this node lacks ends nothing."""

import sys

import pytest
from thespis.protocols.builtin.codes import INIT, MARKET, code_of
from thespis.protocols.builtin.init.methods import ExecParams, ExecReturn
from thespis.protocols.builtin.market.deals import ClientDealProposal, DealProposal, PublishDealsParams
from thespis.protocols.builtin.multisig.state import ConstructorParams, ProposeParams, SignerParams
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.piece_cid import piece_cid_v1
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.errors import BlockNotFoundError, OutsideError
from thespis.protocols.vm.exit_codes import ExitCode
from thespis.protocols.vm.machine import DEEP_CALLS, FRAMES_MAX, Machine
from thespis.protocols.vm.state_tree import StateTree
from thespis.protocols.vm.syscalls import Syscalls
from thespis.runtime.store.errors import StoreFullError

from tests.actors.chain.builder import USERS
from tests.conformance.chaos import Raw
from tests.protocols.vm.beginnings import EPOCH, Beginning, StrangeWorld
from tests.protocols.vm.test_machine import ALICE, message, world

MINER = Address.id(1000)
PROPOSE, ADD_SIGNER = 2, 5
MANY_BITS = bytes.fromhex("04101010101010101030")


@pytest.fixture(scope="module", params=["version 0", "version 2"])
def beginning(request):
    return Beginning(0 if request.param == "version 0" else 2)


def machine_of(beginning):
    state = StateTree(beginning.store, beginning.root)
    return Machine(state, beginning.network, 0, EPOCH, world=StrangeWorld(accepts=True))


def test_a_bitfield_may_have_more_bits_than_a_length_can_say(beginning):
    """2^63 sectors to terminate: too many, whoever says so."""
    params = bytes.fromhex("818183" + "0000" + "4a") + MANY_BITS
    applied = machine_of(beginning).call(USERS[0], MINER, 0, 9, params)
    assert (applied.receipt.exit_code, applied.crashes) == (ExitCode.ILLEGAL_ARGUMENT, ())


@pytest.mark.parametrize("method", [8, 10, 11, 19])
def test_no_declaration_of_sectors_is_gone_through_before_it_is_counted(beginning, method):
    """Extensions, faults, recoveries and partitions; it would take for ever."""
    before, after = {8: ("8181840000", "1a00100000"), 10: ("8181830000", ""), 11: ("8181830000", ""), 19: ("8200", "")}[
        method
    ]
    params = bytes.fromhex(before + "4a") + MANY_BITS + bytes.fromhex(after)
    for caller in (USERS[0], Address.id(100), Address.id(103)):
        applied = machine_of(beginning).call(caller, MINER, 0, method, params)
        assert applied.receipt.exit_code in {ExitCode.ILLEGAL_ARGUMENT, ExitCode.SYS_FORBIDDEN}, applied.reason
        assert applied.crashes == ()


@pytest.mark.parametrize("label", [b"\xff", b"\xff" * 256, b"\xff" * 257])
def test_a_label_is_bytes(beginning, label, monkeypatch):
    """Nobody says that it is text; its bytes are counted and kept."""
    monkeypatch.setattr(Syscalls, "verify_signature", lambda *_: None)
    deal = DealProposal(
        piece_cid_v1(bytes(32)), Unsigned(2048), False, Address.id(103), MINER,
        label.decode("utf-8", "surrogateescape"),
        ChainEpoch(EPOCH + 10), ChainEpoch(EPOCH + 10 + 600_000), TokenAmount(0), TokenAmount(0), TokenAmount(0),
    )  # fmt: skip
    assert label in deal.encode()
    signed = ClientDealProposal(deal, Signature(SignatureType.SECP256K1, bytes(65)))
    machine = machine_of(beginning)
    worker = machine.key_of(Address.id(100))
    applied = machine.call(worker, MARKET, 0, 4, PublishDealsParams((signed,)).encode())
    assert applied.crashes == ()
    too_long = "a label of" in applied.reason
    assert too_long == (beginning.network > 3 and len(label) == 257), applied.reason


@pytest.mark.parametrize("network_version", [0, 3, 4, 5])
@pytest.mark.parametrize(
    "error",
    [
        OverflowError("cannot fit 'int' into an index-sized integer"),
        UnicodeEncodeError("utf-8", "\udcff", 0, 1, "no"),
        RecursionError(), MemoryError(), KeyError(5), IndexError(), ZeroDivisionError(), AssertionError(), TypeError(),
        ValueError("exceeds the limit for integer string conversion"), StopIteration(), RuntimeError(),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_what_a_method_raises_ends_its_call_as_a_panic_does(network_version, error):
    state = world(network_version)

    def fail(_runtime, _params):
        raise error

    extra = {"account": {3: Raw(fail)}}
    machine = Machine(state, network_version, 100, 1, extra=extra)
    applied = machine.apply(message(to=ALICE, method=3), 100)
    assert applied.receipt.exit_code == (1 if network_version <= 3 else ExitCode.SYS_RESERVED_1)
    [crash] = applied.crashes
    assert crash == applied.reason
    assert type(error).__name__ in crash
    assert "test_crashes.py" in crash
    assert state.get(ALICE).nonce == 1
    assert machine.apply(message(nonce=1), 100).crashes == ()


@pytest.mark.parametrize("error", [StoreFullError("no room"), OSError(5, "I/O"), BlockNotFoundError("gone")])
def test_what_this_node_lacks_is_no_outcome(error):
    state = world(0)

    def fail(_runtime, _params):
        raise error

    machine = Machine(state, 0, 100, 1, extra={"account": {3: Raw(fail)}})
    with pytest.raises((OutsideError, OSError, BlockNotFoundError)):
        machine.apply(message(to=ALICE, method=3), 100)


def test_calls_may_be_as_deep_as_gas_allows():
    """Two wallets that are each other's signers: each call is in the parameters of the one before."""
    beginning = Beginning(0)
    machine = machine_of(beginning)
    user, wallets = machine.state.resolve(USERS[0]), []
    for signer in (user, None):
        terms = ConstructorParams((signer or wallets[0],), Unsigned(1), ChainEpoch(0))
        params = ExecParams(code_of("multisig", 0), terms.encode()).encode()
        receipt = machine.call(USERS[0], INIT, 0, 2, params, nonce=50 + len(wallets)).receipt
        wallets.append(ExecReturn.decode(receipt.return_value).id_address)
    first, second = wallets
    joined = ProposeParams(first, TokenAmount(0), Unsigned(ADD_SIGNER), SignerParams(second, False).encode())
    assert machine.call(user, first, 0, PROPOSE, joined.encode()).receipt.exit_code == 0
    params, to, method, depth = b"", user, 0, 1001
    for level in range(depth):
        params = ProposeParams(to, TokenAmount(0), Unsigned(method), params).encode()
        to, method = wallets[level % 2], PROPOSE
    before = sys.getrecursionlimit()
    applied = machine.call(user, first, 0, PROPOSE, params)
    assert sys.getrecursionlimit() == before
    assert (applied.receipt.exit_code, applied.crashes) == (0, ())
    assert len(applied.receipt.return_value) > 5 * depth, "the innermost calls ran, too"


def test_the_interpreter_s_bound_is_lifted_for_deep_calls_and_for_them_alone():
    """A lifted one would let other code overrun the stack."""
    state, seen = world(0), []

    def again(runtime, params):
        runtime.accept_any_caller()
        seen.append(sys.getrecursionlimit())
        if params:
            runtime.send(runtime.receiver, 3, params[1:], 0)
        return b""

    machine = Machine(state, 0, 100, 1, extra={"account": {3: Raw(again)}})
    before = sys.getrecursionlimit()
    assert machine.call(ALICE, ALICE, 0, 3, bytes(2 * DEEP_CALLS)).receipt.exit_code == 0
    assert seen[: DEEP_CALLS + 1] == [before] * DEEP_CALLS + [FRAMES_MAX]
    assert sys.getrecursionlimit() == before
