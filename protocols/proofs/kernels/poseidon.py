"""Poseidon kernels: many preimages of one arity at once; eight side by side where the processor has IFMA."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numba import njit, uint64
from numba.extending import intrinsic
from numpy.typing import NDArray
from thespis.protocols.proofs.kernels import cpu, field_ifma, field_scalar
from thespis.protocols.proofs.kernels.ir import emitted
from thespis.protocols.proofs.kernels.permutation import emitter

_LIMBS, _LANES = field_ifma.LIMBS, field_ifma.WIDTH
_MASK = (1 << field_ifma.LIMB_BITS) - 1
_PRIME = np.array(field_scalar.MODULUS_WORDS, np.uint64)


@intrinsic
def _permute_scalar(_context: Any, state: Any, scratch: Any, constants: Any, width: Any, partial: Any) -> Any:
    return emitted("poseidon_scalar", 5, emitter(field_scalar))


@intrinsic
def _permute_ifma(_context: Any, state: Any, scratch: Any, constants: Any, width: Any, partial: Any) -> Any:
    return emitted("poseidon_ifma", 5, emitter(field_ifma))


@intrinsic
def _multiply_scalar(_context: Any, target: Any, left: Any, right: Any) -> Any:
    return emitted("multiply_scalar", 3, lambda builder, arguments: field_scalar.multiply(builder, *arguments))


@intrinsic
def _multiply_ifma(_context: Any, target: Any, left: Any, right: Any) -> Any:
    return emitted("multiply_ifma", 3, lambda builder, arguments: field_ifma.multiply(builder, *arguments))


def montgomery(field: ModuleType, values: list[int]) -> NDArray[np.uint64]:
    """Numbers in a field's Montgomery form, a row of limbs each."""
    mask = (1 << field.LIMB_BITS) - 1
    shifted = [value * field.RADIX % field_scalar.MODULUS for value in values]
    limbs = [[value >> field.LIMB_BITS * i & mask for i in range(field.LIMBS)] for value in shifted]
    return np.array(limbs, np.uint64)


@njit(cache=True, nogil=True)
def _hash_scalar(preimages, digests, constants, tag, square, partial):
    count, arity = preimages.shape[0], preimages.shape[1]
    state, scratch = np.empty((arity + 1, 4), np.uint64), np.empty((arity + 3, 4), np.uint64)
    plain = np.zeros(4, np.uint64)
    plain[0] = 1
    for number in range(count):
        state[0] = tag
        state[1:] = preimages[number]
        for place in range(1, arity + 1):
            at = state[place].ctypes.data
            _multiply_scalar(at, at, square.ctypes.data)
        _permute_scalar(
            state.ctypes.data, scratch.ctypes.data, constants.ctypes.data, uint64(arity + 1), uint64(partial)
        )
        _multiply_scalar(digests[number].ctypes.data, state[1].ctypes.data, plain.ctypes.data)


@njit(cache=True, nogil=True)
def _spread(element, lane, limbs):
    """Four words of 64 bits as five of 52, in one lane."""
    mask = uint64(_MASK)
    limbs[0, lane] = element[0] & mask
    limbs[1, lane] = ((element[0] >> uint64(52)) | (element[1] << uint64(12))) & mask
    limbs[2, lane] = ((element[1] >> uint64(40)) | (element[2] << uint64(24))) & mask
    limbs[3, lane] = ((element[2] >> uint64(28)) | (element[3] << uint64(36))) & mask
    limbs[4, lane] = element[3] >> uint64(16)


@njit(cache=True, nogil=True)
def _gather(limbs, lane, element):
    """A lane's five words of 52 bits as four of 64, below the modulus."""
    element[0] = limbs[0, lane] | (limbs[1, lane] << uint64(52))
    element[1] = (limbs[1, lane] >> uint64(12)) | (limbs[2, lane] << uint64(40))
    element[2] = (limbs[2, lane] >> uint64(24)) | (limbs[3, lane] << uint64(28))
    element[3] = (limbs[3, lane] >> uint64(36)) | (limbs[4, lane] << uint64(16))
    for place in range(3, -1, -1):
        if element[place] < _PRIME[place]:
            return
        if element[place] > _PRIME[place]:
            break
    borrow = uint64(0)
    for place in range(4):
        value = element[place]
        element[place] = value - _PRIME[place] - borrow
        borrow = uint64(1) if value < _PRIME[place] or (value == _PRIME[place] and borrow) else uint64(0)


@njit(cache=True, nogil=True)
def _hash_ifma(preimages, digests, constants, tag, square, partial):
    count, arity = preimages.shape[0], preimages.shape[1]
    state = np.empty((arity + 1, _LIMBS, _LANES), np.uint64)
    scratch = np.empty((arity + 3, _LIMBS, _LANES), np.uint64)
    squares, plain = np.empty((_LIMBS, _LANES), np.uint64), np.zeros((_LIMBS, _LANES), np.uint64)
    plain[0] = 1
    for limb in range(_LIMBS):
        squares[limb] = square[limb]
    for start in range(0, count, _LANES):
        lanes = min(_LANES, count - start)
        for limb in range(_LIMBS):
            state[0, limb] = tag[limb]
        for place in range(arity):
            for lane in range(_LANES):
                _spread(preimages[start + (lane if lane < lanes else 0), place], lane, state[place + 1])
            at = state[place + 1].ctypes.data
            _multiply_ifma(at, at, squares.ctypes.data)
        _permute_ifma(state.ctypes.data, scratch.ctypes.data, constants.ctypes.data, uint64(arity + 1), uint64(partial))
        _multiply_ifma(scratch.ctypes.data, state[1].ctypes.data, plain.ctypes.data)
        for lane in range(lanes):
            _gather(scratch[0], lane, digests[start + lane])


field: ModuleType = field_ifma if cpu.has_ifma() else field_scalar
"""The field that `hash_many` computes in, whose form its constants must have."""

hash_many = _hash_ifma if cpu.has_ifma() else _hash_scalar
"""``hash_many(preimages, digests, constants, tag, square, partial)``.

Digests (rows of four words) of preimages (`arity` rows each). `constants`, `tag` and `square` (the radix) are in the
field's Montgomery form, `partial` is the number of partial rounds.
"""
