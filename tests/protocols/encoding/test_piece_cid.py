import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.encoding.cid import FR32_SHA256_TRUNC254_PADBINTREE, RAW, Cid
from thespis.protocols.encoding.piece_cid import (
    HEIGHT_MAX,
    PAYLOAD_BYTES_MIN,
    capacity_of_height,
    commitment_of,
    from_v2,
    height_of_padded,
    height_of_payload,
    padding_of_payload,
    piece_cid_v1,
    to_v2,
)
from thespis.protocols.encoding.varint import encode_varint
from thespis.protocols.errors import DecodeError

from tests.vectors import load


def test_vectors():
    for case in load("piece_cid_v2.json")["cases"]:
        if case["kind"] == "v1_v2":
            old, new = Cid.from_text(case["v1"]), Cid.from_text(case["v2"])
            assert to_v2(old, case["unpadded_data_size"]) == new
            assert from_v2(new) == (old, case["unpadded_data_size"])
            assert commitment_of(old) == commitment_of(new)
        elif case["kind"] == "payload_to_height_and_padding":
            assert height_of_payload(case["size"]) == case["height"]
            if "padding" in case:
                assert padding_of_payload(case["size"]) == case["padding"]
        else:
            assert height_of_padded(case["size"]) == case["height"]


@given(st.binary(min_size=32, max_size=32), st.integers(127, 2**40))
def test_round_trip(commitment, size):
    old = piece_cid_v1(commitment)
    assert from_v2(to_v2(old, size)) == (old, size)


def test_too_small_and_foreign():
    with pytest.raises(DecodeError):
        to_v2(piece_cid_v1(bytes(32)), PAYLOAD_BYTES_MIN - 1)
    assert from_v2(to_v2(piece_cid_v1(bytes(32)), PAYLOAD_BYTES_MIN))[1] == PAYLOAD_BYTES_MIN == 127
    with pytest.raises(DecodeError):
        commitment_of(Cid.of(b"x"))


def test_a_tree_has_a_bounded_height():
    tallest = capacity_of_height(HEIGHT_MAX)
    old = piece_cid_v1(bytes(32))
    assert from_v2(to_v2(old, tallest)) == (old, tallest)
    with pytest.raises(DecodeError, match=str(HEIGHT_MAX)):
        from_v2(to_v2(old, tallest + 1))


def test_half_a_tree_of_padding_is_a_second_name():
    root = bytes(32)
    for height in (4, 5, 20, HEIGHT_MAX):
        half = capacity_of_height(height) // 2
        for padding, fits in ((half - 1, True), (half, False), (half + 1, False)):
            digest = encode_varint(padding) + bytes([height]) + root
            cid = Cid.make(RAW, FR32_SHA256_TRUNC254_PADBINTREE, digest)
            if fits:
                assert to_v2(*from_v2(cid)) == cid
            else:
                with pytest.raises(DecodeError, match="half of its tree"):
                    from_v2(cid)
