import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols import errors
from thespis.protocols.encoding.bigint import (
    AMOUNT_TEXT_MAX,
    SERIALIZED_BYTES_MAX,
    decode_bigint,
    encode_bigint,
    format_fil,
    format_fil_short,
    parse_fil,
)
from thespis.protocols.encoding.units import SIZE_TEXT_MAX, format_size, parse_size
from thespis.protocols.encoding.varint import VARINT_BYTES_MAX, decode_varint, encode_varint

from tests.vectors import load


@pytest.mark.parametrize(("value", "data"), [(0, "00"), (127, "7f"), (128, "8001"), (2**63 - 1, "ff" * 8 + "7f")])
def test_varint_known_answers(value, data):
    assert encode_varint(value).hex() == data
    assert decode_varint(bytes.fromhex(data)) == (value, len(data) // 2)


@pytest.mark.parametrize("data", ["", "80", "8000", "ff" * 9, "ff" * 9 + "01"])
def test_bad_varints(data):
    with pytest.raises(errors.VarintError):
        decode_varint(bytes.fromhex(data))


@given(st.integers(0, 2**63 - 1))
def test_varint_round_trip(value):
    assert decode_varint(b"\xff" + encode_varint(value), 1)[0] == value


@given(st.binary(max_size=12))
def test_varint_any_bytes(data):
    try:
        value, end = decode_varint(data)
        assert encode_varint(value) == data[:end]
    except errors.VarintError:
        pass


@pytest.mark.parametrize(("value", "data"), [(0, ""), (1, "0001"), (-1, "0101"), (256, "000100")])
def test_bigint_known_answers(value, data):
    assert encode_bigint(value).hex() == data
    assert decode_bigint(bytes.fromhex(data)) == value


@pytest.mark.parametrize("data", ["00", "0000", "02ff", "000001", "0100"])
def test_bad_bigints(data):
    with pytest.raises(errors.BigIntError):
        decode_bigint(bytes.fromhex(data))


def test_bigint_bounds():
    assert decode_bigint(encode_bigint(2 ** (8 * 127) - 1)) == 2 ** (8 * 127) - 1
    with pytest.raises(errors.EncodeError):
        encode_bigint(2 ** (8 * 127))
    with pytest.raises(errors.BigIntError):
        decode_bigint(b"\x00" + b"\x01" * 128)


@given(st.integers(-(2 ** (8 * 127)) + 1, 2 ** (8 * 127) - 1))
def test_bigint_round_trip(value):
    assert decode_bigint(encode_bigint(value)) == value


@given(st.binary(max_size=140))
def test_bigint_any_bytes(data):
    try:
        assert encode_bigint(decode_bigint(data)) == data
    except errors.BigIntError:
        pass


def test_unit_vectors():
    for case in load("fil_units.json")["cases"]:
        if case["kind"] == "short":
            assert format_fil_short(parse_fil(case["fil"])) == case["expected"], case
        elif case["kind"] == "fil_roundtrip":
            assert format_fil(parse_fil(case["fil"])) == case["fil"]
        else:
            assert format_size(int(case["bytes"])) == case["expected"]


@pytest.mark.parametrize(
    "text", ["", ".", "1..2", "1e5", "0x10", "1.0000000000000000001", "1 btc", "1.5 attofil", "١", "9" * 60]
)
def test_bad_amounts(text):
    with pytest.raises(errors.AmountError):
        parse_fil(text)


@given(st.integers(-(10**40), 10**40))
def test_amount_round_trip(atto):
    assert parse_fil(format_fil(atto)) == atto
    assert parse_fil(f"{atto} attofil") == atto


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("2048", 2048),
        ("2KiB", 2048),
        ("2 kib", 2048),
        ("8MiB", 8 << 20),
        ("1.5GiB", 3 << 29),
        ("64GiB", 64 << 30),
    ],
)
def test_sizes(text, expected):
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "KiB", "-1", "2KB", "1.5", "0x10", "1e3", "9" * 50, "2 KiB x"])
def test_no_sizes(text):
    with pytest.raises(errors.AmountError):
        parse_size(text)


def test_varints_have_a_bounded_number_of_bytes():
    largest = encode_varint(2**63 - 1)
    assert len(largest) == VARINT_BYTES_MAX
    assert decode_varint(largest) == (2**63 - 1, VARINT_BYTES_MAX)
    with pytest.raises(errors.VarintError, match=f"{VARINT_BYTES_MAX} bytes"):
        decode_varint(b"\x80" * VARINT_BYTES_MAX + b"\x01")
    ten = b"\x80" * VARINT_BYTES_MAX + b"\x01"
    assert decode_varint(ten, bytes_max=VARINT_BYTES_MAX + 1) == (2**63, VARINT_BYTES_MAX + 1)


def test_a_bigints_bytes_are_bounded():
    largest = encode_bigint(2 ** (8 * (SERIALIZED_BYTES_MAX - 1)) - 1)
    assert len(largest) == SERIALIZED_BYTES_MAX
    decode_bigint(largest)
    with pytest.raises(errors.BigIntError, match=f"bound is {SERIALIZED_BYTES_MAX}"):
        decode_bigint(largest + b"\xff")


def test_texts_of_amounts_and_sizes_are_bounded():
    assert parse_fil("0" * (AMOUNT_TEXT_MAX - 1) + "1") == 10**18
    with pytest.raises(errors.AmountError, match=f"bound is {AMOUNT_TEXT_MAX}"):
        parse_fil("0" * AMOUNT_TEXT_MAX + "1")
    assert parse_size("0" * (SIZE_TEXT_MAX - 1) + "7") == 7
    with pytest.raises(errors.AmountError, match="no size"):
        parse_size("0" * SIZE_TEXT_MAX + "7")


@pytest.mark.parametrize(
    ("atto", "text"),
    [
        (0, "0"),
        (1, "1 aFIL"),
        (-1, "-1 aFIL"),
        (999, "999 aFIL"),
        (9999999, "10 pFIL"),
        (-9999999, "-10 pFIL"),
        (1234499, "1.234 pFIL"),
        (1234500, "1.235 pFIL"),
        (-1234500, "-1.235 pFIL"),
        (999999999, "1000 pFIL"),
        (10**18 - 1, "1000 mFIL"),
        (10**21 + 5 * 10**14, "1000.001 FIL"),
    ],
)
def test_short_amounts_round_as_lotus_does(atto, text):
    assert format_fil_short(atto) == text
