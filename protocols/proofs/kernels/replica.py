"""Encoding: data and labels added in the field, and taken apart again."""

from __future__ import annotations

import numpy as np
from numba import njit, uint64
from thespis.protocols.proofs.kernels.field_scalar import MODULUS_WORDS

_PRIME = np.array(MODULUS_WORDS, np.uint64)


@njit(cache=True, nogil=True)
def _below_prime(element):
    for place in range(3, -1, -1):
        if element[place] != _PRIME[place]:
            return element[place] < _PRIME[place]
    return False


@njit(cache=True, nogil=True)
def encode(data, labels, replica):
    """``replica = data + labels``, rows of four little-endian words; data and labels are below 2^254."""
    total = np.empty(4, np.uint64)
    for node in range(data.shape[0]):
        carry = uint64(0)
        for word in range(4):
            value = data[node, word] + labels[node, word] + carry
            carry = uint64(1) if value < data[node, word] or (value == data[node, word] and carry) else uint64(0)
            total[word] = value
        borrow, reduce = uint64(0), not _below_prime(total)
        for word in range(4):
            prime = _PRIME[word] if reduce else uint64(0)
            value = total[word]
            replica[node, word] = value - prime - borrow
            borrow = uint64(1) if value < prime or (value == prime and borrow) else uint64(0)


@njit(cache=True, nogil=True)
def decode(replica, labels, data):
    """``data = replica - labels``."""
    for node in range(replica.shape[0]):
        borrow = uint64(0)
        for word in range(4):
            value = replica[node, word]
            label = labels[node, word]
            data[node, word] = value - label - borrow
            borrow = uint64(1) if value < label or (value == label and borrow) else uint64(0)
        carry, add = uint64(0), borrow
        for word in range(4):
            prime = _PRIME[word] if add else uint64(0)
            value = data[node, word] + prime + carry
            carry = uint64(1) if value < prime or (value == prime and carry) else uint64(0)
            data[node, word] = value
