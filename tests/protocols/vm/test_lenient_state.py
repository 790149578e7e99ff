"""State is read as the network reads it: what a rule kept as a message brought it is read again, and not changed."""

import importlib
import pkgutil
import typing

import pytest
from thespis.protocols import builtin
from thespis.protocols.builtin.codes import INIT
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.builtin.market.deals import DealProposal
from thespis.protocols.builtin.market.tables import BalanceTable
from thespis.protocols.builtin.methods import Bare
from thespis.protocols.builtin.policy import MAINNET, PERIOD_DEADLINES
from thespis.protocols.builtin.registry import ACTORS
from thespis.protocols.builtin.states import STATES
from thespis.protocols.builtin.storage_miner.bitfield_queue import BitfieldQueue
from thespis.protocols.builtin.storage_miner.expiration_queue import ExpirationSet
from thespis.protocols.builtin.storage_miner.periods import Quant
from thespis.protocols.builtin.storage_miner.state import Deadlines
from thespis.protocols.builtin.storage_miner.v2.state import DeadlinesV2
from thespis.protocols.builtin.storage_miner.vesting import VestingFunds
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.piece_cid import piece_cid_v1
from thespis.protocols.encoding.tuples import ARRAY_ITEMS_MAX, Record, StateRecord, TokenAmount, Unsigned
from thespis.protocols.errors import BrokenBitfieldError, CborError, DecodeError, EncodeError
from thespis.protocols.ipld.amt import Amt, AmtVersion
from thespis.protocols.ipld.blockstore import MemoryBlockstore, save, save_block
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.networks.devnet import LOCAL_POLICY
from thespis.protocols.networks.genesis import reachable

from tests.actors.chain.builder import USERS
from tests.protocols.vm.test_machine import world

LINK = Cid.of(b"a")
UNUSUAL_LINK = bytes.fromhex("d82a581900015512" + "14" + "11" * 20)
"""A link whose sha2-256 digest has 20 bytes."""


