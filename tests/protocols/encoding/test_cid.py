import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.encoding.cid import DAG_PB, DIGEST_BYTES_MAX, RAW, SHA2_256, Cid
from thespis.protocols.encoding.varint import encode_varint
from thespis.protocols.errors import CidError

from tests.vectors import load


def test_chain_object():
    cid = Cid.of(b"\x80")
    assert cid.data.hex().startswith("0171a0e40220")
    assert str(cid) == "bafy2bzacebc3bt6cedhoyw34drrmjvazhu4oj25er2ebk4u445pzycvq4ta4a"
    assert Cid.from_text(str(cid)) == cid
    assert cid.matches(b"\x80")
    assert not cid.matches(b"\x81")


def test_version_0():
    text = "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"
    cid = Cid.from_text(text)
    assert cid.version == 0
    assert cid.parts()[:2] == (DAG_PB, SHA2_256)
    assert str(cid) == text


def test_actor_codes_of_the_vectors():
    table = load("actor_code_cids.json")
    texts = [text for text in _strings(table) if text.startswith(("bafk", "baf2"))]
    assert texts
    for text in texts:
        assert str(Cid.from_text(text)) == text


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "01",
        "0171",
        "0171a0e40220",
        "0371a0e4022000",
        "0171a0e4021f" + "00" * 31,
        "01710081",
        "0180005500",
        "017100ff01",
    ],
)
def test_bad_bytes(data):
    with pytest.raises(CidError):
        Cid.parse(bytes.fromhex(data))


@pytest.mark.parametrize("text", ["", "b", "x", "Qm", "bAFY", "bafy2bzace!", "zdpu", "b" * 500, "Qm" + "0" * 44])
def test_bad_text(text):
    with pytest.raises(CidError):
        Cid.from_text(text)


@given(st.binary(max_size=100), st.sampled_from([RAW, 0x71]))
def test_round_trip(block, codec):
    cid = Cid.of(block, codec)
    assert Cid.parse(cid.data) == cid
    assert Cid.from_text(str(cid)) == cid
    assert cid.matches(block)


@given(st.binary(max_size=60))
def test_any_bytes(data):
    try:
        assert Cid.parse(data).data == data
    except CidError:
        pass


@given(st.text(max_size=60))
def test_any_text(text):
    try:
        assert str(Cid.from_text(text)) == text
    except CidError:
        pass


def identity_cid(size):
    return b"\x01\x55\x00" + encode_varint(size) + bytes(size)


def test_a_digest_has_its_bound():
    assert len(Cid.parse(identity_cid(DIGEST_BYTES_MAX)).parts()[2]) == DIGEST_BYTES_MAX
    with pytest.raises(CidError, match=str(DIGEST_BYTES_MAX)):
        Cid.parse(identity_cid(DIGEST_BYTES_MAX + 1))
