"""Piece commitment: fr32 padding, and the root of a run of quads, padded and hashed while it is in the cache."""

from __future__ import annotations

import numpy as np
from numba import njit, uint8, uint64
from thespis.protocols.proofs.kernels.sha256 import tree_row
from thespis.protocols.proofs.registry import PADDED_QUAD_BYTES, QUAD_BYTES

RUN_QUADS = 512
"""Quads that are hashed at a time: 64 KiB, which fit the first caches with the rows above them."""
_LAST, _KEPT = 31, 0x3F


@njit(cache=True, nogil=True)
def pad(raw, padded):
    """Spread quads of 127 bytes over 128; both arrays are flat and hold whole quads."""
    for quad in range(padded.shape[0] // PADDED_QUAD_BYTES):
        source = raw[quad * QUAD_BYTES : (quad + 1) * QUAD_BYTES]
        target = padded[quad * PADDED_QUAD_BYTES : (quad + 1) * PADDED_QUAD_BYTES]
        for i in range(32):
            target[i] = source[i]
        for i in range(32):
            target[32 + i] = uint8(source[31 + i] >> 6) | uint8(source[32 + i] << 2)
        for i in range(32):
            target[64 + i] = uint8(source[63 + i] >> 4) | uint8(source[64 + i] << 4)
        for i in range(31):
            target[96 + i] = uint8(source[95 + i] >> 2) | uint8(source[96 + i] << 6)
        target[127] = source[126] >> 2
        for group in range(3):
            target[32 * group + _LAST] &= uint8(_KEPT)


@njit(cache=True, nogil=True)
def unpad(padded, raw):
    """Take the two bits after each group out again."""
    for quad in range(padded.shape[0] // PADDED_QUAD_BYTES):
        source = padded[quad * PADDED_QUAD_BYTES : (quad + 1) * PADDED_QUAD_BYTES]
        target = raw[quad * QUAD_BYTES : (quad + 1) * QUAD_BYTES]
        for i in range(31):
            target[i] = source[i]
        target[31] = uint8(source[31] & _KEPT) | uint8(source[32] << 6)
        for i in range(31):
            target[32 + i] = uint8(source[32 + i] >> 2) | uint8(source[33 + i] << 6)
        target[63] = uint8(uint8(source[63] & _KEPT) >> 2) | uint8(source[64] << 4)
        for i in range(31):
            target[64 + i] = uint8(source[64 + i] >> 4) | uint8(source[65 + i] << 4)
        target[95] = uint8(uint8(source[95] & _KEPT) >> 4) | uint8(source[96] << 2)
        for i in range(31):
            target[96 + i] = uint8(source[96 + i] >> 6) | uint8(source[97 + i] << 2)


@njit(cache=True, nogil=True)
def root(nodes, count):
    """Hash `count` nodes, a power of two, in place, until the first is their root."""
    at = nodes.ctypes.data
    while count > 1:
        count //= 2
        tree_row(uint64(at), uint64(at), uint64(count))


@njit(cache=True, nogil=True)
def commit(raw, result):
    """The root, 32 bytes, of a flat array of quads whose number is a power of two."""
    quads = raw.shape[0] // QUAD_BYTES
    run = min(quads, RUN_QUADS)
    buffer = np.empty(run * PADDED_QUAD_BYTES, np.uint8)
    roots = np.empty(quads // run * 32, np.uint8)
    for number in range(quads // run):
        pad(raw[number * run * QUAD_BYTES : (number + 1) * run * QUAD_BYTES], buffer)
        root(buffer, run * 4)
        roots[32 * number : 32 * number + 32] = buffer[:32]
    root(roots, quads // run)
    result[:] = roots[:32]
