"""Labels of one layer of a Stacked DRG, each a hash over its parents: the part of sealing that nothing can hurry.

A label is SHA-256 over twenty blocks: the header, then the parents' labels repeated to 37 (reference: formats,
section 10). Every label needs the one before, so one stream runs at the latency of the hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, uint32, uint64
from numba.extending import intrinsic
from thespis.protocols.proofs.kernels.graph import BASE_DEGREE, EXPANSION
from thespis.protocols.proofs.kernels.ir import I8, I32, I64, at, call, emitted, load, store
from thespis.protocols.proofs.kernels.sha256 import blocks
from thespis.protocols.proofs.kernels.sha256_constants import INITIAL, LAST_BYTE_MASK

LABEL_PARENTS = 37
_BLOCKS, _BLOCKS_FIRST = 20, 2
_MESSAGE_WORDS, _FIRST_WORDS = 160, 16
_HEADER_WORDS = 8
_DEGREE = BASE_DEGREE + EXPANSION
_LABEL_BYTES = 32
_AHEAD = 4
_END = 0x80
_LENGTH, _FIRST_LENGTH = (64 + 32 * LABEL_PARENTS) * 8, 64 * 8
_INITIAL = np.array(INITIAL, np.uint32)
_CLEAR = uint32(LAST_BYTE_MASK)


@njit(cache=True, nogil=True)
def _swap32(word):
    word = uint32(word)
    word = ((word & uint32(0x00FF00FF)) << uint32(8)) | ((word >> uint32(8)) & uint32(0x00FF00FF))
    return uint32((word << uint32(16)) | (word >> uint32(16)))


@njit(cache=True, nogil=True)
def _big(word):
    """Two 32-bit words, big-endian, of a 64-bit number whose bytes are written in order."""
    return (uint64(_swap32(word)) << uint64(32)) | uint64(_swap32(word >> uint64(32)))


@njit(cache=True, nogil=True)
def _prepare(replica_id, layer):
    """Two messages with everything that does not change: with parents, and without."""
    message, first = np.zeros(_MESSAGE_WORDS, np.uint64), np.zeros(_FIRST_WORDS, np.uint64)
    message[:4] = replica_id
    first[:4] = replica_id
    message[4] = uint64(_swap32(uint32(layer)))
    first[4] = message[4]
    message[_HEADER_WORDS + 4 * LABEL_PARENTS] = uint64(_END)
    message[_MESSAGE_WORDS - 1] = _big(uint64(_LENGTH))
    first[_HEADER_WORDS] = uint64(_END)
    first[_FIRST_WORDS - 1] = _big(uint64(_FIRST_LENGTH))
    return message, first


@intrinsic
def _copy(_context: Any, target: Any, source: Any) -> Any:
    return emitted("copy_label", 2, _emit_copy)


def _emit_copy(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
    """One vector move: the hash loads sixteen bytes at a time, which would wait for two stores of eight."""
    target, source = arguments
    store(builder, load(builder, source, ir.VectorType(I64, 4)), target)


@intrinsic
def _prefetch(_context: Any, address: Any) -> Any:
    return emitted("prefetch", 1, _emit_prefetch)


def _emit_prefetch(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
    hints = [ir.Constant(I32, hint) for hint in (0, 3, 1)]
    pointer = at(builder, arguments[0], I8)
    call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, *hints])


@njit(cache=True, nogil=True, inline="always")
def _announce(row, current, previous, later):
    """Have a later node's parents fetched: they lie anywhere in the layers."""
    base = uint64(current.ctypes.data)
    for i in range(uint64(BASE_DEGREE)):
        _prefetch(base + uint64(_LABEL_BYTES) * uint64(row[i]))
    if later:
        base = uint64(previous.ctypes.data)
        for i in range(uint64(BASE_DEGREE), uint64(_DEGREE)):
            _prefetch(base + uint64(_LABEL_BYTES) * uint64(row[i]))


@njit(cache=True, nogil=True)
def _fill(message, node, row, current, previous, later):
    """Write a node's number and its parents' labels into the message."""
    number = _big(uint64(node))
    message[4] = (message[4] & uint64(0xFFFFFFFF)) | (number << uint64(32))
    message[5] = number >> uint64(32)
    start = uint64(message.ctypes.data) + uint64(8 * _HEADER_WORDS)
    base = uint64(current.ctypes.data)
    for i in range(uint64(BASE_DEGREE)):
        _copy(start + uint64(_LABEL_BYTES) * i, base + uint64(_LABEL_BYTES) * uint64(row[i]))
    # the distances are constants, so that the copies become vector moves
    if later:
        base = uint64(previous.ctypes.data)
        for i in range(uint64(BASE_DEGREE), uint64(_DEGREE)):
            _copy(start + uint64(_LABEL_BYTES) * i, base + uint64(_LABEL_BYTES) * uint64(row[i]))
        for word in range(uint64(4 * (LABEL_PARENTS - _DEGREE))):
            message[uint64(_HEADER_WORDS + 4 * _DEGREE) + word] = message[uint64(_HEADER_WORDS) + word]
    else:
        for word in range(uint64(4 * (LABEL_PARENTS - BASE_DEGREE))):
            message[uint64(_HEADER_WORDS + 4 * BASE_DEGREE) + word] = message[uint64(_HEADER_WORDS) + word]


@njit(cache=True, nogil=True)
def _keep(state, labels, node):
    state[7] &= _CLEAR
    for word in range(4):
        low, high = _swap32(state[2 * word]), _swap32(state[2 * word + 1])
        labels[node, word] = uint64(low) | (uint64(high) << uint64(32))


@njit(cache=True, nogil=True)
def label_layer(replica_id, layer, table, current, previous, start, stop):
    """Labels of the nodes from `start` to `stop` of a layer, counted from 1, into `current`.

    Labels are rows of four little-endian words, `table` holds the parents of all nodes, `previous` is the layer below
    (any array of that shape for the first).
    """
    message, first = _prepare(replica_id, layer)
    state = np.empty(8, np.uint32)
    for node in range(start, stop):
        state[:] = _INITIAL
        if node == 0:
            blocks(state.ctypes.data, first.ctypes.data, uint64(_BLOCKS_FIRST))
        else:
            if node + _AHEAD < stop:
                _announce(table[node + _AHEAD], current, previous, layer > 1)
            _fill(message, node, table[node], current, previous, layer > 1)
            blocks(state.ctypes.data, message.ctypes.data, uint64(_BLOCKS))
        _keep(state, current, node)
