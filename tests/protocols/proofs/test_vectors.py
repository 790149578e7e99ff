"""The network's own vectors of Poseidon, graphs, labels, replicas, challenges and proofs."""

import hashlib

import numpy as np
import pytest
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.piece_cid import piece_cid_v1, sealed_cid
from thespis.protocols.errors import ProofError
from thespis.protocols.proofs import challenges
from thespis.protocols.proofs.field import to_bytes, to_int
from thespis.protocols.proofs.graph import Graph
from thespis.protocols.proofs.memory import seal_in_memory as seal
from thespis.protocols.proofs.nodes import of_bytes
from thespis.protocols.proofs.porep import Replication, comm_r, decode, fill_labels
from thespis.protocols.proofs.poseidon import Poseidon, constant_length_tag, hash_md, round_constants
from thespis.protocols.proofs.registry import GIB, ApiVersion, SealProof, Shape
from thespis.protocols.proofs.trees import Opening, fill_rows, roots, row_lengths

from tests.vectors import load

BIG = 1 << 20
"""Nodes of graphs that are too large for a test."""


def test_poseidon_vectors():
    vectors = load("poseidon.json")
    constants = [f"0x{value:064x}" for row in round_constants(Poseidon(8)) for value in row]
    assert constants == vectors["round_constants_t9_rf8_rp57"]
    for width, _full, partial in vectors["round_numbers_t_rf_rp"]:
        assert Poseidon(width - 1).partial_rounds == partial
    for case in vectors["cases"]:
        assert to_bytes(_poseidon(case)).hex() == case["digest_le_hex"], case["origin"]


def _poseidon(case):
    kind = case["hash_type"]
    if kind.startswith("hash_md"):
        return hash_md([1] * 71)
    if kind == "merkle root":
        instance, leaves = Poseidon(2), case["leaves"]
        return instance.hash([instance.hash(leaves[:2]), instance.hash(leaves[2:])])
    elements = case.get("preimage") or [to_int(bytes.fromhex(each)) for each in case["preimage_le_hex"]]
    tag = constant_length_tag(4) if kind.startswith("ConstantLength") else None
    return Poseidon(case["arity"], case["strength"] != "standard").hash(elements, tag)


def test_graph_vectors():
    checked = 0
    for case in load("porep_parent_graph.json")["cases"]:
        proof = SealProof(case["registered_seal_proof"])
        assert proof.porep_id.hex() == case["porep_id_hex"]
        assert proof.shape.sector_bytes == case["sector_size"]
        assert f"V{case['api_version'].replace('.', '_')}" == proof.api.name
        graph = Graph(case["nodes"], proof.porep_id, proof.api)
        hasher = "poseidon_hasher"
        described = f"{hasher}stacked_graph::StackedGraph{{expansion_degree: 8 base_graph: drgraph::BucketGraph{{size: "
        described += f"{case['nodes']}; degree: 6; hasher: {hasher}}} }}"
        keys = hashlib.sha256(b"Filecoin_Feistel" + proof.porep_id).digest()
        identity = hashlib.sha256(described.encode() + keys + case["nodes"].to_bytes(4, "little")).hexdigest()
        assert case["parent_cache_id"] == f"v28-sdr-parent-{identity}"
        if case["nodes"] <= BIG:
            assert hashlib.sha256(graph.table().tobytes()).hexdigest() == case["parent_cache_sha256"]
            checked += 1
    assert checked


def test_label_vectors():
    for case in load("porep_labels.json")["cases"]:
        graph = Graph(case["nodes"], bytes.fromhex(case["porep_id_hex"]), ApiVersion[case["api_version"]])
        below = np.zeros((case["nodes"], 4), np.uint64)
        for layer in range(1, case["layers"] + 1):
            labels = np.zeros_like(below)
            fill_labels(bytes.fromhex(case["replica_id_hex"]), layer, graph.table(), labels, below)
            below = labels
        assert below[-1].tobytes().hex() == case["last_label_hex"]


def test_replica_id_vectors():
    for case in load("replica_id.json")["cases"]:
        proof = SealProof(case["registered_seal_proof"])
        ticket, comm_d = bytes.fromhex(case["ticket_hex"]), bytes.fromhex(case["comm_d_hex"])
        found = Replication(proof, case["actor_id"], case["sector_number"], ticket, comm_d).replica_id
        assert found.hex() == case["replica_id_hex"]


