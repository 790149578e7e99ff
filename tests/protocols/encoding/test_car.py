import hashlib
import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.encoding import car as car_module
from thespis.protocols.encoding.car import CarReader, write_car
from thespis.protocols.encoding.cid import RAW, Cid
from thespis.protocols.errors import CarError

from tests.properties import examples
from tests.vectors import each, path


def car(blocks, roots=()):
    stream = io.BytesIO()
    write_car(stream, list(roots), [(Cid.of(block, RAW), block) for block in blocks])
    return stream.getvalue()


def read(data, **arguments):
    reader = CarReader(io.BytesIO(data), **arguments)
    return reader, list(reader)


def test_round_trip():
    root = Cid.of(b"one", RAW)
    reader, blocks = read(car([b"one", b"two"], [root]))
    assert reader.version == 1
    assert reader.roots == [root]
    assert [block for _, block in blocks] == [b"one", b"two"]


@each("car_fixtures.json")
def test_vectors(case):
    path("car_fixtures.json")
    if "hex" not in case:
        pytest.skip(f"{case['file']}: {case['size']} bytes that the vectors name by their digest and do not hold")
    data = bytes.fromhex(case["hex"])
    assert hashlib.sha256(data).hexdigest() == case["sha256"]
    expected = case.get("expect", {"version": 2, "err": None, "cids": None})
    if expected["err"]:
        with pytest.raises(CarError, match="truncated"):
            read(data)
        return
    reader, blocks = read(data)
    assert reader.version == expected["version"]
    if expected["cids"]:
        assert [str(cid) for cid, _ in blocks] == expected["cids"]


@pytest.mark.parametrize("name", ["genesis.car", "first-40-epochs.car"])
def test_mainnet_every_block_hashes_to_its_cid(name):
    with path(f"mainnet/{name}").open("rb") as stream:
        count = sum(1 for _ in CarReader(stream))
    assert count == {"genesis.car": 1222, "first-40-epochs.car": 1581}[name]


def test_mainnet_rewrites_to_the_same_bytes():
    data = path("mainnet/genesis.car").read_bytes()
    reader, blocks = read(data)
    stream = io.BytesIO()
    write_car(stream, reader.roots, blocks)
    assert stream.getvalue() == data


def test_damaged_block_is_named():
    data = bytearray(car([b"one", b"two"]))
    data[-1] ^= 1
    with pytest.raises(CarError, match="does not hash"):
        read(bytes(data))
    assert len(read(bytes(data), verify=False)[1]) == 2


def test_every_truncation_is_an_error_or_a_shorter_file():
    data = car([b"one" * 50, b"two" * 50])
    whole = read(data)[1]
    for size in range(len(data)):
        try:
            blocks = read(data[:size])[1]
        except CarError:
            continue
        assert blocks == whole[: len(blocks)]
        assert len(blocks) < len(whole)


def test_version_2_with_its_data_cut_short():
    payload = car([b"one"])
    header = bytes(16) + (51).to_bytes(8, "little") + (len(payload) + 5).to_bytes(8, "little") + bytes(8)
    with pytest.raises(CarError, match="truncated"):
        read(bytes.fromhex("0aa16776657273696f6e02") + header + payload)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x01\x80", b"\xff" * 12, b"\x0a\xa1\x67version\x02" + b"\xff" * 40])
def test_bad_headers(data):
    with pytest.raises(CarError):
        read(data)


@settings(max_examples=examples(200))
@given(st.data())
def test_mutations_raise_car_errors_only(data):
    encoded = bytearray(car([b"one", b"two" * 20], [Cid.of(b"one", RAW)]))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(encoded))
    except CarError:
        pass


@given(st.binary(max_size=100))
def test_any_bytes(data):
    try:
        read(data)
    except CarError:
        pass


def test_a_section_has_its_bound(monkeypatch):
    assert car_module.SECTION_BYTES_MAX == 8 << 20
    block = b"block" * 30
    size = len(Cid.of(block, RAW).data) + len(block)
    monkeypatch.setattr(car_module, "SECTION_BYTES_MAX", size)
    assert [found for _, found in read(car([block]))[1]] == [block]
    monkeypatch.setattr(car_module, "SECTION_BYTES_MAX", size - 1)
    with pytest.raises(CarError, match=str(size)):
        read(car([block]))


def test_a_header_has_its_bound(monkeypatch):
    root = Cid.of(b"one", RAW)
    data = car([b"one"], [root] * 3)
    size = data[0] & 0x7F | data[1] << 7 if data[0] & 0x80 else data[0]
    assert car_module.HEADER_BYTES_MAX == 1 << 20
    monkeypatch.setattr(car_module, "HEADER_BYTES_MAX", size)
    assert read(data)[0].roots == [root] * 3
    monkeypatch.setattr(car_module, "HEADER_BYTES_MAX", size - 1)
    with pytest.raises(CarError, match=str(size)):
        read(data)


def test_a_sections_length_has_a_bounded_number_of_bytes():
    most = car_module._VARINT_BYTES_MAX
    with pytest.raises(CarError, match=f"longer than {most} bytes"):
        read(car([]) + b"\x80" * most + b"\x01")
    with pytest.raises(CarError, match="not minimal"):
        read(car([]) + b"\x80" * (most - 1) + b"\0")


def version_2(payload, size):
    header = struct.pack("<16sQQQ", bytes(16), 51, size, 0)
    return bytes.fromhex("0aa16776657273696f6e02") + header + payload


def test_a_version_2_whose_size_ends_inside_a_section_is_not_read_past_it():
    payload = car([b"one", b"two"])
    last = len(car([b"one"]))
    assert read(version_2(payload, len(payload)))[1] == read(payload)[1]
    for short in range(1, len(payload)):
        size = len(payload) - short
        if size == last:  # the end of a section
            assert len(read(version_2(payload + b"more", size))[1]) == 1
            continue
        if size == len(car([])):
            assert read(version_2(payload + b"more", size))[1] == []
            continue
        with pytest.raises(CarError, match=r"ends its data at|truncated"):
            read(version_2(payload + b"more", size))


@pytest.mark.parametrize(("magic", "remedy"), [(b"\x28\xb5\x2f\xfd\x04", "zstd -d"), (b"\x1f\x8b\x08", "gunzip")])
def test_a_compressed_file_is_said_to_be_one(magic, remedy):
    with pytest.raises(CarError, match=f"compressed.*{remedy}"):
        CarReader(io.BytesIO(magic + bytes(100)))
