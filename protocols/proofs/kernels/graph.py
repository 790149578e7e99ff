"""Parents of every node of a Stacked DRG, into one table: ChaCha8 and blake2b in plain numba."""

from __future__ import annotations

import numpy as np
from numba import njit, uint32, uint64
from thespis.protocols.proofs.kernels.chacha import NO_NONCE, block

_IV = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_SIGMA = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    np.uint8,
)  # fmt: skip
BASE_DEGREE, EXPANSION = 6, 8
_BUCKETS = 5
_HALF = (1 << 32) - 1


@njit(cache=True, nogil=True, inline="always")
def _turn64(word, bits):
    return (word >> uint64(bits)) | (word << uint64(64 - bits))


@njit(cache=True, nogil=True)
def _mix(v, a, b, c, d, x, y):
    v[a] += v[b] + x
    v[d] = _turn64(v[d] ^ v[a], 32)
    v[c] += v[d]
    v[b] = _turn64(v[b] ^ v[c], 24)
    v[a] += v[b] + y
    v[d] = _turn64(v[d] ^ v[a], 16)
    v[c] += v[d]
    v[b] = _turn64(v[b] ^ v[c], 63)


@njit(cache=True, nogil=True)
def _reversed_bytes(word):
    word = ((word & uint64(0x00FF00FF00FF00FF)) << uint64(8)) | ((word >> uint64(8)) & uint64(0x00FF00FF00FF00FF))
    word = ((word & uint64(0x0000FFFF0000FFFF)) << uint64(16)) | ((word >> uint64(16)) & uint64(0x0000FFFF0000FFFF))
    return (word << uint64(32)) | (word >> uint64(32))


@njit(cache=True, nogil=True)
def _round_function(right, key, m, v):
    """The first eight bytes, big-endian, of blake2b-512 over two big-endian words."""
    m[:] = uint64(0)
    m[0] = _reversed_bytes(uint64(right))
    m[1] = _reversed_bytes(uint64(key))
    for i in range(8):
        v[i] = _IV[i]
        v[8 + i] = _IV[i]
    first = _IV[0] ^ uint64(0x01010040)
    v[0] = first
    v[12] ^= uint64(16)
    v[14] = ~v[14]
    for i in range(12):
        s = _SIGMA[i % 10]
        _mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]])
        _mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]])
        _mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]])
        _mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]])
        _mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]])
        _mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]])
        _mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]])
        _mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]])
    return _reversed_bytes(first ^ v[0] ^ v[8])


@njit(cache=True, nogil=True)
def _permuted(index, size, half_bits, keys, m, v):
    """A Feistel network over `size` numbers: what falls outside goes round again."""
    mask = (uint64(1) << uint64(half_bits)) - uint64(1)
    value = uint64(index)
    while True:
        left, right = value >> uint64(half_bits), value & mask
        for number in range(3):
            left, right = right, left ^ (_round_function(right, keys[number], m, v) & mask)
        value = (left << uint64(half_bits)) | right
        if value < size:
            return value


@njit(cache=True, nogil=True)
def _bits(number):
    count = uint64(0)
    while number:
        number >>= uint64(1)
        count += uint64(1)
    return count


@njit(cache=True, nogil=True)
def _drg_parents(node, seed, first_at, key, words, out):
    """Five parents by bucket sampling, and the predecessor, which stands at `first_at` with the others after it."""
    if node < uint64(2):
        out[:BASE_DEGREE] = uint32(0)
        return
    for i in range(7):
        key[i] = seed[i]
    key[7] = uint32(node)
    block(key, NO_NONCE, 0, 4, words[:16])
    block(key, NO_NONCE, 1, 4, words[16:])
    metanode = node * uint64(_BUCKETS)
    buckets = _bits(metanode - uint64(1))
    place = 1 if first_at == 0 else 0
    for i in range(_BUCKETS):
        draw = (uint64(words[4 * i + 1]) << uint64(32)) | uint64(words[4 * i])
        largest = min(metanode, uint64(1) << (draw % buckets + uint64(1)))
        smallest = max(uint64(2), largest >> uint64(1))
        draw = (uint64(words[4 * i + 3]) << uint64(32)) | uint64(words[4 * i + 2])
        back = smallest + draw % (largest - smallest + uint64(1))
        parent = (metanode - back) // uint64(_BUCKETS)
        out[place + i] = uint32(node - uint64(1) if parent == node else parent)
    out[first_at] = uint32(node - uint64(1))


@njit(cache=True, nogil=True)
def parents(table, start, nodes, seed, keys, half_bits, first_at, truncate):
    """Fill a table of uint32 with the 14 parents of its rows' nodes, from `start` on.

    `first_at` is the place of a node's predecessor, `truncate` whether permuted numbers lose their upper half.
    """
    key, words = np.empty(8, np.uint32), np.empty(32, np.uint32)
    m, v = np.empty(16, np.uint64), np.empty(16, np.uint64)
    size = uint64(nodes) * uint64(EXPANSION)
    for row in range(table.shape[0]):
        node = uint64(start + row)
        _drg_parents(node, seed, first_at, key, words, table[row])
        for i in range(EXPANSION):
            value = _permuted(node * uint64(EXPANSION) + uint64(i), size, half_bits, keys, m, v)
            if truncate:
                value &= uint64(_HALF)
            table[row, BASE_DEGREE + i] = uint32(value // uint64(EXPANSION))
