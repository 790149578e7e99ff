"""The Poseidon permutation in its optimised form, emitted over either field.

Constants lie one after the other: see `protocols.proofs.poseidon.optimised`, which makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from llvmlite import ir
from thespis.protocols.proofs.kernels.ir import I64, Emit, advance, load, loop, store

HALF_FULL_ROUNDS = 4


def emitter(field: ModuleType) -> Emit:
    """``(state, scratch, constants, t, partial rounds)``: permute `t` elements.

    The scratch has room for `t` + 2 elements. The constants are: one, the matrix, the matrix before the partial
    rounds, four rows of round constants, for each partial round a constant, a row and a column without its first
    element, and again four rows.
    """

    def emit(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        state, scratch, constants, t, partial = arguments
        _Permutation(field, builder, state, scratch, t).run(constants, partial)

    return emit


class _Permutation:
    def __init__(
        self, field: ModuleType, builder: ir.IRBuilder, state: ir.Value, scratch: ir.Value, t: ir.Value
    ) -> None:
        self._field, self._builder = field, builder
        self._state, self._scratch, self._t = state, scratch, t
        self._powers = self._further(scratch, t, field.ELEMENT_BYTES)
        self._rest = builder.sub(t, ir.Constant(I64, 1))

    def _further(self, address: ir.Value, count: ir.Value, bytes_each: int) -> ir.Value:
        return self._builder.add(address, self._builder.mul(count, ir.Constant(I64, bytes_each)))

    def run(self, constants: ir.Value, partial: ir.Value) -> None:
        builder, t = self._builder, self._t
        one = constants
        matrix = advance(builder, one, self._field.CONSTANT_BYTES)
        square = builder.mul(t, t)
        before = self._further(matrix, square, self._field.CONSTANT_BYTES)
        place = self._further(before, square, self._field.CONSTANT_BYTES)
        for number in range(HALF_FULL_ROUNDS):
            place = self._full(place, before if number == HALF_FULL_ROUNDS - 1 else matrix)
        place = self._partials(place, partial, one)
        for _ in range(HALF_FULL_ROUNDS):
            place = self._full(place, matrix)

    def _full(self, place: ir.Value, matrix: ir.Value) -> ir.Value:
        """Add, raise and mix everything; returns where the next constants are."""
        builder, field = self._builder, self._field
        with loop(builder, self._t, (self._state, place)) as (_number, (element, constant), following):
            field.add(builder, element, constant)
            self._fifth_power(element)
            following += [
                advance(builder, element, field.ELEMENT_BYTES),
                advance(builder, constant, field.CONSTANT_BYTES),
            ]
        end = following[1]
        row_bytes = builder.mul(self._t, ir.Constant(I64, field.CONSTANT_BYTES))
        with loop(builder, self._t, (self._scratch, matrix)) as (_number, (target, row), following):
            field.dot(builder, target, self._state, row, self._t)
            following += [advance(builder, target, field.ELEMENT_BYTES), builder.add(row, row_bytes)]
        self._copy_back()
        return end

    def _copy_back(self) -> None:
        words = self._builder.mul(self._t, ir.Constant(I64, self._field.ELEMENT_BYTES // 32))
        kind = ir.VectorType(I64, 4)
        with loop(self._builder, words) as (number, _carried, _following):
            store(self._builder, load(self._builder, self._scratch, kind, number), self._state, number)

    def _fifth_power(self, element: ir.Value) -> None:
        builder, field = self._builder, self._field
        fourth = advance(builder, self._powers, field.ELEMENT_BYTES)
        field.square(builder, self._powers, element)
        field.square(builder, fourth, self._powers)
        field.multiply(builder, element, element, fourth)

    def _partials(self, place: ir.Value, partial: ir.Value, one: ir.Value) -> ir.Value:
        """Rounds that raise the first element only, with sparse matrices; returns where the next constants are."""
        builder, field, state = self._builder, self._field, self._state
        first = self._scratch
        second = advance(builder, state, field.ELEMENT_BYTES)
        with loop(builder, partial, (place,)) as (number, (constant,), following):
            field.add(builder, state, constant)
            self._fifth_power(state)
            row = advance(builder, constant, field.CONSTANT_BYTES)
            field.dot(builder, first, state, row, self._t)
            column = self._further(row, self._t, field.CONSTANT_BYTES)
            with loop(builder, self._rest, (second, column)) as (_inner, (element, factor), further):
                field.multiply_add(builder, element, state, factor)
                further += [
                    advance(builder, element, field.ELEMENT_BYTES),
                    advance(builder, factor, field.CONSTANT_BYTES),
                ]
            self._move(first, state)
            if field.ROUNDS_BEFORE_TIDYING:
                self._tidy_sometimes(number, second, one)
            following.append(further[1])
        return following[0]

    def _move(self, source: ir.Value, target: ir.Value) -> None:
        kind = ir.VectorType(I64, 4)
        for part in range(self._field.ELEMENT_BYTES // 32):
            store(self._builder, load(self._builder, source, kind, part), target, part)

    def _tidy_sometimes(self, number: ir.Value, second: ir.Value, one: ir.Value) -> None:
        builder, field = self._builder, self._field
        turn = builder.urem(number, ir.Constant(I64, field.ROUNDS_BEFORE_TIDYING))
        due = builder.icmp_unsigned("==", turn, ir.Constant(I64, field.ROUNDS_BEFORE_TIDYING - 1))
        turns = builder.select(due, self._rest, ir.Constant(I64, 0))
        with loop(builder, turns, (second,)) as (_number, (element,), following):
            field.tidy(builder, element, one)
            following.append(advance(builder, element, field.ELEMENT_BYTES))
