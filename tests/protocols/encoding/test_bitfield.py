import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.encoding import bitfield
from thespis.protocols.encoding.bitfield import BIT_LIMIT, ENCODED_BYTES_MAX, ITERATED_MAX, Bitfield
from thespis.protocols.errors import BitfieldError, EncodeError

from tests.vectors import load


def test_vectors():
    for case in load("bitfield_rleplus.json")["cases"]:
        data = bytes.fromhex(case["rle_hex"])
        if "error" in case:
            with pytest.raises(BitfieldError):
                Bitfield.decode(data)
            continue
        field = Bitfield.decode(data)
        assert field.encode() == data
        if "bits" in case:
            assert set(field) == {index for index, bit in enumerate(case["bits"]) if bit == "1"}
        if "ranges" in case:
            assert field.runs == tuple((int(start), int(end)) for start, end in case["ranges"])
        if "last_bit" in case:
            assert field.runs[-1][1] - 1 == int(case["last_bit"])


def test_known_answers():
    assert Bitfield().encode() == b""
    assert Bitfield.of([0]).encode().hex() == "0c"
    assert Bitfield.of([1, 2, 3, 100]).run_lengths() == [1, 3, 96, 1]
    assert Bitfield.from_run_lengths([1, 3, 96, 1]) == Bitfield.of([1, 2, 3, 100])


def test_huge_runs_stay_runs():
    field = Bitfield(((5, BIT_LIMIT - 1),))
    assert Bitfield.decode(field.encode()) == field
    assert BIT_LIMIT - 2 in field
    assert 4 not in field


@pytest.mark.parametrize(
    "data", [b"\x00", b"\x03", b"\x0c\x00", b"\xff" * 40, b"\xe4" + b"\xff" * 11, b"\x01" * 40_000]
)
def test_bad_bytes(data):
    with pytest.raises(BitfieldError):
        Bitfield.decode(data)


sets = st.sets(st.integers(0, 300), max_size=80)


@given(sets)
def test_round_trip(bits):
    field = Bitfield.of(bits)
    assert set(field) == bits
    assert field.count() == len(bits)
    assert Bitfield.decode(field.encode()) == field
    assert Bitfield.from_run_lengths(field.run_lengths()) == field


@given(sets, sets)
def test_algebra_is_that_of_sets(left, right):
    a, b = Bitfield.of(left), Bitfield.of(right)
    assert set(a | b) == left | right
    assert set(a & b) == left & right
    assert set(a - b) == left - right
    assert (a | b) == Bitfield.of(left | right)


@given(st.binary(max_size=60))
def test_any_bytes(data):
    try:
        assert Bitfield.decode(data).encode() == data
    except BitfieldError:
        pass


def test_an_encoding_has_its_bound():
    """Three bits of header, 42 for each run of 2^28 bits, and one for each single bit fill it exactly."""
    long_runs, single_bits = divmod(8 * ENCODED_BYTES_MAX - 3, 42)
    runs = [0, *[1 << 28] * long_runs, *[1] * single_bits]
    largest = Bitfield.from_run_lengths(runs[: len(runs) - 1 + len(runs) % 2])
    data = largest.encode()
    assert len(data) == ENCODED_BYTES_MAX
    assert Bitfield.decode(data) == largest
    with pytest.raises(EncodeError, match=f"bound is {ENCODED_BYTES_MAX}"):
        Bitfield.from_run_lengths([*largest.run_lengths(), 1, 1]).encode()
    with pytest.raises(BitfieldError, match=f"bound is {ENCODED_BYTES_MAX}"):
        Bitfield.decode(data + b"\x01")


def test_a_run_length_has_a_bounded_number_of_bytes():
    """A header, a zero bit and a zero bit for a long run, then a varint of nine or ten bytes."""

    def run(last):
        bits, width = 0b00 << 3 | 0b100, 5
        for byte in (*[0x80] * (bitfield._VARINT_BYTES_MAX - 1), last):
            bits, width = bits | byte << width, width + 8
        return bits.to_bytes((bits.bit_length() + 7) // 8, "little")

    with pytest.raises(BitfieldError, match="longer than 10 bytes"):
        Bitfield.decode(run(0x81))
    whole = Bitfield(((0, 1 << 63),))
    assert Bitfield.decode(whole.encode()) == whole, "a varint of ten bytes"


def test_a_set_has_no_bit_whose_length_needs_more_than_64_bits():
    most = bitfield._LENGTH_MAX
    assert most == (1 << 64) - 1
    highest = Bitfield.of([most - 1])
    assert Bitfield.decode(highest.encode()) == Bitfield.read(highest.encode()) == highest
    with pytest.raises(EncodeError, match=r"2\^64 - 2"):
        Bitfield.of([most])
    with pytest.raises(BitfieldError, match="64-bit range"):
        Bitfield.from_run_lengths([most, 1])


@given(st.binary(max_size=60))
def test_what_is_canonical_is_read_alike(data):
    """The reader of others' sets takes all that the strict one does, and gives the same set."""
    try:
        strict = Bitfield.decode(data)
    except BitfieldError:
        return
    assert Bitfield.read(data) == strict


@pytest.mark.parametrize("count", [1, ITERATED_MAX, ITERATED_MAX + 1, 1 << 63, (1 << 64) - 1])
def test_bits_are_counted_whatever_their_number_and_gone_through_up_to_a_bound(count):
    field = Bitfield(((0, count),))
    assert field
    assert field.count() == count
    assert count - 1 in field
    if count > ITERATED_MAX:
        with pytest.raises(BitfieldError, match=str(ITERATED_MAX)):
            next(iter(field))
    else:
        assert next(iter(field)) == 0
    assert not Bitfield()
