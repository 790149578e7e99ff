"""Stacked DRG replication: labels in layers, a replica that only they can make, and commitments to all of it.

Every phase is a function of arrays, which may be memory-mapped files, and can be done again after a crash; who owns
the files and the threads calls them in order (``rust-fil-proofs`` ``stacked/vanilla/proof.rs``; reference: formats,
section 10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import ProofError
from thespis.protocols.proofs.field import to_bytes, to_int, trimmed
from thespis.protocols.proofs.graph import Graph
from thespis.protocols.proofs.kernels import replica as kernel
from thespis.protocols.proofs.kernels.labels import LABEL_PARENTS, label_layer
from thespis.protocols.proofs.nodes import Nodes
from thespis.protocols.proofs.piece import node as binary_node
from thespis.protocols.proofs.piece import zero_commitment
from thespis.protocols.proofs.poseidon import Poseidon
from thespis.protocols.proofs.registry import NODE_BYTES, SealProof, aligned

LABELS_AT_A_TIME = 1 << 18
"""Labels between two reports of progress."""
Progress = Callable[[int, int], None]
"""Told how many nodes of how many are done."""


def prover_id(miner: int) -> bytes:
    """32 bytes of a miner's actor id."""
    return Address.id(miner).payload.ljust(NODE_BYTES, b"\x00")


@dataclass(frozen=True, slots=True)
class Replication:
    """What makes a replica one sector's of one miner: nothing else in its place encodes the same data equally."""

    proof: SealProof
    miner: int
    sector: int
    ticket: bytes
    comm_d: bytes
    porep_id: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be sealed."""
        for name, value in (("ticket", self.ticket), ("comm_d", self.comm_d)):
            if len(value) != NODE_BYTES:
                raise ProofError(f"a {name} of {len(value)} bytes; it has {NODE_BYTES}")

    @property
    def _porep_id(self) -> bytes:
        return self.proof.porep_id if self.porep_id is None else self.porep_id

    @property
    def replica_id(self) -> bytes:
        """What starts every label."""
        parts = (prover_id(self.miner), self.sector.to_bytes(8, "big"), self.ticket, self.comm_d, self._porep_id)
        return trimmed(hashlib.sha256(b"".join(parts)).digest())

    @property
    def graph(self) -> Graph:
        """The graph, the same for all sectors of the proof type."""
        return Graph(self.proof.shape.nodes, self._porep_id, self.proof.api)


def clear_label(replica_id: bytes, layer: int, node: int, parents: Sequence[bytes]) -> bytes:
    """A label, by the rule: a node's parents are its six in its layer, and from the second layer on eight below."""
    header = replica_id + layer.to_bytes(4, "big") + node.to_bytes(8, "big") + bytes(20)
    repeated = [parents[place % len(parents)] for place in range(LABEL_PARENTS)] if node else []
    return trimmed(hashlib.sha256(header + b"".join(repeated)).digest())


def fill_labels(
    replica_id: bytes,
    layer: int,
    table: NDArray[np.uint32],
    labels: Nodes,
    below: Nodes,
    progress: Progress = lambda _done, _all: None,
) -> None:
    """Compute a layer, counted from 1; `below` is the layer before, and not looked at for the first."""
    header = np.frombuffer(replica_id, np.uint64)
    for start in range(0, len(labels), LABELS_AT_A_TIME):
        stop = min(len(labels), start + LABELS_AT_A_TIME)
        label_layer(header, layer, table, labels, below, start, stop)
        progress(stop, len(labels))


def encode(data: Nodes, labels: Nodes, replica: Nodes) -> None:
    """``replica = data + last layer``; `replica` may be `data` itself."""
    kernel.encode(data, labels, replica)


def decode(replica: Nodes, labels: Nodes, data: Nodes) -> None:
    """``data = replica - last layer``."""
    kernel.decode(replica, labels, data)


def comm_r(comm_c: bytes, comm_r_last: bytes) -> bytes:
    """The commitment that goes on chain: to the columns of labels and to the replica."""
    return to_bytes(Poseidon(2).hash([to_int(comm_c), to_int(comm_r_last)]))


# -- pieces of a sector --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlacedPiece:
    """A piece in a sector: its commitment, and its size and offset in padded bytes."""

    root: bytes
    padded_bytes: int
    offset: int


def place_pieces(pieces: Iterable[tuple[bytes, int]], sector_bytes: int) -> list[PlacedPiece]:
    """Where pieces of (commitment, padded size) stand, in order: each at the next multiple of its own size.

    Raises ProofError for a size that is no power of two from 128 on, and when they do not fit.
    """
    placed, end = [], 0
    for root, size in pieces:
        if size < 128 or size & (size - 1):  # noqa: PLR2004
            raise ProofError(f"a piece of {size} padded bytes; sizes are powers of two from 128 on")
        offset = aligned(end, size)
        end = offset + size
        if end > sector_bytes:
            raise ProofError(f"the pieces need {end} bytes with their alignment; the sector has {sector_bytes}")
        placed.append(PlacedPiece(root, size, offset))
    return placed


def data_commitment(pieces: Sequence[PlacedPiece], sector_bytes: int) -> bytes:
    """CommD of a sector of placed pieces, zeros between and after them."""
    return _covering(list(pieces), 0, sector_bytes)


def _covering(pieces: list[PlacedPiece], offset: int, size: int) -> bytes:
    """The root over a range: of the piece that fills it, of zeros, or of its halves."""
    within = [piece for piece in pieces if offset <= piece.offset < offset + size]
    if not within:
        return zero_commitment(size)
    if within[0].padded_bytes == size:
        return within[0].root
    half = size // 2
    return binary_node(_covering(within, offset, half), _covering(within, offset + half, half))


def piece_path(pieces: Sequence[PlacedPiece], sector_bytes: int, piece: PlacedPiece) -> bytes:
    """The siblings that prove a piece's root within CommD; its index is its offset over its size."""
    siblings, size, offset = bytearray(), piece.padded_bytes, piece.offset
    while size < sector_bytes:
        siblings += _covering(list(pieces), offset ^ size, size)
        offset &= ~size
        size *= 2
    return bytes(siblings)
