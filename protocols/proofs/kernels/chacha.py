"""ChaCha in the form of RFC 8439: eight rounds give a graph's random numbers, twenty the synthetic challenges."""

from __future__ import annotations

import numpy as np
from numba import njit, uint32

_CHACHA = np.frombuffer(b"expand 32-byte k", np.uint32)
NO_NONCE = np.zeros(3, np.uint32)


@njit(cache=True, nogil=True, inline="always")
def _turn32(word, bits):
    return uint32((word << uint32(bits)) | (word >> uint32(32 - bits)))


@njit(cache=True, nogil=True)
def _quarter(x, a, b, c, d):
    x[a] += x[b]
    x[d] = _turn32(x[d] ^ x[a], 16)
    x[c] += x[d]
    x[b] = _turn32(x[b] ^ x[c], 12)
    x[a] += x[b]
    x[d] = _turn32(x[d] ^ x[a], 8)
    x[c] += x[d]
    x[b] = _turn32(x[b] ^ x[c], 7)


@njit(cache=True, nogil=True)
def block(key, nonce, counter, double_rounds, out):
    """One block of sixteen words; two rounds each time."""
    for i in range(4):
        out[i] = _CHACHA[i]
    for i in range(8):
        out[4 + i] = key[i]
    out[12] = uint32(counter)
    for i in range(3):
        out[13 + i] = nonce[i]
    for _ in range(double_rounds):
        _quarter(out, 0, 4, 8, 12)
        _quarter(out, 1, 5, 9, 13)
        _quarter(out, 2, 6, 10, 14)
        _quarter(out, 3, 7, 11, 15)
        _quarter(out, 0, 5, 10, 15)
        _quarter(out, 1, 6, 11, 12)
        _quarter(out, 2, 7, 8, 13)
        _quarter(out, 3, 4, 9, 14)
    for i in range(4):
        out[i] += _CHACHA[i]
    for i in range(8):
        out[4 + i] += key[i]
    out[12] += uint32(counter)
    for i in range(3):
        out[13 + i] += nonce[i]


@njit(cache=True, nogil=True)
def key_stream(key, nonce, double_rounds, stream):
    """Blocks from counter 0 on, a row of sixteen words each."""
    for counter in range(stream.shape[0]):
        block(key, nonce, counter, double_rounds, stream[counter])