def record_kinds():
    for module in pkgutil.walk_packages(builtin.__path__, f"{builtin.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Record) and hasattr(value, "__dataclass_fields__"):
                yield value


def within(hint, found):
    """The records that a value of a type is made of."""
    if isinstance(hint, type) and issubclass(hint, Record) and hint not in found:
        found.add(hint)
        for inner in typing.get_type_hints(hint).values():
            within(inner, found)
    for inner in typing.get_args(hint):
        within(inner, found)
    return found


KINDS = sorted({kind for kind in record_kinds() if issubclass(kind, StateRecord)}, key=lambda kind: kind.__name__)


def test_every_record_of_the_actors_is_of_the_state_or_in_a_call():
    """A record that is in no call is read from the state, and so as the machine reads it."""
    called = set()
    for methods in (each for actors in ACTORS.values() for each in actors.values()):
        for method in methods.values():
            for form in (method.params, method.returns):
                within(form.kind if isinstance(form, Bare) else form, called)
    strict = {kind.__name__ for kind in set(record_kinds()) - called if not issubclass(kind, StateRecord)}
    assert strict == {"ConsensusFaultFound", "PaymentVerifyParams", "ProposalHashData"}, (
        "which are only written, or never"
    )
    assert all(issubclass(kind, StateRecord) for kinds in STATES.values() for kind in kinds.values())
    assert len(KINDS) > 35


@pytest.mark.parametrize(
    ("given", "bits"),
    [("24", [0]), ("8801", [1, 2, 3, 4, 5, 6]), ("a0", []), ("04", [])],
)
def test_a_set_is_written_as_it_came_until_it_is_changed(given, bits):
    """RLE+ that no writer writes; the reference keeps its bytes (go-bitfield ``bitfield.go``, MarshalCBOR)."""
    data = bytes.fromhex("85" + f"4{len(given) // 2}{given}" + "4040" + "82404082" + "4040")
    found = ExpirationSet.decode(data)
    assert found.on_time_sectors == Bitfield.of(bits)
    assert found.encode() == data
    assert found.with_(on_time_pledge=TokenAmount(5)).encode() == data.replace(
        bytes.fromhex("4082404082"), bytes.fromhex("42000582404082"), 1
    )
    more = found.with_(on_time_sectors=found.on_time_sectors | Bitfield.of([9]))
    assert more.encode()[1:].startswith(cbor.encode(Bitfield.of([*bits, 9]).encode()))


def test_a_broken_set_is_read_and_written():
    data = bytes.fromhex("85" + "4100" + "4040" + "82404082" + "4040")
    found = ExpirationSet.decode(data)
    assert found.encode() == data
    with pytest.raises(BrokenBitfieldError):
        found.on_time_sectors.count()


def test_a_queue_takes_any_set_that_the_network_takes():
    store = MemoryBlockstore()
    array = Amt(store, version=AmtVersion.V0)
    array.set(5, b"\x24")
    queue = BitfieldQueue(store, array.flush(), Quant(1, 0))
    assert list(queue.entries()) == [(5, Bitfield.of([0]))]
    queue.add(5, Bitfield.of([1]))
    assert dict(queue.items()) == {5: Bitfield.of([0, 1]).encode()}


def test_a_balance_may_have_zeros_in_front():
    store = MemoryBlockstore()
    table = Hamt(store, version=HamtVersion.V0)
    table.set(b"\x00\x64", bytes.fromhex("00000005"))
    assert BalanceTable(store, table.flush()).of(Address.id(100)) == 5


@pytest.mark.parametrize("kind", [Deadlines, DeadlinesV2])
def test_a_period_has_forty_eight_deadlines(kind):
    assert PERIOD_DEADLINES == 48
    for policy in (MAINNET, LOCAL_POLICY):
        assert policy.proving_period == PERIOD_DEADLINES * policy.challenge_window
    right = kind((LINK,) * 48)
    assert kind.decode(right.encode()) == right
    for count in (0, 47, 49):
        with pytest.raises(EncodeError, match=f"{count} items; it has 48"):
            kind((LINK,) * count).encode()
        wrong = b"\x81" + cbor.array_head(count) + cbor.encode_link(LINK) * count
        with pytest.raises(CborError, match=f"due: array of {count} items; it has 48"):
            kind.decode(wrong)


def test_a_networks_name_need_not_be_text():
    """It is bytes for whoever wrote the genesis, and each new address is written beside it."""
    state = world(0)
    data = b"\x83" + cbor.encode_link(Hamt(state.store, version=HamtVersion.V0).flush()) + b"\x18\x64\x61\xff"
    assert InitState.decode(data).encode() == data
    state.change(INIT, head=save_block(state.store, data))
    assert state.register(USERS[0]) == Address.id(100)
    after = state.store.get(state.get(INIT).head)
    assert after.endswith(b"\x18\x65\x61\xff")
    assert state.resolve(USERS[0]) == Address.id(100)


def test_a_label_in_the_state_need_not_be_text():
    """A deal's label is any bytes, so whoever goes through the state, to export it, meets them."""
    store = MemoryBlockstore()
    deal = [LINK, 2048, False, b"\x00\x64", b"\x00\x65", "\udcff", 1, 2, b"", b"", b""]
    found = DealProposal.from_wire(cbor.decode_stored(cbor.encode(deal)))
    assert found.encode() == cbor.encode(deal)
    below = save(store, [])
    root = save(store, [below, deal[1:]])
    assert [cid for cid, _block in reachable(store, [root])] == [root, below]


def test_a_link_in_the_state_may_have_any_digest():
    deal = DealProposal(
        piece_cid_v1(bytes(32)),
        Unsigned(2048),
        False,
        Address.id(100),
        Address.id(101),
        "",
        *map(TokenAmount, range(5)),
    )
    data = deal.encode().replace(cbor.encode_link(deal.piece_cid), UNUSUAL_LINK)
    assert DealProposal.decode(data).encode() == data


@pytest.mark.parametrize(
    ("given", "funds"),
    [
        ("8180", ()),
        ("818182054200ff", ((5, 255),)),
        ("81818205440000000a", ((5, 10),)),
        ("8181820540", ((5, 0),)),
        ("818182054101", ((5, 0),)),
        ("81818205420107", ((5, -7),)),
        ("818182204200ff", ((-1, 255),)),
        ("8181820558800000" + "00" * 125 + "01", ((5, 1),)),
    ],
)
def test_a_vesting_table_is_read_as_the_network_reads_it(given, funds):
    found = VestingFunds.from_wire(cbor.decode_prefix(bytes.fromhex(given)))
    assert found.funds == funds
    assert cbor.decode(found.encode()) == found.to_wire()
    assert VestingFunds.from_wire(found.to_wire()) == found


@pytest.mark.parametrize(
    "given",
    [
        "80",
        "828080",
        "81a16000",
        "a0",
        "8181820560",
        "818182056100",
        "81818205820001",
        "8181821bffffffffffffffff40",
        "81818205420201",
        "8181820558810000" + "00" * 126 + "01",
        "818183054000",
        "8181a1614140",
        "81818240" + "05",
    ],
)
def test_what_is_no_vesting_table(given):
    with pytest.raises(DecodeError):
        VestingFunds.from_wire(cbor.decode_prefix(bytes.fromhex(given)))


def test_a_vesting_table_has_as_many_rows_as_an_array_may():
    rows = [[number, b"\x00\x01"] for number in range(ARRAY_ITEMS_MAX)]
    assert len(VestingFunds.from_wire([rows]).funds) == 8192
    with pytest.raises(CborError, match="8193 items"):
        VestingFunds.from_wire([[*rows, [8192, b""]]])
