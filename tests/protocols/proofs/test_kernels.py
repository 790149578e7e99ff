"""Every kernel against its clear twin, on whatever paths this processor has, and again on the portable ones."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.proofs import piece
from thespis.protocols.proofs.field import to_bytes, trimmed
from thespis.protocols.proofs.graph import Graph
from thespis.protocols.proofs.kernels import chacha, cpu, field_ifma, field_scalar, replica, sha256
from thespis.protocols.proofs.kernels import poseidon as poseidon_kernel
from thespis.protocols.proofs.kernels.field_scalar import MODULUS
from thespis.protocols.proofs.kernels.sha256_constants import INITIAL
from thespis.protocols.proofs.nodes import of_bytes
from thespis.protocols.proofs.porep import clear_label, fill_labels
from thespis.protocols.proofs.poseidon import Poseidon, optimised
from thespis.protocols.proofs.registry import ApiVersion

from tests.properties import examples

HASHES = [(poseidon_kernel._hash_scalar, field_scalar)]
ROWS, STREAMS = [sha256._row_lanes], [sha256._stream_portable]
if cpu.has_ifma():
    HASHES.append((poseidon_kernel._hash_ifma, field_ifma))
if cpu.has_sha():
    ROWS.append(sha256._row_x86)
    STREAMS.append(sha256._stream_x86)


def noise(seed, shape, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("blocks", [0, 1, 2, 9])
def test_streams_are_sha256(stream, blocks):
    data = noise(blocks, 64 * blocks).tobytes()
    ending = b"\x80" + bytes(55) + (len(data) * 8).to_bytes(8, "big")
    whole = np.frombuffer(data + ending, np.uint8)
    state = np.array(INITIAL, np.uint32)
    stream(state.ctypes.data, whole.ctypes.data, blocks + 1)
    assert state.byteswap().tobytes() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("count", [0, 1, 3, 15, 16, 17, 70])
def test_rows_of_nodes(row, count):
    nodes = noise(count, (count, 64))
    digests = np.full((count + 1, 32), 7, np.uint8)
    row(nodes.ctypes.data, digests.ctypes.data, count)
    assert [each.tobytes() for each in digests[:count]] == [
        trimmed(hashlib.sha256(each.tobytes()).digest()) for each in nodes
    ]
    assert (digests[count] == 7).all()


@pytest.mark.parametrize(("hash_many", "field"), HASHES)
@pytest.mark.parametrize("arity", [1, 2, 4, 8, 11, 16])
@pytest.mark.parametrize("strengthened", [False, True])
def test_poseidon(hash_many, field, arity, strengthened):
    instance = Poseidon(arity, strengthened)
    values = [(seed * 0x9E3779B97F4A7C15**7 + seed) % MODULUS for seed in range(9 * arity)]
    values[:arity] = [MODULUS - 1] * arity
    values[arity : 2 * arity] = [0] * arity
    preimages = of_bytes(b"".join(map(to_bytes, values))).reshape(9, arity, 4)
    digests = np.zeros((9, 4), np.uint64)
    constants = poseidon_kernel.montgomery(field, optimised(instance).flat())
    tag, square = poseidon_kernel.montgomery(field, [instance.tree_tag, field.RADIX])
    hash_many(preimages, digests, constants, tag, square, instance.partial_rounds)
    expected = [instance.hash(values[i * arity : (i + 1) * arity]) for i in range(9)]
    assert [int.from_bytes(each.tobytes(), "little") for each in digests] == expected


@settings(max_examples=examples(30))
@given(st.lists(st.tuples(st.integers(0, MODULUS - 1), st.integers(0, MODULUS - 1)), min_size=1, max_size=5))
def test_encoding_adds_in_the_field(pairs):
    data = of_bytes(b"".join(to_bytes(left) for left, _ in pairs))
    labels = of_bytes(b"".join(to_bytes(right) for _, right in pairs))
    encoded, decoded = np.empty_like(data), np.empty_like(data)
    replica.encode(data, labels, encoded)
    assert encoded.tobytes() == b"".join(to_bytes(left + right) for left, right in pairs)
    replica.decode(encoded, labels, decoded)
    assert decoded.tobytes() == data.tobytes()


@given(st.integers(1, 5), st.randoms(use_true_random=False))
def test_padding(quads, chance):
    raw = chance.randbytes(127 * quads)
    assert piece.pad(raw) == piece.clear_pad(raw)
    assert piece.unpad(piece.pad(raw)) == raw


@pytest.mark.parametrize("api", ApiVersion)
def test_parents(api):
    graph = Graph(128, bytes(range(32)), api)
    table = graph.table()
    assert [tuple(map(int, row)) for row in table] == [graph.parents(node) for node in range(128)]
    assert (graph.table(50, 60) == table[50:60]).all()


@pytest.mark.parametrize("layer", [1, 2])
def test_labels(layer):
    graph = Graph(64, bytes(32), ApiVersion.V1_1_0)
    below, labels = noise(1, (64, 4), np.uint64), np.zeros((64, 4), np.uint64)
    identity = bytes(range(32))
    fill_labels(identity, layer, graph.table(), labels, below)
    for node in range(64):
        numbers = graph.parents(node)
        parents = [labels[n].tobytes() for n in numbers[:6]]
        parents += [below[n].tobytes() for n in numbers[6:]] if layer > 1 else []
        assert labels[node].tobytes() == clear_label(identity, layer, node, parents)


def test_the_key_stream_is_chacha20():
    """RFC 8439, section 2.4.2: the first block is counter 1 there."""
    key, nonce = bytes(range(32)), bytes.fromhex("000000000000004a00000000")
    stream = np.empty((2, 16), np.uint32)
    chacha.key_stream(np.frombuffer(key, np.uint32), np.frombuffer(nonce, np.uint32), 10, stream)
    assert stream[1].tobytes()[:16].hex() == "224f51f3401bd9e12fde276fb8631ded"


@pytest.mark.slow
def test_the_portable_paths_give_the_same():
    """The whole file again in a process that may not use what this processor has beyond plain instructions."""
    if os.environ.get("THESPIS_KERNELS") == "portable":
        assert not cpu.features()
        return
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    environment = {**os.environ, "THESPIS_KERNELS": "portable"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stdout[-2000:]
