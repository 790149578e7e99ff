import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.encoding import cbor
from protocols.encoding.cbor_length import item_length
from protocols.errors import CborError

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
    assert item_length(data + tail) == len(data)
    for cut in range(len(data)):
        assert item_length(data[:cut]) is None


@given(st.binary(max_size=60))
def test_anything_is_a_length_none_or_an_error(data):
    try:
        length = item_length(data)
    except CborError:
        return
    assert length is None or 0 < length <= len(data)


@pytest.mark.parametrize("data", [b"\x9f", b"\x5f", b"\x1c", b"\xff"])
def test_indefinite_and_reserved_forms_are_refused(data):
    with pytest.raises(CborError):
        item_length(data)


def test_a_claim_of_too_many_parts_is_refused():
    with pytest.raises(CborError, match="parts"):
        item_length(b"\x9a\xff\xff\xff\xff" + b"\x00" * 2000, items_max=1000)
