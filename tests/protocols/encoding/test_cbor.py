import base64
import json
import math
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import SHA2_256, Cid
from thespis.protocols.errors import CborError, EncodeError

from tests.vectors import load

# the 21 hostile shapes: fake lengths, deep nesting, indefinite forms, non-canonical numbers, foreign types
HOSTILE = {
    "array of 2^63 items": "9b8000000000000000",
    "map of 2^63 pairs": "bb8000000000000000",
    "bytes of 2^63": "5b8000000000000000",
    "text of 2^63": "7b8000000000000000",
    "array of 2^32 items": "9affffffff00",
    "indefinite array": "9f00ff",
    "indefinite map": "bf616100ff",
    "indefinite bytes": "5f4100ff",
    "indefinite text": "7f6161ff",
    "integer in 2 bytes": "1800",
    "integer in 9 bytes": "1b0000000000000001",
    "duplicate keys": "a2616100616101",
    "unsorted keys": "a2616200616100",
    "integer key": "a10000",
    "trailing byte": "0000",
    "half float NaN": "f97e00",
    "float32": "fa3fc00000",
    "undefined": "f7",
    "simple value": "f8ff",
    "big integer tag": "c249010000000000000000",
    "date tag": "c11a514b67b0",
    "nested tags": "d82a" * 40 + "4100",
    "nested arrays": "81" * 5000 + "00",
    "a million nested arrays": "81" * 1_000_000 + "00",
    "nested maps": "a16161" * 2000 + "00",
    "shared reference": "d81c80",
    "set tag": "d9010280",
    "self-described": "d9d9f700",
    "break alone": "ff",
    "nothing": "",
    "reserved length": "1c",
    "invalid UTF-8": "61ff",
    "link without prefix": "d82a4101",
    "link over text": "d82a6161",
    "link to nothing": "d82a4100",
    "NaN": "fb7ff8000000000000",
    "infinity": "fb7ff0000000000000",
    "array cut short": "830102",
    "text key order by bytes only": "a262616100616200",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_shapes_are_refused(name):
    with pytest.raises(CborError):
        cbor.decode(bytes.fromhex(HOSTILE[name]))


@pytest.mark.slow
def test_hostile_shapes_take_little_memory_and_time():
    """All of them in one process that may use 64 MiB and two processor seconds more than it has."""
    script = """
import json, resource, sys
from thespis.protocols.encoding import cbor
from thespis.protocols.errors import CborError
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
seconds = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime) + 3
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
refused = 0
for text in json.load(sys.stdin):
    try:
        cbor.decode(bytes.fromhex(text))
    except CborError:
        refused += 1
print(refused)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], input=json.dumps(list(HOSTILE.values())), capture_output=True, text=True
    )
    assert ran.stdout.strip() == str(len(HOSTILE)), ran.stderr


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, "f6"),
        (True, "f5"),
        (23, "17"),
        (24, "1818"),
        (-1, "20"),
        (2**64 - 1, "1bffffffffffffffff"),
        (-(2**64), "3bffffffffffffffff"),
        (1.5, "fb3ff8000000000000"),
        (b"", "40"),
        ("é", "62c3a9"),
        ([], "80"),
        ({"bb": 1, "a": 2}, "a26161026262620 1".replace(" ", "")),
    ],
)
def test_known_answers(value, data):
    assert cbor.encode(value).hex() == data
    decoded = cbor.decode(bytes.fromhex(data))
    assert decoded == value
    assert type(decoded) is type(value)


def test_link():
    cid = Cid.of(b"block")
    assert cbor.encode(cid).hex() == "d82a582700" + cid.data.hex()
    assert cbor.decode(cbor.encode([cid, {"x": cid}])) == [cid, {"x": cid}]


@pytest.mark.parametrize(
    "value", [2**64, -(2**64) - 1, math.nan, math.inf, {1: 2}, {1, 2}, object(), 1j, [2**70], {"a": math.nan}]
)
def test_what_has_no_form_is_refused(value):
    with pytest.raises(EncodeError):
        cbor.encode(value)


def test_size_bound():
    with pytest.raises(CborError, match="bound"):
        cbor.decode(bytes(cbor.SIZE_BYTES_MAX + 1))


def _from_dag_json(value):
    if isinstance(value, dict):
        if set(value) == {"/"}:
            inner = value["/"]
            if isinstance(inner, dict):
                text = inner["bytes"]
                return base64.b64decode(text + "=" * (-len(text) % 4))
            if inner.startswith("z"):
                import base58

                return Cid.parse(base58.b58decode(inner[1:]))
            return Cid.from_text(inner)
        return {key: _from_dag_json(item) for key, item in value.items()}
    return [_from_dag_json(item) for item in value] if isinstance(value, list) else value


def test_fixture_vectors():
    vectors = load("dag_cbor_fixtures.json")
    assert len(vectors["cases"]) == 65
    for case in vectors["cases"]:
        data = bytes.fromhex(case["dag_cbor_hex"])
        value = cbor.decode(data)
        assert cbor.encode(value) == data, case["name"]
        assert str(Cid.of(data, multihash=SHA2_256)) == case["dag_cbor_cid_sha2_256"]
        if "dag_json" in case:
            assert value == _from_dag_json(json.loads(case["dag_json"])), case["name"]
    for case in vectors["negative_decode"]:
        with pytest.raises(CborError):
            cbor.decode(bytes.fromhex(case["hex"]))


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**64), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.binary(max_size=40),
        st.text(max_size=20),
        st.binary(max_size=20).map(Cid.of),
    ),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)


@given(values)
def test_round_trip(value):
    data = cbor.encode(value)
    again = cbor.decode(data)
    assert again == value
    assert cbor.encode(again) == data


@given(st.binary(max_size=200))
@example(b"\xc2\x40")
@example(b"\xd8\x2a\x58\x00")
def test_any_bytes_are_refused_or_canonical(data):
    try:
        value = cbor.decode(data)
    except CborError:
        return
    assert cbor.encode(value) == data


@given(values, st.data())
def test_mutations_are_refused_or_canonical(value, data):
    encoded = bytearray(cbor.encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = cbor.decode(bytes(encoded))
    except CborError:
        return
    assert cbor.encode(decoded) == bytes(encoded)


def test_nesting_has_its_bound():
    value = 0
    for _ in range(cbor.DEPTH_MAX):
        value = [value]
    data = cbor.encode(value)
    assert data == b"\x81" * cbor.DEPTH_MAX + b"\0"
    assert cbor.decode(data) == value
    with pytest.raises(CborError):
        cbor.decode(b"\x81" + data)
