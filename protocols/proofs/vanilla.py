"""Vanilla proofs as they go on chain: openings of the trees, in a compact form that has one encoding.

A verifier takes nothing from the prover but leaves and siblings: which nodes are opened, and the parents of each,
it works out itself, and every number must be in its only form, so that no bit can change and the proof still hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from thespis.protocols.encoding.tuples import Record, record
from thespis.protocols.errors import ProofError
from thespis.protocols.proofs import challenges
from thespis.protocols.proofs.field import to_int
from thespis.protocols.proofs.kernels.field_scalar import MODULUS
from thespis.protocols.proofs.kernels.graph import BASE_DEGREE
from thespis.protocols.proofs.nodes import Nodes
from thespis.protocols.proofs.porep import Replication, clear_label, comm_r
from thespis.protocols.proofs.poseidon import Poseidon
from thespis.protocols.proofs.registry import NODE_BYTES
from thespis.protocols.proofs.trees import (
    Levels,
    Opening,
    ReplicaTree,
    binary_levels,
    binary_root,
    common_root,
    path,
    path_bytes,
    roots,
)


@record
class Leaf(Record):
    """A node and its siblings; where it stands follows from the challenge."""

    node: bytes
    path: bytes


@record
class Column(Record):
    """A node's labels, one of each layer, and the siblings of their hash."""

    labels: bytes
    path: bytes


@record
class ChallengeProof(Record):
    """What one challenge opens: data, replica, and the columns of the node and of its parents."""

    data: Leaf
    replica: Leaf
    column: Column
    parents: tuple[Column, ...]


@record
class SealVanillaProof(Record):
    """The proof that a replica encodes the data of CommD: one list for each partition."""

    comm_c: bytes
    comm_r_last: bytes
    partitions: tuple[tuple[ChallengeProof, ...], ...]


@record
class SectorPostProof(Record):
    """An opening of one sector's replica: distinct leaves in their order, and the siblings that they need together."""

    comm_c: bytes
    comm_r_last: bytes
    leaves: bytes
    siblings: bytes


@record
class PostVanillaProof(Record):
    """The proof that sectors are still stored."""

    sectors: tuple[SectorPostProof, ...]


# -- proving --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SealedSector:
    """Everything of a sealed sector that proofs open; arrays, most of them memory-mapped.

    `data_rows` and `column_rows` begin with the leaves.
    """

    replication: Replication
    data_rows: Sequence[Nodes]
    layers: Sequence[Nodes]
    column_rows: Sequence[Nodes]
    replica: ReplicaTree

    def column(self, node: int) -> Column:
        """The column of a node."""
        labels = b"".join(layer[node].tobytes() for layer in self.layers)
        return Column(labels, path(self.column_rows, self.replication.proof.shape.levels, node))


def seal_challenges(replication: Replication, seed: bytes) -> list[list[int]]:
    """The challenges of every partition of an interactive seal."""
    shape = replication.proof.shape
    partitions = shape.seal_challenges[1]
    return [challenges.interactive(replication.replica_id, seed, shape, k) for k in range(partitions)]


def prove_seal(sector: SealedSector, seed: bytes) -> SealVanillaProof:
    """Open what a seed asks for; raises SectorFaultError where the replica is not what was sealed."""
    shape = sector.replication.proof.shape
    graph = sector.replication.graph

    def opened(challenge: int) -> ChallengeProof:
        replica = Leaf(*sector.replica.open([challenge]))
        data = sector.data_rows[0][challenge].tobytes()
        return ChallengeProof(
            Leaf(data, path(sector.data_rows, binary_levels(shape.nodes), challenge)),
            replica,
            sector.column(challenge),
            tuple(sector.column(parent) for parent in graph.parents(challenge)),
        )

    partitions = tuple(tuple(map(opened, listed)) for listed in seal_challenges(sector.replication, seed))
    comm_c, comm_r_last = sector.column_rows[-1].tobytes(), sector.replica.rows[-1].tobytes()
    return SealVanillaProof(comm_c, comm_r_last, partitions)


def prove_leaves(tree: ReplicaTree, comm_c: bytes, leaves: Sequence[int]) -> SectorPostProof:
    """Open leaves of a replica for a proof of spacetime; raises SectorFaultError for one that is not as sealed."""
    return SectorPostProof(comm_c, tree.rows[-1].tobytes(), *tree.open(leaves))


# -- verifying ------------------------------------------------------------------------------------------------


def verify_seal(replication: Replication, commitment: bytes, seed: bytes, proof: SealVanillaProof) -> None:
    """Raise ProofError, with what does not fit, unless the proof shows that `commitment` replicates CommD."""
    _check_commitment(proof.comm_c, proof.comm_r_last, commitment)
    expected = seal_challenges(replication, seed)
    found = [len(partition) for partition in proof.partitions]
    if found != [len(partition) for partition in expected]:
        raise ProofError(f"partitions of {found} challenges; {[len(p) for p in expected]} are due")
    checks = _SealChecks(replication, proof.comm_c, proof.comm_r_last)
    for listed, partition in zip(expected, proof.partitions, strict=True):
        for challenge, opened in zip(listed, partition, strict=True):
            checks.take(challenge, opened)
    checks.finish()


