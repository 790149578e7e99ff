"""The scalar field of BLS12-381 on AVX-512 IFMA: R = 2^260, five limbs of 52 bits, eight elements side by side.

260 bits leave five above the modulus, so nothing is compared and subtracted: with both factors below 35 times the
modulus a product stays below twice it, and sums of products are reduced once. Limbs are brought below 52 bits after
each operation, for the multiplier reads no more.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir
from thespis.protocols.proofs.kernels.field_scalar import MODULUS
from thespis.protocols.proofs.kernels.ir import I32, I64, advance, call, constants, function, load, loop, store

RADIX = 1 << 260
LIMBS, LIMB_BITS = 5, 52
WIDTH = 8
"""Hashes that a permutation works on at once."""
ELEMENT_BYTES, CONSTANT_BYTES = 8 * LIMBS * WIDTH, 8 * LIMBS

_VECTOR = ir.VectorType(I64, WIDTH)
_MASK = (1 << LIMB_BITS) - 1
_PRIME = [MODULUS >> LIMB_BITS * i & _MASK for i in range(LIMBS)]
_NEGATIVE_INVERSE = -pow(MODULUS, -1, 1 << LIMB_BITS) & _MASK


def _everywhere(value: int) -> ir.Constant:
    return constants(_VECTOR, [value] * WIDTH)


def _low(builder: ir.IRBuilder, total: ir.Value, left: ir.Value, right: ir.Value) -> ir.Value:
    return call(builder, "llvm.x86.avx512.vpmadd52l.uq.512", _VECTOR, [total, left, right])


def _high(builder: ir.IRBuilder, total: ir.Value, left: ir.Value, right: ir.Value) -> ir.Value:
    return call(builder, "llvm.x86.avx512.vpmadd52h.uq.512", _VECTOR, [total, left, right])


def _element(builder: ir.IRBuilder, address: ir.Value) -> list[ir.Value]:
    return [load(builder, address, _VECTOR, limb) for limb in range(LIMBS)]


def _constant(builder: ir.IRBuilder, address: ir.Value) -> list[ir.Value]:
    """A constant's limbs, each in every lane."""
    found = []
    for limb in range(LIMBS):
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), load(builder, address, I64, limb), I32(0))
        found.append(builder.shuffle_vector(one, one, constants(ir.VectorType(I32, WIDTH), [0] * WIDTH)))
    return found


def _keep(builder: ir.IRBuilder, limbs: Sequence[ir.Value], address: ir.Value) -> None:
    for place, limb in enumerate(limbs):
        store(builder, limb, address, place)


def _product(builder: ir.IRBuilder, sums: list[ir.Value], left: list[ir.Value], right: list[ir.Value]) -> None:
    """Add a product to ten columns."""
    for i in range(LIMBS):
        for j in range(LIMBS):
            sums[i + j] = _low(builder, sums[i + j], left[i], right[j])
            sums[i + j + 1] = _high(builder, sums[i + j + 1], left[i], right[j])


def _square(builder: ir.IRBuilder, value: list[ir.Value]) -> list[ir.Value]:
    """Ten columns of a square: what is off the diagonal counts twice."""
    sums: list[ir.Value] = [_everywhere(0)] * 10
    for i in range(LIMBS):
        for j in range(i + 1, LIMBS):
            sums[i + j] = _low(builder, sums[i + j], value[i], value[j])
            sums[i + j + 1] = _high(builder, sums[i + j + 1], value[i], value[j])
    sums = [builder.add(each, each) for each in sums]
    for i in range(LIMBS):
        sums[2 * i] = _low(builder, sums[2 * i], value[i], value[i])
        sums[2 * i + 1] = _high(builder, sums[2 * i + 1], value[i], value[i])
    return sums


