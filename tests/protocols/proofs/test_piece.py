"""Piece commitments: the network's vectors, and streams of every length against the clear rule."""

import copy
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.piece_cid import commitment_of, piece_cid_v1
from thespis.protocols.errors import ProofError
from thespis.protocols.proofs import data_segment, piece, registry
from thespis.protocols.proofs.data_segment import Aggregate, index_entries, parse_entry
from thespis.protocols.proofs.field import to_int
from thespis.protocols.proofs.memory import data_rows
from thespis.protocols.proofs.nodes import of_bytes
from thespis.protocols.proofs.porep import data_commitment, place_pieces
from thespis.protocols.proofs.trees import binary_root

from tests.properties import examples
from tests.protocols.proofs.go_random import TAP, GoRandom
from tests.vectors import load

LARGE_BYTES = 40 << 20
GO_SEED = 1337
GO_RUN_BYTES = 4 * TAP << 11
"""How much of the generator is made at a time."""


def derived(size):
    data = bytearray()
    while len(data) < size:
        data += hashlib.sha512(bytes(data[-64:])).digest()[: size - len(data)]
    return bytes(data)


PAYLOADS = {
    "all payload bytes 0x00": bytes,
    "all payload bytes 0xCC": lambda size: b"\xcc" * size,
    "deriveBuffer(size)": derived,
}


def pieces(of_generator):
    """The cases whose payload Go's generator made, or the others."""
    cases = load("commp_pieces.json")["cases"]
    found = [case for case in cases if ("NewSource(1337)" in case["payload"]) == of_generator]
    assert (len(cases), len(found)) == (130, 65)
    return found


def test_piece_vectors():
    for case in pieces(of_generator=False):
        found = piece.commitment(PAYLOADS[case["payload"]](case["payload_size"]), threads=2)
        assert (str(found.cid), found.padded_bytes) == (case["piece_cid"], case["piece_size"])


@pytest.mark.parametrize(
    ("seed", "first", "digest"),
    [
        (1337, "5402f5a0 8d639b57 0e2fdd6a", "2ff03148477e12f6356bb3038920b10b819dc0bb593fe6d1e70a02f506b06de8"),
        (0, "f55ff8f1 2508b63e f2bfeca7", "6ee915e44935439b486f35cda70d4df0b847892876d84ce36d3c7b23dad5c516"),
        (-5, "a9c94832 a7c3e57a cb003905", "8b7fca14948c614244cd342eaf06fca191b0c2121478e069cdf884746baed94e"),
    ],
)
def test_gos_generator(seed, first, digest):
    """The first four MiB, as a program of Go 1.26 has them."""
    data = GoRandom(seed).read(TAP << 12)[: 4 << 20]
    assert data[:12] == bytes.fromhex(first)
    assert hashlib.sha256(data).hexdigest() == digest