def _check_commitment(comm_c: bytes, comm_r_last: bytes, commitment: bytes) -> None:
    if comm_r(comm_c, comm_r_last) != commitment:
        raise ProofError(f"the roots of columns and replica do not hash to CommR {commitment.hex()}")


class _SealChecks:
    """Checks each challenge by the rules, and gathers openings of the Poseidon trees to check them together."""

    def __init__(self, replication: Replication, comm_c: bytes, comm_r_last: bytes) -> None:
        self._replication = replication
        self._shape = replication.proof.shape
        self._graph = replication.graph
        self._replica_id = replication.replica_id
        self._comm_c, self._comm_r_last = comm_c, comm_r_last
        self._columns: dict[tuple[int, bytes, bytes], Opening] = {}
        self._replica: list[Opening] = []

    def take(self, challenge: int, opened: ChallengeProof) -> None:
        """One challenge: the data's path, the labels' hashes, and the encoding."""
        if len(opened.data.path) != path_bytes(binary_levels(self._shape.nodes)):
            raise ProofError(f"challenge {challenge}: a path of {len(opened.data.path)} bytes to CommD")
        if binary_root(opened.data.node, challenge, opened.data.path) != self._replication.comm_d:
            raise ProofError(f"challenge {challenge}: the data does not open CommD")
        numbers = self._graph.parents(challenge)
        if len(opened.parents) != len(numbers):
            raise ProofError(f"challenge {challenge}: {len(opened.parents)} parents; a node has {len(numbers)}")
        labels = self._labels(challenge, opened.column)
        parents = [self._labels(n, column) for n, column in zip(numbers, opened.parents, strict=True)]
        for layer in range(self._shape.layers):
            inputs = [column[layer] for column in parents[:BASE_DEGREE]]
            if layer:
                inputs += [column[layer - 1] for column in parents[BASE_DEGREE:]]
            if clear_label(self._replica_id, layer + 1, challenge, inputs) != labels[layer]:
                raise ProofError(f"challenge {challenge}: the label of layer {layer + 1} is not its parents' hash")
        encoded = (to_int(opened.data.node) + to_int(labels[-1])) % MODULUS
        if encoded != to_int(opened.replica.node):
            raise ProofError(f"challenge {challenge}: the replica is not the data plus its label")
        self._replica.append(Opening(challenge, opened.replica.node, opened.replica.path))

    def _labels(self, node: int, column: Column) -> list[bytes]:
        if len(column.labels) != self._shape.layers * NODE_BYTES:
            raise ProofError(f"a column of {len(column.labels)} bytes; there are {self._shape.layers} layers")
        labels = [column.labels[i : i + NODE_BYTES] for i in range(0, len(column.labels), NODE_BYTES)]
        key = (node, column.labels, column.path)
        if key not in self._columns:
            digest = Poseidon(self._shape.layers).hash([to_int(label) for label in labels])
            self._columns[key] = Opening(node, digest.to_bytes(NODE_BYTES, "little"), column.path)
        return labels

    def finish(self) -> None:
        """The paths of columns and replica."""
        levels = self._shape.levels
        _check_roots(list(self._columns.values()), levels, self._comm_c, "the tree of columns")
        _check_roots(self._replica, levels, self._comm_r_last, "the tree of the replica")


def _check_roots(openings: list[Opening], levels: Levels, root: bytes, what: str) -> None:
    for opening, found in zip(openings, roots(openings, levels), strict=True):
        if found != root:
            raise ProofError(f"node {opening.index} does not open {what}")


@dataclass(frozen=True, slots=True)
class ProvenSector:
    """A sector that a proof of spacetime is about: its number and its commitment on chain."""

    number: int
    commitment: bytes


def verify_post(
    sectors: Sequence[ProvenSector], levels: Levels, leaves: Callable[[int], list[int]], proof: PostVanillaProof
) -> None:
    """Raise ProofError unless every sector's replica opens where `leaves` says for its place in the list."""
    if len(proof.sectors) != len(sectors):
        raise ProofError(f"a proof of {len(proof.sectors)} sectors; {len(sectors)} are due")
    for place, (sector, opened) in enumerate(zip(sectors, proof.sectors, strict=True)):
        _check_commitment(opened.comm_c, opened.comm_r_last, sector.commitment)
        if common_root(levels, leaves(place), opened.leaves, opened.siblings) != opened.comm_r_last:
            raise ProofError(f"the leaves of sector {sector.number} do not open its replica")
