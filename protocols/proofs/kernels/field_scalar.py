"""The scalar field of BLS12-381 on 64-bit integers: Montgomery form with R = 2^256, four limbs, 128-bit products."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir
from thespis.protocols.proofs.kernels.ir import I64, I128, advance, function, load, loop, store

MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
RADIX = 1 << 256
LIMBS, LIMB_BITS = 4, 64
WIDTH = 1
"""Hashes that a permutation works on at once."""
ELEMENT_BYTES = CONSTANT_BYTES = 32

_WIDE, _DOUBLE = ir.IntType(256), ir.IntType(512)
MODULUS_WORDS = [MODULUS >> 64 * i & (1 << 64) - 1 for i in range(4)]
"""The modulus as 64-bit words, lowest first."""
_NEGATIVE_INVERSE = -pow(MODULUS, -1, 1 << 64) & (1 << 64) - 1


def _limbs(builder: ir.IRBuilder, value: ir.Value, count: int) -> list[ir.Value]:
    kind = value.type
    return [builder.trunc(builder.lshr(value, ir.Constant(kind, 64 * i)), I64) for i in range(count)]


def _joined(builder: ir.IRBuilder, limbs: Sequence[ir.Value], kind: ir.Type) -> ir.Value:
    value = builder.zext(limbs[0], kind)
    for i, limb in enumerate(limbs[1:], 1):
        value = builder.or_(value, builder.shl(builder.zext(limb, kind), ir.Constant(kind, 64 * i)))
    return value


def _step(builder: ir.IRBuilder, factors: tuple[ir.Value, ir.Value], *summands: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Low and high word of a product and two words: they never overflow 128 bits."""
    total = builder.mul(builder.zext(factors[0], I128), builder.zext(factors[1], I128))
    for each in summands:
        total = builder.add(total, builder.zext(each, I128))
    return builder.trunc(total, I64), builder.trunc(builder.lshr(total, ir.Constant(I128, 64)), I64)


def _product(builder: ir.IRBuilder, left: ir.Value, right: ir.Value) -> list[ir.Value]:
    """Eight limbs of the product of two elements in memory."""
    a, b = (_limbs(builder, load(builder, each, _WIDE), LIMBS) for each in (left, right))
    zero = ir.Constant(I64, 0)
    limbs = [zero] * 8
    for i in range(LIMBS):
        carry: ir.Value = zero
        for j in range(LIMBS):
            limbs[i + j], carry = _step(builder, (a[i], b[j]), limbs[i + j], carry)
        limbs[i + LIMBS] = carry
    return limbs


def _reduced(builder: ir.IRBuilder, limbs: list[ir.Value]) -> ir.Value:
    """Eight limbs, less than R times the modulus, over R."""
    zero = ir.Constant(I64, 0)
    extra: ir.Value = zero
    for i in range(LIMBS):
        factor = builder.mul(limbs[i], ir.Constant(I64, _NEGATIVE_INVERSE))
        carry: ir.Value = zero
        for j in range(LIMBS):
            limbs[i + j], carry = _step(builder, (factor, ir.Constant(I64, MODULUS_WORDS[j])), limbs[i + j], carry)
        total = builder.add(builder.zext(limbs[i + LIMBS], I128), builder.zext(carry, I128))
        total = builder.add(total, builder.zext(extra, I128))
        limbs[i + LIMBS] = builder.trunc(total, I64)
        extra = builder.trunc(builder.lshr(total, ir.Constant(I128, 64)), I64)
    return _less_prime(builder, _joined(builder, limbs[LIMBS:], _WIDE))


def _less_prime(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    """A value below twice the modulus, below the modulus."""
    prime = ir.Constant(_WIDE, MODULUS)
    return builder.select(builder.icmp_unsigned("<", value, prime), value, builder.sub(value, prime))


def multiply(builder: ir.IRBuilder, target: ir.Value, left: ir.Value, right: ir.Value) -> None:
    """``target = left * right / R``."""

    def emit(inner: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        store(inner, _reduced(inner, _product(inner, arguments[1], arguments[2])), arguments[0])

    builder.call(function(builder.module, "scalar_multiply", 3, emit), [target, left, right])


def square(builder: ir.IRBuilder, target: ir.Value, value: ir.Value) -> None:
    """``target = value^2 / R``."""
    multiply(builder, target, value, value)


def add(builder: ir.IRBuilder, target: ir.Value, constant: ir.Value) -> None:
    """``target += constant``."""
    total = builder.add(load(builder, target, _WIDE), load(builder, constant, _WIDE))
    store(builder, _less_prime(builder, total), target)


def dot(builder: ir.IRBuilder, target: ir.Value, values: ir.Value, factors: ir.Value, count: ir.Value) -> None:
    """``target`` = the sum of products of elements and constants, reduced once."""

    def emit(inner: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        place, left, right, turns = arguments
        carried = (ir.Constant(_DOUBLE, 0), left, right)
        prime = ir.Constant(_DOUBLE, MODULUS << 256)
        with loop(inner, turns, carried) as (_number, (total, a, b), following):
            larger = inner.add(total, _joined(inner, _product(inner, a, b), _DOUBLE))
            kept = inner.select(inner.icmp_unsigned("<", larger, prime), larger, inner.sub(larger, prime))
            following += [kept, advance(inner, a, ELEMENT_BYTES), advance(inner, b, CONSTANT_BYTES)]
        store(inner, _reduced(inner, _limbs(inner, following[0], 8)), place)

    builder.call(function(builder.module, "scalar_dot", 4, emit), [target, values, factors, count])


def multiply_add(builder: ir.IRBuilder, target: ir.Value, factor: ir.Value, constant: ir.Value) -> None:
    """``target += factor * constant / R``."""

    def emit(inner: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        place, left, right = arguments
        total = inner.add(load(inner, place, _WIDE), _reduced(inner, _product(inner, left, right)))
        store(inner, _less_prime(inner, total), place)

    builder.call(function(builder.module, "scalar_multiply_add", 3, emit), [target, factor, constant])


ROUNDS_BEFORE_TIDYING = 0
"""Every result is below the modulus: nothing ever grows."""


def tidy(builder: ir.IRBuilder, target: ir.Value, one: ir.Value) -> None:
    """Bring an element that grew below twice the modulus; here none grows."""
    multiply(builder, target, target, one)
