import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols import errors
from thespis.protocols.encoding.address import (
    CBOR_BYTES_MAX,
    ID_DIGITS_MAX,
    SUBADDRESS_BYTES_MAX,
    TEXT_MAX,
    TEXT_MIN,
    Address,
    AddressProtocol,
)
from thespis.protocols.encoding.varint import encode_varint

from tests.vectors import load

ERRORS = {
    "ErrUnknownProtocol": errors.AddressProtocolError,
    "ErrInvalidChecksum": errors.AddressChecksumError,
    "ErrUnknownNetwork": errors.AddressNetworkError,
    "ErrInvalidEncoding": errors.AddressEncodingError,
    "base32.CorruptInputError": errors.AddressEncodingError,
}


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("f00", "0000"),
        ("f01024", "008008"),
        ("f17uoq6tp427uzv7fztkbsnn64iwotfrristwpryy", "01fd1d0f4dfcd7e99afcb99a8326b7dc459d32c628"),
        ("f410feot7hrogmplrcupubsdbbqarkdewmb4vkwc5qqq", "040a23a7f3c5c663d71151f40c8610c01150c9660795"),
    ],
)
def test_known_answers(text, data):
    assert Address.from_text(text).data.hex() == data
    assert Address.parse(bytes.fromhex(data)).text() == text


def test_valid_vectors():
    vectors = load("address_valid.json")
    for text in vectors["all_test_addresses"]:
        address = Address.from_text(text)
        assert address.text(text[0]) == text
        assert Address.parse(address.data) == address
    for case in vectors["cases"]:
        text = case.get("testnet") or case["mainnet"]
        address = Address.from_text(text)
        assert address.protocol == AddressProtocol(case["protocol"])
        if "id" in case:
            assert address == Address.id(int(case["id"]))
        if "pubkey_uncompressed_hex" in case:
            assert address == Address.secp256k1(bytes.fromhex(case["pubkey_uncompressed_hex"]))
        if "hash_input_hex" in case:
            assert address == Address.actor(bytes.fromhex(case["hash_input_hex"]))
        if "pubkey_hex" in case:
            assert address == Address.bls(bytes.fromhex(case["pubkey_hex"]))
        if "namespace" in case:
            assert address == Address.delegated(int(case["namespace"]), bytes.fromhex(case["subaddress_hex"]))


def test_bytes_and_ethereum_vectors():
    for case in load("address_bytes_and_eth.json")["cases"]:
        if "note" in case:  # an id of 2^64 - 1: the network refuses it, and so does this
            with pytest.raises(errors.AddressError):
                Address.from_text(case["string"])
            continue
        address = Address.from_text(case["string"])
        if "bytes_hex" in case:
            assert address.data.hex() == case["bytes_hex"]
        ethereum = case.get("eth") or case.get("eth_masked_id") or case.get("eth_checksummed")
        if ethereum:
            data = bytes.fromhex(ethereum[2:])
            assert address.to_ethereum() == data
            assert Address.from_ethereum(data) == address


def test_invalid_vectors():
    for case in load("address_invalid.json")["cases"]:
        expected = next((cls for name, cls in ERRORS.items() if case["error"].startswith(name)), errors.AddressError)
        with pytest.raises(expected):
            if case["kind"] == "bytes":
                Address.parse(bytes.fromhex(case["input_hex"]))
            else:
                tail = base64.b32encode(case.get("append_base32_nopad_lower_of_ascii", "").encode())
                Address.from_text(case["input"] + tail.decode().lower().rstrip("="))


def test_masked_id_inside_f410_is_refused():
    with pytest.raises(errors.AddressPayloadError):
        Address.delegated(10, b"\xff" + bytes(11) + (5).to_bytes(8, "big"))


addresses = st.one_of(
    st.integers(0, 2**63 - 1).map(Address.id),
    st.binary(max_size=80).map(Address.secp256k1),
    st.binary(max_size=80).map(Address.actor),
    st.binary(min_size=48, max_size=48).map(Address.bls),
    st.tuples(st.integers(11, 2**63 - 1), st.binary(max_size=54)).map(lambda parts: Address.delegated(*parts)),
)


@given(addresses, st.sampled_from("ft"))
def test_round_trip(address, network):
    assert Address.from_text(address.text(network)) == address
    assert Address.parse(address.data) == address


@given(addresses, st.data())
def test_one_wrong_character_is_refused_or_another_address(address, data):
    text = address.text()
    position = data.draw(st.integers(2, len(text) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
    changed = text[:position] + letter + text[position + 1 :]
    if changed == text or address.protocol is AddressProtocol.ID:
        return
    with pytest.raises(errors.AddressError):
        Address.from_text(changed)


@given(st.binary(max_size=70))
def test_any_bytes(data):
    try:
        assert Address.parse(data).data == data
    except errors.AddressError:
        pass


@given(st.text(max_size=120))
def test_any_text(text):
    try:
        assert Address.from_text(text).text(text[0]) == text
    except errors.AddressError:
        pass


def test_id_is_minimal():
    with pytest.raises(errors.AddressPayloadError):
        Address.parse(b"\x00\x80\x00")
    assert Address.parse(b"\x00" + encode_varint(2**63 - 1)).actor_id == 2**63 - 1


def test_text_has_its_bounds():
    assert len("f00") == TEXT_MIN
    for text in ("f0", "f01" + "0" * (TEXT_MAX - 2)):
        with pytest.raises(errors.AddressLengthError, match=f"{TEXT_MIN} to {TEXT_MAX}"):
            Address.from_text(text)
    with pytest.raises(errors.AddressPayloadError, match="digits"):
        Address.from_text("f01" + "0" * (TEXT_MAX - 3))
    assert len(Address.delegated(2**63 - 1, bytes(SUBADDRESS_BYTES_MAX)).text()) <= TEXT_MAX


def test_bytes_have_their_bounds():
    longest = Address.delegated(2**63 - 1, bytes(SUBADDRESS_BYTES_MAX))
    assert len(longest.data) == CBOR_BYTES_MAX
    assert Address.parse(longest.data) == longest
    for data in (b"\0", longest.data + b"\0"):
        with pytest.raises(errors.AddressLengthError, match=f"2 to {CBOR_BYTES_MAX}"):
            Address.parse(data)


def test_a_subaddress_has_its_bound():
    assert len(Address.delegated(11, bytes(SUBADDRESS_BYTES_MAX)).data) == 2 + SUBADDRESS_BYTES_MAX
    with pytest.raises(errors.AddressLengthError, match=f"bound is {SUBADDRESS_BYTES_MAX}"):
        Address.delegated(11, bytes(SUBADDRESS_BYTES_MAX + 1))


def test_an_id_has_a_bounded_number_of_digits():
    largest = str(2**63 - 1)
    assert len(largest) == ID_DIGITS_MAX
    assert Address.from_text(f"f0{largest}").actor_id == 2**63 - 1
    with pytest.raises(errors.AddressPayloadError, match="below 2"):
        Address.from_text(f"f0{2**63}")
    with pytest.raises(errors.AddressPayloadError, match=f"at most {ID_DIGITS_MAX} digits"):
        Address.from_text("f01" + "0" * ID_DIGITS_MAX)
