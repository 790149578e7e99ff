import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cbor_length import ItemLength, item_length
from thespis.protocols.errors import CborError

BOUND = 1 << 16
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.binary(max_size=300), st.text(max_size=30)
    ),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.binary(max_size=20))
def test_an_item_ends_where_it_ends(value, tail):
    data = cbor.encode(value)
    assert item_length(data + tail, BOUND) == len(data)
    for cut in range(len(data)):
        assert item_length(data[:cut], BOUND) is None


@given(st.binary(max_size=60))
def test_anything_is_a_length_none_or_an_error(data):
    try:
        length = item_length(data, BOUND)
    except CborError:
        return
    assert length is None or 0 < length <= len(data)


@pytest.mark.parametrize("data", [b"\x9f", b"\x5f", b"\x1c", b"\xff"])
def test_indefinite_and_reserved_forms_are_refused(data):
    with pytest.raises(CborError):
        item_length(data, BOUND)


@pytest.mark.parametrize(
    "data",
    [b"\x9a\xff\xff\xff\xff", b"\x9b" + b"\xff" * 8, b"\x5a\x00\x01\x00\x00", b"\xba\x00\x00\x80\x00", b"\x81" * 300],
)
def test_a_claim_of_more_than_the_bound_is_refused_at_once(data):
    with pytest.raises(CborError, match="bound"):
        item_length(data, 300)


def test_the_bound_itself_fits():
    data = b"\x58\xff" + bytes(255)
    assert item_length(data, 257) == 257
    with pytest.raises(CborError, match="bound"):
        item_length(data, 256)


class Counted(bytearray):
    """Bytes that count how often they are looked at."""

    looks = 0

    def __getitem__(self, place):
        type(self).looks += 1
        return super().__getitem__(place)


@pytest.mark.parametrize(
    "item", [b"\x99\x3e\x80" + bytes(16_000), b"\x59\x3e\x80" + bytes(16_000), b"\x81" * 16_000 + b"\0"]
)
def test_bytes_that_come_one_by_one_are_looked_at_a_bounded_number_of_times(item):
    found, length, Counted.looks = Counted(), ItemLength(1 << 16), 0
    for place in range(len(item)):
        assert length.of(found) is None
        found += item[place : place + 1]
    assert length.of(found) == len(item)
    assert Counted.looks <= 4 * len(item)
    assert length.of(found + b"more") == len(item)