def _reduced(builder: ir.IRBuilder, sums: list[ir.Value], rest: Sequence[ir.Value] = ()) -> list[ir.Value]:
    """Ten columns over R, and the limbs of `rest` added."""
    for i in range(LIMBS):
        factor = _low(builder, _everywhere(0), sums[i], _everywhere(_NEGATIVE_INVERSE))
        for j in range(LIMBS):
            sums[i + j] = _low(builder, sums[i + j], factor, _everywhere(_PRIME[j]))
            sums[i + j + 1] = _high(builder, sums[i + j + 1], factor, _everywhere(_PRIME[j]))
        sums[i + 1] = builder.add(sums[i + 1], builder.lshr(sums[i], _everywhere(LIMB_BITS)))
    upper = sums[LIMBS:]
    if rest:
        upper = [builder.add(each, more) for each, more in zip(upper, rest, strict=True)]
    return _carried(builder, upper)


def _carried(builder: ir.IRBuilder, limbs: list[ir.Value]) -> list[ir.Value]:
    """Limbs of 52 bits of the same number."""
    for i in range(LIMBS - 1):
        limbs[i + 1] = builder.add(limbs[i + 1], builder.lshr(limbs[i], _everywhere(LIMB_BITS)))
        limbs[i] = builder.and_(limbs[i], _everywhere(_MASK))
    return limbs


def multiply(builder: ir.IRBuilder, target: ir.Value, left: ir.Value, right: ir.Value) -> None:
    """``target = left * right / R``, of two elements."""

    def emit(inner: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        sums: list[ir.Value] = [_everywhere(0)] * 10
        _product(inner, sums, _element(inner, arguments[1]), _element(inner, arguments[2]))
        _keep(inner, _reduced(inner, sums), arguments[0])

    builder.call(function(builder.module, "ifma_multiply", 3, emit), [target, left, right])


def square(builder: ir.IRBuilder, target: ir.Value, value: ir.Value) -> None:
    """``target = value^2 / R``."""

    def emit(inner: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        _keep(inner, _reduced(inner, _square(inner, _element(inner, arguments[1]))), arguments[0])

    builder.call(function(builder.module, "ifma_square", 2, emit), [target, value])


def add(builder: ir.IRBuilder, target: ir.Value, constant: ir.Value) -> None:
    """``target += constant``."""
    pairs = zip(_element(builder, target), _constant(builder, constant), strict=True)
    _keep(builder, _carried(builder, [builder.add(*pair) for pair in pairs]), target)


def dot(builder: ir.IRBuilder, target: ir.Value, values: ir.Value, factors: ir.Value, count: ir.Value) -> None:
    """``target`` = the sum of products of elements and constants, reduced once."""

    def emit(inner: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        place, left, right, turns = arguments
        with loop(inner, turns, (*[_everywhere(0)] * 10, left, right)) as (_number, carried, following):
            sums, (a, b) = carried[:10], carried[10:]
            _product(inner, sums, _element(inner, a), _constant(inner, b))
            following += [*sums, advance(inner, a, ELEMENT_BYTES), advance(inner, b, CONSTANT_BYTES)]
        _keep(inner, _reduced(inner, following[:10]), place)

    builder.call(function(builder.module, "ifma_dot", 4, emit), [target, values, factors, count])


def multiply_add(builder: ir.IRBuilder, target: ir.Value, factor: ir.Value, constant: ir.Value) -> None:
    """``target += factor * constant / R``; the target grows by up to 1.1 times the modulus."""

    def emit(inner: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        place, left, right = arguments
        sums: list[ir.Value] = [_everywhere(0)] * 10
        _product(inner, sums, _element(inner, left), _constant(inner, right))
        _keep(inner, _reduced(inner, sums, _element(inner, place)), place)

    builder.call(function(builder.module, "ifma_multiply_add", 3, emit), [target, factor, constant])


ROUNDS_BEFORE_TIDYING = 16
"""After so many `multiply_add` an element is below twenty times the modulus, and all bounds hold."""


def tidy(builder: ir.IRBuilder, target: ir.Value, one: ir.Value) -> None:
    """Bring an element that grew below twice the modulus: multiply it by one, which is R in this form."""

    def emit(inner: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        sums: list[ir.Value] = [_everywhere(0)] * 10
        _product(inner, sums, _element(inner, arguments[0]), _constant(inner, arguments[1]))
        _keep(inner, _reduced(inner, sums), arguments[0])

    builder.call(function(builder.module, "ifma_tidy", 2, emit), [target, one])