def test_the_networks_sealed_sectors():
    for case in load("seal_2kib.json")["cases"]:
        comm_d = Cid.from_text(case["comm_d_cid"]).parts()[2]
        ticket = hashlib.blake2b(b"lotus is fire", digest_size=32).digest()
        replication = Replication(SealProof(0), 106, case["sector_number"], ticket, comm_d)
        replica = of_bytes(bytes.fromhex(case["replica_hex"]))
        table = replication.graph.table()
        first, second = np.zeros((64, 4), np.uint64), np.zeros((64, 4), np.uint64)
        fill_labels(replication.replica_id, 1, table, first, first)
        fill_labels(replication.replica_id, 2, table, second, first)
        data = np.zeros((64, 4), np.uint64)
        decode(replica, second, data)
        sector, commitment = seal(replication, data)
        assert sector.data_rows[-1].tobytes() == comm_d
        assert str(piece_cid_v1(comm_d)) == case["comm_d_cid"] == case["piece_cid"]
        assert sector.replica.leaves.tobytes().hex() == case["replica_hex"]
        assert (sector.column_rows[-1].tobytes() + sector.replica.rows[-1].tobytes()).hex() == case["p_aux_hex"]
        assert b"".join(row.tobytes() for row in sector.replica.rows).hex() == case["tree_r_last_cache_hex"]
        assert str(sealed_cid(commitment)) == case["comm_r_cid"]


def test_upper_tree_vectors():
    [case] = [each for each in load("tree_r_last_and_aux.json")["cases"] if "tree_r_last_roots_hex" in each]
    subtrees = of_bytes(bytes.fromhex("".join(case["tree_r_last_roots_hex"])))
    rows = [np.empty((length, 4), np.uint64) for length in row_lengths(8, (8,))]
    assert fill_rows(subtrees, rows, (8,)).hex() == case["comm_r_last_hex"]
    assert case["p_aux_hex"] == case["comm_c_hex"] + case["comm_r_last_hex"]


def test_challenge_vectors():
    for case in load("porep_challenges.json")["cases"]:
        nodes = case["sector_nodes"]
        if case["kind"] == "empty_sector_update":
            found = list(challenges.update(bytes.fromhex(case["comm_r_new_hex"]), nodes, case["partition"]))
            assert found[:5] == case["first_5_challenges"]
            continue
        replica_id, commitment = to_bytes(case["replica_id_field_element"]), to_bytes(case["comm_r_field_element"])
        listed = challenges.synthetic(replica_id, commitment, nodes, case["num_synth_challenges"])
        seed, count = bytes.fromhex(case["porep_randomness_hex"]), case["num_porep_challenges"]
        places = challenges.selected(replica_id, seed, len(listed), count)
        assert [listed[place] for place in places] == case["porep_challenges"]
        later = challenges.selected(replica_id, seed, len(listed), count - 3, start=3)
        assert later == places[3:]


def test_a_real_window_proof_of_32_gib():
    vectors = load("window_post_vanilla_32gib.json")
    public, shape = vectors["public"], Shape(32 * GIB)
    expected = bytes.fromhex(public["comm_r_hex"])
    assert comm_r(bytes.fromhex(public["comm_c_hex"]), bytes.fromhex(public["comm_r_last_hex"])) == expected
    assert str(sealed_cid(expected)) == public["sealed_cid"]
    leaves = challenges.window_leaves(
        bytes.fromhex(public["randomness_hex"]), public["sector_number"], 0, shape.nodes, ApiVersion.V1_1_0
    )
    openings = []
    for case in vectors["cases"]:
        assert leaves[case["challenge_index"]] == case["leaf_index"]
        levels = case["base_proof"] + case["sub_proof"]
        siblings = bytes.fromhex("".join(each for level in levels for each in level["hashes"]))
        openings.append(Opening(case["leaf_index"], bytes.fromhex(case["leaf"]), siblings))
    assert {root.hex() for root in roots(openings, shape.levels)} == {public["comm_r_last_hex"]}
    with pytest.raises(ProofError, match="bytes of path"):
        roots([Opening(0, openings[0].leaf, openings[0].path[:-32])], shape.levels)
