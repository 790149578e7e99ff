"""Parameters are read as the network reads them: what it takes has the outcome of the plain form."""

import dataclasses

import pytest
from thespis.protocols.builtin.registry import ACTORS
from thespis.protocols.builtin.storage_miner.consensus_fault import ConsensusFaultParams
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.errors import BitfieldError, BrokenBitfieldError, DecodeError
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree

from tests.actors.chain.builder import WORKER_KEYS
from tests.protocols.encoding.test_dialects import header
from tests.protocols.vm.beginnings import EPOCH, Beginning, StrangeWorld

OWNER, MINER, MARKET = Address.id(100), Address.id(1000), Address.id(5)
UNDECODABLE, ILLEGAL_ARGUMENT = 1, 16
WITHDRAW, DECLARE, RECOVER, TERMINATE, EXTEND, COMPACT, MASK = 16, 10, 11, 9, 8, 19, 20
SHA2_20 = "d82a581900015512" + "14" + "11" * 20
"""A link whose sha2-256 digest has 20 bytes."""
LONG = "d82a588800" + "015500" + "8201" + "22" * 130
"""A link with a digest of 130 bytes."""


@pytest.fixture(scope="module", params=["version 0", "version 2"])
def beginning(request):
    return Beginning(0 if request.param == "version 0" else 2)


def called(beginning, method, text, receiver=MINER):
    """Exit codes, gas, and the state's root."""
    state = StateTree(beginning.store, beginning.root)
    machine = Machine(state, beginning.network, 0, EPOCH, world=StrangeWorld(accepts=False))
    receipt = machine.call(OWNER, receiver, 0, method, bytes.fromhex(text)).receipt
    return [receipt.exit_code], receipt.gas_used, state.flush()


@pytest.mark.parametrize(
    ("method", "given", "plain"),
    [
        (WITHDRAW, "8144000fc142ff", "8144000fc142"),
        (WITHDRAW, "8144000fc14200000000", "8144000fc142"),
        (WITHDRAW, "814500000fc142", "8144000fc142"),
        (WITHDRAW, "81420000", "8140"),
        (WITHDRAW, "814100", "8140"),
        (WITHDRAW, "814101", "8140"),
        (DECLARE, "8181830a004124", "8181830a00410c"),
        (DECLARE, "8181830a00428801", "8181830a0042a801"),
        (DECLARE, "8181830a0041a0", "8181830a0040"),
        (RECOVER, "8181830a004124", "8181830a00410c"),
        (TERMINATE, "818183000041a0ff", "8181830000" + "40"),
        (MASK, "814124", "81410c"),
    ],
)
def test_what_the_network_takes_has_the_outcome_of_the_plain_form(beginning, method, given, plain):
    (code,), _gas, _root = found = called(beginning, method, given)
    assert code != UNDECODABLE
    assert found == called(beginning, method, plain)


@pytest.mark.parametrize("broken", ["4100", "420c00", "4be0ffffffffffffffff3f20", "4a04101010101010101050"])
@pytest.mark.parametrize(
    ("method", "before", "after"),
    [
        (DECLARE, "8181830a00", ""),
        (RECOVER, "8181830a00", ""),
        (TERMINATE, "8181830a00", ""),
        (EXTEND, "8181840a00", "00"),
        (COMPACT, "820a", ""),
        (MASK, "81", ""),
    ],
)
def test_broken_sets_decode_and_are_an_illegal_argument(beginning, method, before, after, broken):
    assert called(beginning, method, before + broken + after)[0] == [ILLEGAL_ARGUMENT]


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (WITHDRAW, ""),
        (WITHDRAW, "81"),
        (WITHDRAW, "814102"),
        (WITHDRAW, "81580100"),
        (WITHDRAW, "815881" + "00" * 129),
        (WITHDRAW, "8244000fc142"),
        (DECLARE, "8181830a00410d"),
        (DECLARE, "8181831801004124"),
        (MASK, "815a00008001" + "0c" * 32769),
        (3, "8240" + "80"),
        (3, "8256040a" + "11" * 20 + "80"),
    ],
)
def test_what_the_network_cannot_decode_ends_with_its_code(beginning, method, text):
    assert called(beginning, method, text)[0] == [UNDECODABLE]


def test_an_undefined_owner_is_undecodable():
    assert called(Beginning(2), 23, "40")[0] == [UNDECODABLE]


@pytest.mark.parametrize("link", [SHA2_20, LONG])
def test_links_with_digests_of_any_length_decode(beginning, link):
    """The rule then refuses them by what they should be, with a code of its own."""
    text = "8a0301" + link + "008000f4000000"
    found = ACTORS[0]["storageminer"][6].params.decode(bytes.fromhex(text), dialect=Dialect.ACTORS)
    assert found.encode() == bytes.fromhex(text)
    assert called(beginning, 6, text)[0] == [ILLEGAL_ARGUMENT]
    with pytest.raises(DecodeError):
        ACTORS[0]["storageminer"][6].params.decode(bytes.fromhex(text))


def test_a_fault_is_shown_by_headers_as_others_read_them(beginning):
    """Trailing bytes and zeros in front of a big integer change neither a header's name nor what was signed."""

    def signed(**changes):
        found = dataclasses.replace(header(), miner=MINER, height=EPOCH - 10, parent_base_fee=1000, **changes)
        signature = sign(SignatureType.BLS, WORKER_KEYS[0], found.signing_bytes())
        return dataclasses.replace(found, block_sig=signature).encode()

    first, second = signed(timestamp=1), signed(timestamp=2)
    padded = first[: -len(bytes.fromhex("430003e8"))] + bytes.fromhex("44000003e8")
    plain = reported(beginning, first, second)
    assert plain[0] == [0]
    for left, right in ((first + b"\xff", second), (first, second + b"\x00\x00"), (padded, second)):
        codes, _gas, root = reported(beginning, left, right)
        assert (codes, root) == (plain[0], plain[2])
    assert reported(beginning, first, first + b"\x00")[0] == [ILLEGAL_ARGUMENT], "one block twice"


def reported(beginning, first, second):
    text = ConsensusFaultParams(first, second, b"").encode().hex()
    return called(beginning, 15, text)


@pytest.mark.parametrize("broken", ["00", "0c00", "04101010101010101050", "e0ffffffffffffffff3f20"])
def test_a_broken_set_says_so_at_its_first_use(broken):
    field = Bitfield.read(bytes.fromhex(broken))
    assert "broken" in repr(field)
    for use in (field.check, field.run_lengths, lambda: list(field), lambda: field | field):
        with pytest.raises(BrokenBitfieldError):
            use()
    assert field.encode() == bytes.fromhex(broken), "who does not look at it passes it on"


@pytest.mark.parametrize(
    ("data", "bits"),
    [("", []), ("24", [0]), ("8801", [1, 2, 3, 4, 5, 6]), ("a0", []), ("04", []), ("0c", [0])],
)
def test_sets_of_any_code_are_read(data, bits):
    assert Bitfield.read(bytes.fromhex(data)) == Bitfield.of(bits)


def test_a_set_of_another_version_is_refused_at_once():
    with pytest.raises(BitfieldError, match="version"):
        Bitfield.read(b"\x01")
    with pytest.raises(BitfieldError, match="bound"):
        Bitfield.read(bytes(32769))