def check_generated(bytes_max):
    """Commit to every piece up to a size; each is the beginning of one stream, so that is read once."""
    cases = sorted(pieces(of_generator=True), key=lambda case: case["payload_size"])
    generator, data, committed = GoRandom(GO_SEED), b"", 0
    with piece.Piece() as stream:
        for case in cases:
            left = case["payload_size"] - committed
            if case["payload_size"] > bytes_max:
                break
            committed += left
            while left:
                data = data or generator.read(GO_RUN_BYTES // 4)
                stream.update(data[:left])
                data, left = data[left:], left - len(data[:left])
            found = copy.deepcopy(stream).finish()
            assert (str(found.cid), found.padded_bytes) == (case["piece_cid"], case["piece_size"])
            case["found"] = True
    return sum("found" in case for case in cases)


def test_piece_vectors_of_gos_generator():
    assert check_generated(LARGE_BYTES) == 41


@pytest.mark.rare
@pytest.mark.timeout(7200)
def test_all_piece_vectors_of_gos_generator():
    """Up to 34 GB, which takes minutes on an idle machine."""
    assert check_generated(1 << 36) == 65


def test_zero_vectors():
    for case in load("commp_zero_commitments.json")["cases"]:
        size = case.get("padded_piece_size") or case.get("sector_size") or 32 << case["level"]
        assert piece.zero_commitment(int(size)).hex() == case["commitment_hex"]


def listed(case):
    """Pieces of a case: commitment and padded size."""
    found = []
    for each in case["pieces"]:
        if "commitment_hex" in each:
            root = bytes.fromhex(each["commitment_hex"])
        elif each["piece_cid"].startswith("zero"):
            root = piece.zero_commitment(each["padded_size"])
        else:
            root = commitment_of(Cid.from_text(each["piece_cid"]))
        found.append((root, each["padded_size"]))
    return found


def test_data_segment_vectors():
    cases = [each for each in load("commp_aggregation.json")["cases"] if each["kind"] == "data_segment_aggregate"]
    assert len(cases) == 3
    for case in cases:
        aggregate = Aggregate.of(listed(case), case["deal_size"])
        cid = str(piece_cid_v1(aggregate.commitment))
        expected = case["aggregate_piece_cid"]
        if "CID bytes" in expected:
            expected = str(Cid.parse(bytes.fromhex(expected.split()[0])))
        assert cid == expected
        if "index_data_hex" in case:
            raw = bytes.fromhex(case["index_data_hex"])
            assert piece.unpad(aggregate.index) == raw
            assert str(piece.commitment(raw).cid) == case["index_piece_cid"]
        index = aggregate.index
        for place, each in enumerate(aggregate.pieces):
            data = index[64 * place : 64 * place + 64]
            assert parse_entry(data) == each
            with pytest.raises(ProofError, match="checksum"):
                parse_entry(data[:-1] + bytes([data[-1] ^ 1]))


def test_deals_that_do_not_fit():
    root = piece.zero_commitment(128)
    with pytest.raises(ProofError, match="4 entries"):
        Aggregate.of([(root, 128)] * 5, 1 << 18)
    with pytest.raises(ProofError, match="alignment"):
        Aggregate.of([(root, 1 << 17), (root, 1 << 17)], 1 << 18)
    with pytest.raises(ProofError, match="powers of two"):
        Aggregate.of([], 1000)
    with pytest.raises(ProofError, match="index needs 256 bytes"):
        Aggregate.of([], 128)
    assert Aggregate.of([], 256).index == bytes(256)


def test_aggregation_vectors():
    for case in load("commp_aggregation.json")["cases"]:
        if case["kind"] == "commd":
            found = data_commitment(place_pieces(listed(case), case["sector_size"]), case["sector_size"])
            assert found == commitment_of(Cid.from_text(case["comm_d"]))
        elif case["kind"] == "compute_node":
            left, right = (bytes([case[f"{side}_first_byte"]]) + bytes(31) for side in ("left", "right"))
            assert piece.node(left, right).hex() == case["node_hex"]
        elif case["kind"] == "merkle_proof_root":
            path = b"".join(bytes([first]) + bytes(31) for first in case["path_first_bytes"])
            leaf = bytes([case["subtree_first_byte"]]) + bytes(31)
            assert binary_root(leaf, case["at"], path).hex() == case["root_hex"]


def test_data_tree_vectors():
    for case in load("tree_d.json")["cases"]:
        if case["kind"] == "tree_d_file_raw":
            rows = data_rows(of_bytes(bytes.fromhex(case["padded_data_hex"])))
            assert b"".join(row.tobytes() for row in rows).hex() == case["tree_d_hex"]
            assert rows[-1].tobytes().hex() == case["comm_d_hex"]
        else:
            size = case["padded_size"]
            rows = data_rows(of_bytes(b"\x01" + bytes(size - 1)))
            assert rows[-1].tobytes() == commitment_of(Cid.from_text(case["cid"]))
            tree = b"".join(row.tobytes() for row in rows)
            for node in case["nodes"]:
                if "offset" in node:
                    assert tree[node["offset"] : node["offset"] + 32].hex() == node["node_hex"]


def test_fr32_vectors():
    for case in load("fr32.json")["cases"]:
        if case.get("kind") == "valid_scalar_le":
            data = bytes.fromhex(case["bytes_hex"])
            if case["valid"]:
                to_int(data)
            else:
                with pytest.raises(ProofError, match="modulus"):
                    to_int(data)


@settings(max_examples=examples(40))
@given(st.integers(0, 5000), st.randoms(use_true_random=False))
def test_streams_of_any_length(size, chance):
    payload = chance.randbytes(size)
    found = piece.commitment(payload)
    assert found.root == piece.clear_commitment(payload)
    assert found.padded_bytes == piece.padded_size(size)
    assert found.payload_bytes == size


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("chunks", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("extra", [-1, 0, 1, 500])
def test_streams_longer_than_a_chunk(threads, chunks, extra):
    payload = derived(1000) * ((chunks * piece.CHUNK_BYTES + extra) // 1000 + 1)
    payload = payload[: chunks * piece.CHUNK_BYTES + extra]
    padded = piece.pad(payload.ljust(piece.padded_size(len(payload)) // 128 * 127, b"\x00"))
    expected = data_rows(of_bytes(padded))[-1].tobytes()
    with piece.Piece(threads) as stream:
        for start in range(0, len(payload), 300_007):
            stream.update(payload[start : start + 300_007])
        assert stream.finish().root == expected


def test_bounds():
    with pytest.raises(ProofError, match="largest sector"), piece.Piece() as stream:
        stream._payload_bytes = piece.PIECE_BYTES_MAX // 128 * 127
        stream.update(b"x")
    with pytest.raises(ProofError, match="whole quads"):
        piece.pad(bytes(126))
    with pytest.raises(ProofError, match="whole padded quads"):
        piece.unpad(bytes(127))
    with pytest.raises(ProofError, match="powers of two"):
        piece.zero_commitment(100)


def test_a_deal_is_at_most_the_largest_sector():
    assert registry.PIECE_BYTES_MAX == piece.PIECE_BYTES_MAX == 64 << 30
    assert index_entries(registry.PIECE_BYTES_MAX) == registry.PIECE_BYTES_MAX // 2048 // 64
    with pytest.raises(ProofError, match=f"from 128 to {registry.PIECE_BYTES_MAX}"):
        index_entries(2 * registry.PIECE_BYTES_MAX)


def test_a_deals_index_has_a_least_size():
    entries = data_segment._ENTRIES_MIN
    assert [index_entries(size) for size in (128, 2048 * 64 * entries, 2048 * 64 * entries * 2)] == [4, 4, 8]
    with pytest.raises(ProofError, match="from 128"):
        index_entries(64)
