"""Which nodes a proof must open: numbers that nobody could have chosen (reference: formats, section 10)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from thespis.protocols.errors import ProofError
from thespis.protocols.proofs.field import trimmed
from thespis.protocols.proofs.kernels import chacha
from thespis.protocols.proofs.poseidon import Poseidon
from thespis.protocols.proofs.registry import ApiVersion, Shape

WINNING_CHALLENGES = 66
WINDOW_CHALLENGES = 10
SYNTHETIC_MAX = 1 << 18
_SYNTHETIC = b"filecoin.io|PoRep|1|Synthetic|1"
_NONCE = b"synth-porep\0"
_UPDATE_TAG = 1 << 40
_UPDATE_SHAPES = ((1 << 8, (1, 10)), (1 << 10, (2, 10)), (1 << 19, (4, 10)), (1 << 31, (16, 86)))
"""Largest number of nodes; partitions and challenges of each (``rust-fil-proofs`` ``update/constants.rs``)."""
_ELEMENT_BITS = 254


def _reduced(number: int, nodes: int) -> int:
    """A node other than the first, which has no parents."""
    return number % (nodes - 1) + 1


def interactive(replica_id: bytes, seed: bytes, shape: Shape, partition: int = 0) -> list[int]:
    """The challenges of one partition of a seal, from a seed that the chain gave after the commitment."""
    count, partitions = shape.seal_challenges
    if not 0 <= partition < partitions:
        raise ProofError(f"partition {partition}; there are {partitions}")
    numbers = range(partition * count, (partition + 1) * count)
    digests = (hashlib.sha256(replica_id + seed + number.to_bytes(4, "little")).digest() for number in numbers)
    return [_reduced(int.from_bytes(digest, "little"), shape.nodes) for digest in digests]


def synthetic(replica_id: bytes, comm_r: bytes, nodes: int, count: int | None = None) -> list[int]:
    """The challenges that a synthetic seal proves beforehand, and of which the seed later selects."""
    key = hashlib.blake2b(replica_id + comm_r, digest_size=32, key=_SYNTHETIC + b"|Generation").digest()
    count = min(nodes, SYNTHETIC_MAX) if count is None else count
    stream = _key_stream(key, 32 * count)
    return [_reduced(int.from_bytes(stream[i : i + 32], "little"), nodes) for i in range(0, len(stream), 32)]


def selected(replica_id: bytes, seed: bytes, synthetic_count: int, count: int, start: int = 0) -> list[int]:
    """Which of the synthetic challenges a seed selects, as places in their list."""
    key = hashlib.blake2b(replica_id + seed, digest_size=32, key=_SYNTHETIC + b"|Selection").digest()
    words = np.frombuffer(_key_stream(key, 4 * (start + count)), "<u4")[start:]
    return [int(word) % synthetic_count for word in words]


def _key_stream(key: bytes, size: int) -> bytes:
    blocks = -(-size // 64)
    stream = np.empty((blocks, 16), np.uint32)
    chacha.key_stream(np.frombuffer(key, np.uint32), np.frombuffer(_NONCE, np.uint32), 10, stream)
    return stream.tobytes()[:size]


def update_shape(nodes: int) -> tuple[int, int]:
    """Partitions of an update of an empty sector, and challenges of each."""
    return next(shape for limit, shape in _UPDATE_SHAPES if nodes <= limit)


def update(comm_r_new: bytes, nodes: int, partition: int) -> Iterator[int]:
    """The challenges of one partition of an update of an empty sector: bits of Poseidon digests."""
    partitions, count = update_shape(nodes)
    bits = nodes.bit_length() - partitions.bit_length()
    each = _ELEMENT_BITS // bits
    start = partition * -(-count // each)
    digest = 0
    for number in range(count):
        if number % each == 0:
            place = start + number // each
            digest = Poseidon(2).hash([int.from_bytes(comm_r_new, "little"), place], _UPDATE_TAG)
        yield partition << bits | digest & ((1 << bits) - 1)
        digest >>= bits


def winning_sector(prover_id: bytes, randomness: bytes, number: int, sectors: int) -> int:
    """Which of a miner's active sectors a winning proof of spacetime is about."""
    digest = hashlib.sha256(prover_id + trimmed(randomness) + number.to_bytes(8, "little")).digest()
    return int.from_bytes(digest[:8], "little") % sectors


def leaf(randomness: bytes, sector: int, number: int, nodes: int) -> int:
    """The leaf that challenge `number` opens."""
    digest = hashlib.sha256(trimmed(randomness) + sector.to_bytes(8, "little") + number.to_bytes(8, "little")).digest()
    return int.from_bytes(digest[:8], "little") % nodes


def winning_leaves(randomness: bytes, sector: int, nodes: int) -> list[int]:
    """The leaves that a winning proof opens."""
    return [leaf(randomness, sector, number, nodes) for number in range(WINNING_CHALLENGES)]


def window_leaves(randomness: bytes, sector: int, place: int, nodes: int, api: ApiVersion) -> list[int]:
    """The leaves that a window proof opens in its sector at `place`; until version 1.2 places went into the numbers."""
    first = 0 if api >= ApiVersion.V1_2_0 else place * WINDOW_CHALLENGES
    return [leaf(randomness, sector, first + number, nodes) for number in range(WINDOW_CHALLENGES)]
