import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cbor_length import item_length
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
