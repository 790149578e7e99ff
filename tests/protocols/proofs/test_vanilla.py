"""Proofs that hold, and every change of them that must not."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.errors import DecodeError, ProofError, SectorFaultError
from thespis.protocols.proofs import challenges
from thespis.protocols.proofs.data_segment import parse_entry
from thespis.protocols.proofs.field import to_bytes
from thespis.protocols.proofs.kernels.field_scalar import MODULUS
from thespis.protocols.proofs.memory import data_rows
from thespis.protocols.proofs.memory import seal_in_memory as seal
from thespis.protocols.proofs.piece import commitment
from thespis.protocols.proofs.porep import Replication, data_commitment, decode, piece_path, place_pieces
from thespis.protocols.proofs.registry import KIB, MIB, ApiVersion, SealFeature, SealProof, Shape
from thespis.protocols.proofs.trees import binary_root
from thespis.protocols.proofs.vanilla import (
    PostVanillaProof,
    ProvenSector,
    SealVanillaProof,
    prove_leaves,
    prove_seal,
    verify_post,
    verify_seal,
)

from tests.properties import examples

SEED = bytes(range(32))


@pytest.fixture(scope="module")
def sealed():
    data = np.random.default_rng(5).integers(0, 1 << 62, (64, 4), dtype=np.uint64)
    replication = Replication(SealProof.of_size(2 * KIB), 1000, 7, b"\x05" * 32, data_rows(data)[-1].tobytes())
    sector, comm_r = seal(replication, data)
    return replication, sector, comm_r, prove_seal(sector, SEED)


def test_a_proof_holds_and_is_read_back(sealed):
    replication, _sector, comm_r, proof = sealed
    again = SealVanillaProof.decode(proof.encode())
    assert again == proof
    verify_seal(replication, comm_r, SEED, again)


@settings(max_examples=examples(60))
@given(data=st.data())
def test_no_bit_of_a_seal_proof_can_change(sealed, data):
    replication, _sector, comm_r, proof = sealed
    encoded = bytearray(proof.encode())
    bit = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    with pytest.raises((ProofError, DecodeError)):
        verify_seal(replication, comm_r, SEED, SealVanillaProof.decode(bytes(encoded)))


def test_another_form_of_the_same_number_is_refused(sealed):
    replication, _sector, comm_r, proof = sealed
    [[challenge, *rest]] = proof.partitions
    larger = int.from_bytes(challenge.replica.node, "little") + MODULUS
    if larger >= 1 << 256:
        pytest.skip("this number has one form in 32 bytes")
    other = dataclasses.replace(challenge.replica, node=larger.to_bytes(32, "little"))
    changed = dataclasses.replace(proof, partitions=((dataclasses.replace(challenge, replica=other), *rest),))
    with pytest.raises(ProofError, match="modulus"):
        verify_seal(replication, comm_r, SEED, changed)


@pytest.mark.parametrize(
    "change", [{"miner": 1001}, {"sector": 8}, {"ticket": bytes(32)}, {"comm_d": bytes(32)}, {"proof": SealProof(0)}]
)
def test_a_proof_is_of_one_sector_only(sealed, change):
    replication, _sector, comm_r, proof = sealed
    with pytest.raises(ProofError):
        verify_seal(dataclasses.replace(replication, **change), comm_r, SEED, proof)


def test_the_seed_and_the_commitment_count(sealed):
    replication, _sector, comm_r, proof = sealed
    with pytest.raises(ProofError):
        verify_seal(replication, comm_r, bytes(32), proof)
    with pytest.raises(ProofError, match="CommR"):
        verify_seal(replication, to_bytes(5), SEED, proof)
    with pytest.raises(ProofError, match="partitions"):
        verify_seal(replication, comm_r, SEED, dataclasses.replace(proof, partitions=()))


def test_unsealing_gives_the_data(sealed):
    _replication, sector, _comm_r, _proof = sealed
    data = np.empty((64, 4), np.uint64)
    decode(sector.replica.leaves, sector.layers[-1], data)
    assert data.tobytes() == sector.data_rows[0].tobytes()


def window(sealed):
    replication, sector, comm_r, proof = sealed
    shape = replication.proof.shape

    def leaves(place):
        return challenges.window_leaves(SEED, 7, place, shape.nodes, ApiVersion.V1_2_0)

    return [ProvenSector(7, comm_r)], shape.levels, leaves, prove_leaves(sector.replica, proof.comm_c, leaves(0))


def test_proofs_of_spacetime_hold(sealed):
    sectors, levels, leaves, proof = window(sealed)
    verify_post(sectors, levels, leaves, PostVanillaProof.decode(PostVanillaProof((proof,)).encode()))
    with pytest.raises(ProofError, match="sectors"):
        verify_post(sectors * 2, levels, leaves, PostVanillaProof((proof,)))
    with pytest.raises(ProofError, match="CommR"):
        verify_post([ProvenSector(7, to_bytes(1))], levels, leaves, PostVanillaProof((proof,)))
    with pytest.raises(ProofError, match="due"):
        verify_post(sectors, levels, lambda _place: [1], PostVanillaProof((proof,)))


@settings(max_examples=examples(40))
@given(data=st.data())
def test_no_bit_of_a_proof_of_spacetime_can_change(sealed, data):
    sectors, levels, leaves, proof = window(sealed)
    encoded = bytearray(PostVanillaProof((proof,)).encode())
    bit = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    with pytest.raises((ProofError, DecodeError)):
        verify_post(sectors, levels, leaves, PostVanillaProof.decode(bytes(encoded)))


@pytest.mark.parametrize("node", [0, 13, 63])
def test_a_damaged_replica_is_found_and_named(sealed, node):
    _replication, sector, _comm_r, proof = sealed
    damaged = sector.replica.leaves.copy()
    damaged[node, 2] ^= np.uint64(1)
    tree = dataclasses.replace(sector.replica, leaves=damaged)
    with pytest.raises(SectorFaultError, match="are not what was sealed"):
        prove_leaves(tree, proof.comm_c, [node])


def test_pieces_in_a_sector_prove_their_place():
    payloads = [bytes([number]) * size for number, size in ((1, 100), (2, 400), (3, 127), (4, 250))]
    pieces = [commitment(payload) for payload in payloads]
    placed = place_pieces([(each.root, each.padded_bytes) for each in pieces], 2 * KIB)
    assert [each.offset for each in placed] == [0, 512, 1024, 1280]
    comm_d = data_commitment(placed, 2 * KIB)
    for each in placed:
        path = piece_path(placed, 2 * KIB, each)
        assert binary_root(each.root, each.offset // each.padded_bytes, path) == comm_d
    with pytest.raises(ProofError, match="the sector has 2048"):
        place_pieces([(pieces[0].root, 1024), (pieces[0].root, 128), (pieces[0].root, 1024)], 2 * KIB)
    with pytest.raises(ProofError, match="powers of two"):
        place_pieces([(pieces[0].root, 200)], 2 * KIB)


def test_registered_proofs():
    assert SealProof.of_size(2 * KIB) == SealProof(5)
    assert SealProof.of_size(8 * MIB, ApiVersion.V1_2_0, SealFeature.NON_INTERACTIVE) == SealProof(16)
    for number in range(20):
        proof = SealProof(number)
        assert SealProof.of_size(proof.shape.sector_bytes, proof.api, proof.feature) == proof
        assert int(np.prod(proof.shape.levels)) == proof.shape.nodes
    with pytest.raises(ProofError, match="0 to 19"):
        SealProof(20)
    with pytest.raises(ProofError, match="powers of two"):
        Shape(3000)
    with pytest.raises(ProofError, match="registered"):
        SealProof.of_size(4 * KIB)


@settings(max_examples=examples(200))
@given(st.binary(max_size=400))
def test_any_bytes_are_a_proof_or_a_named_error(data):
    for kind in (SealVanillaProof, PostVanillaProof):
        try:
            found = kind.decode(data)
        except DecodeError:
            continue
        assert kind.decode(found.encode()) == found
    with pytest.raises(ProofError):
        parse_entry(data)


def test_synthetic_challenges_are_bounded(monkeypatch):
    assert challenges.SYNTHETIC_MAX == 1 << 18
    monkeypatch.setattr(challenges, "SYNTHETIC_MAX", 100)
    assert len(challenges.synthetic(bytes(32), bytes(32), 64)) == 64, "a sector's nodes are fewer"
    assert len(challenges.synthetic(bytes(32), bytes(32), 1 << 20)) == 100
