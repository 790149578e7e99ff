"""Records: encoding derived from the declaration, strict in both directions."""

import enum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ARRAY_ITEMS_MAX, BYTES_MAX, BigInteger, Record, Unsigned, record
from thespis.protocols.errors import CborError, EncodeError


class Colour(enum.IntEnum):
    BLUE = 7


@record
class Inner(Record):
    number: int


@record
class Everything(Record):
    signed: int
    unsigned: Unsigned
    big: BigInteger
    flag: bool
    text: str
    data: bytes
    link: Cid
    address: Address
    bits: Bitfield
    inner: Inner
    maybe: Inner | None
    many: tuple[Inner, ...]


def example(**changes):
    values = {
        "signed": -1, "unsigned": 2**64 - 1, "big": -(10**30), "flag": True, "text": "t", "data": b"d",
        "link": Cid.of(b"x"), "address": Address.id(5), "bits": Bitfield.of([1, 2, 9]), "inner": Inner(1),
        "maybe": None, "many": (Inner(2), Inner(3)),
    }  # fmt: skip
    return Everything(**{**values, **changes})


def test_round_trip():
    for value in (example(), example(maybe=Inner(4), many=())):
        assert Everything.decode(value.encode()) == value
    assert Inner(5).encode().hex() == "8105"
    assert Inner(5).cid() == Cid.of(bytes.fromhex("8105"))


def test_an_enum_is_a_number_like_any_other():
    # a range asked for a subclass of int counts: this once took for ever
    assert example(signed=Colour.BLUE, unsigned=Colour.BLUE).encode() == example(signed=7, unsigned=7).encode()


@pytest.mark.parametrize(
    "changes", [{"signed": 2**63}, {"signed": -(2**63) - 1}, {"unsigned": -1}, {"unsigned": 2**64}]
)
def test_numbers_out_of_range_have_no_encoding(changes):
    with pytest.raises(EncodeError, match="integer"):
        example(**changes).encode()


@pytest.mark.parametrize(
    ("position", "value", "named"),
    [
        (0, 2**63, "signed"),
        (0, True, "signed"),
        (1, -1, "unsigned"),
        (2, b"\x00", "big"),
        (2, 5, "big"),
        (3, 1, "flag"),
        (4, b"t", "text"),
        (5, "d", "data"),
        (6, b"x", "link"),
        (7, b"\x09\x09", "address"),
        (8, b"\x03", "bits"),
        (9, [1, 2], "inner"),
        (9, None, "inner"),
        (10, 5, "maybe"),
        (11, None, "many"),
        (11, [[1]] * (ARRAY_ITEMS_MAX + 1), "many"),
    ],
)
def test_fields_that_do_not_fit_are_named(position, value, named):
    wire = example().to_wire()
    wire[position] = value
    with pytest.raises(CborError, match=f"Everything.{named}"):
        Everything.from_wire(wire)


def test_wrong_length():
    with pytest.raises(CborError, match="array of 1 fields"):
        Inner.from_wire([1, 2])
    with pytest.raises(CborError):
        Inner.from_wire({})


def test_a_field_without_encoding():
    @record
    class Bad(Record):
        field: set

    with pytest.raises(EncodeError, match="no tuple encoding"):
        Bad(set()).encode()


@given(st.binary(max_size=80))
def test_any_bytes(data):
    for kind in (Inner, Everything):
        try:
            assert cbor.encode(kind.decode(data).to_wire()) == data
        except CborError:
            pass


@pytest.mark.parametrize(("field", "value"), [("data", b"d"), ("many", None)])
def test_what_a_field_holds_is_bounded(field, value):
    most = BYTES_MAX if field == "data" else ARRAY_ITEMS_MAX
    at = {field: value * most if value else (Inner(1),) * most}
    assert Everything.from_wire(example(**at).to_wire()) == example(**at)
    wire = example(**at).to_wire()
    position = list(Everything.__dataclass_fields__).index(field)
    wire[position] = wire[position] + (value or [[1]])
    with pytest.raises(CborError, match=f"Everything.{field}.*bound is {most}"):
        Everything.from_wire(wire)
