"""Piece commitment (CommP): the root of a binary SHA-256 tree over a piece, padded to a power of two.

Every 127 bytes become 128, so that each 32 bytes are a field element; the rest is zeros up to the next power of two
(reference: formats, section 9). `Piece` hashes a stream of any length in bounded memory; `clear_commitment` is the
rule in its shortest form.
"""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Self

import numpy as np
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.piece_cid import piece_cid_v1, to_v2
from thespis.protocols.errors import ProofError
from thespis.protocols.proofs.field import trimmed
from thespis.protocols.proofs.kernels import piece as kernel
from thespis.protocols.proofs.registry import NODE_BYTES, PADDED_QUAD_BYTES, PIECE_BYTES_MAX, QUAD_BYTES, padded_size

CHUNK_QUADS = 1 << 13
"""Quads that are committed at a time: a mebibyte, padded."""
CHUNK_BYTES = CHUNK_QUADS * QUAD_BYTES


def node(left: bytes, right: bytes) -> bytes:
    """The node over two others."""
    return trimmed(hashlib.sha256(left + right).digest())


@lru_cache(maxsize=64)
def zero_commitment(padded_bytes: int) -> bytes:
    """The commitment of so many zeros; raises ProofError for a size that is no power of two from 32 on."""
    if padded_bytes < NODE_BYTES or padded_bytes & (padded_bytes - 1):
        raise ProofError(f"{padded_bytes} bytes are no tree; sizes are powers of two from {NODE_BYTES} on")
    if padded_bytes == NODE_BYTES:
        return bytes(NODE_BYTES)
    below = zero_commitment(padded_bytes // 2)
    return node(below, below)


def pad(raw: bytes) -> bytes:
    """Quads of 127 bytes as quads of 128; raises ProofError for anything but whole quads."""
    if len(raw) % QUAD_BYTES:
        raise ProofError(f"{len(raw)} bytes are not whole quads of {QUAD_BYTES}; append zeros")
    padded = np.empty(len(raw) // QUAD_BYTES * PADDED_QUAD_BYTES, np.uint8)
    kernel.pad(np.frombuffer(raw, np.uint8), padded)
    return padded.tobytes()


def unpad(padded: bytes) -> bytes:
    """The inverse of `pad`; the two bits after each group are not looked at."""
    if len(padded) % PADDED_QUAD_BYTES:
        raise ProofError(f"{len(padded)} bytes are not whole padded quads of {PADDED_QUAD_BYTES}")
    raw = np.empty(len(padded) // PADDED_QUAD_BYTES * QUAD_BYTES, np.uint8)
    kernel.unpad(np.frombuffer(padded, np.uint8), raw)
    return raw.tobytes()


def clear_pad(raw: bytes) -> bytes:
    """Padding as it is defined: a stream of bits, lowest first, two zero bits after every 254."""
    bits = int.from_bytes(raw, "little")
    groups = len(raw) * 8 // 254
    return b"".join((bits >> 254 * i & (1 << 254) - 1).to_bytes(NODE_BYTES, "little") for i in range(groups))


def clear_commitment(payload: bytes) -> bytes:
    """The commitment, by the rule."""
    raw = payload.ljust(padded_size(len(payload)) // PADDED_QUAD_BYTES * QUAD_BYTES, b"\x00")
    padded = clear_pad(raw)
    row = [padded[start : start + NODE_BYTES] for start in range(0, len(padded), NODE_BYTES)]
    while len(row) > 1:
        row = [node(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


@dataclass(frozen=True, slots=True)
class PieceCommitment:
    """What a piece is known by: its root, its size with padding and without."""

    root: bytes
    padded_bytes: int
    payload_bytes: int

    @property
    def cid(self) -> Cid:
        """The piece CID of deals."""
        return piece_cid_v1(self.root)

    @property
    def cid_v2(self) -> Cid:
        """The piece CID that says the payload's size (FRC-0069); raises CidError for one below 127 bytes."""
        return to_v2(self.cid, self.payload_bytes)


class Roots:
    """Roots of equal-sized neighbours, joined pairwise as they come: one a level is kept, whatever the length."""

    def __init__(self, bytes_each: int) -> None:
        self._bytes_each = bytes_each
        self._levels: list[bytes | None] = []

    def add(self, root: bytes) -> None:
        """The next neighbour's root."""
        for level, other in enumerate(self._levels):
            if other is None:
                self._levels[level] = root
                return
            self._levels[level] = None
            root = node(other, root)
        self._levels.append(root)

    def finish(self, padded_bytes: int) -> bytes:
        """The root over everything and zeros up to a size."""
        size, right = self._bytes_each, None
        for other in (*self._levels, *[None] * 64):
            if size == padded_bytes and right is None and other is not None:
                return other
            if size == padded_bytes:
                return right or zero_commitment(padded_bytes)
            if other is not None:
                right = node(other, right or zero_commitment(size))
            elif right is not None:
                right = node(right, zero_commitment(size))
            size *= 2
        raise ProofError(f"{padded_bytes} bytes are less than what was added")


class Piece:
    """A piece that is being read; use it as a context manager, or the threads stay until it is collected."""

    def __init__(self, threads: int = 1) -> None:
        self._rest = bytearray()
        self._payload_bytes = 0
        self._roots = Roots(CHUNK_QUADS * PADDED_QUAD_BYTES)
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._waiting: deque[Future[bytes]] = deque()
        self._waiting_max = 2 * threads

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def update(self, data: bytes | memoryview) -> None:
        """Read on; raises ProofError for more than the largest piece."""
        self._payload_bytes += len(data)
        if padded_size(self._payload_bytes) > PIECE_BYTES_MAX:
            raise ProofError(f"the piece passes {PIECE_BYTES_MAX} padded bytes, the largest sector")
        view = memoryview(data)
        if self._rest:
            missing = CHUNK_BYTES - len(self._rest)
            self._rest += view[:missing]
            view = view[missing:]
            if len(self._rest) < CHUNK_BYTES:
                return
            self._take(bytes(self._rest))
            self._rest.clear()
        whole = len(view) // CHUNK_BYTES * CHUNK_BYTES
        for start in range(0, whole, CHUNK_BYTES):
            self._take(view[start : start + CHUNK_BYTES])
        self._rest += view[whole:]

    def _take(self, chunk: bytes | memoryview) -> None:
        if self._pool is None:
            self._roots.add(_commit(chunk))
            return
        self._waiting.append(self._pool.submit(_commit, bytes(chunk)))
        if len(self._waiting) > self._waiting_max:
            self._roots.add(self._waiting.popleft().result())

    def finish(self) -> PieceCommitment:
        """The commitment of everything that was read."""
        size = padded_size(self._payload_bytes)
        if size < CHUNK_QUADS * PADDED_QUAD_BYTES:
            raw = bytes(self._rest).ljust(size // PADDED_QUAD_BYTES * QUAD_BYTES, b"\x00")
            return PieceCommitment(_commit(raw), size, self._payload_bytes)
        if self._rest:
            self._take(bytes(self._rest).ljust(CHUNK_BYTES, b"\x00"))
            self._rest.clear()
        while self._waiting:
            self._roots.add(self._waiting.popleft().result())
        return PieceCommitment(self._roots.finish(size), size, self._payload_bytes)


def _commit(raw: bytes | memoryview) -> bytes:
    result = np.empty(NODE_BYTES, np.uint8)
    kernel.commit(np.frombuffer(raw, np.uint8), result)
    return result.tobytes()


def commitment(payload: bytes, threads: int = 1) -> PieceCommitment:
    """The commitment of a payload in memory."""
    with Piece(threads) as piece:
        piece.update(payload)
        return piece.finish()
