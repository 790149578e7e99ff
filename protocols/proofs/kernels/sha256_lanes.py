"""SHA-256 on plain vectors, one node a lane; LLVM fits them to the width that the processor has."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir
from thespis.protocols.proofs.kernels.ir import I32, advance, call, constants, load, loop, store
from thespis.protocols.proofs.kernels.sha256_constants import INITIAL, LAST_BYTE_MASK, PADDING_SCHEDULE, K

LANES = 16
"""Nodes that are hashed at once: as many as a node has words, so that loading them is the transpose of a square."""


class _Rounds:
    """The rounds over values of one type: a word, or a vector of words."""

    def __init__(self, builder: ir.IRBuilder, lanes: int) -> None:
        self._builder = builder
        self._lanes = lanes
        self.kind: ir.Type = I32 if lanes == 1 else ir.VectorType(I32, lanes)

    def constant(self, value: int) -> ir.Constant:
        return ir.Constant(I32, value) if self._lanes == 1 else constants(self.kind, [value] * self._lanes)

    def swapped(self, value: ir.Value) -> ir.Value:
        suffix = "i32" if self._lanes == 1 else f"v{self._lanes}i32"
        return call(self._builder, f"llvm.bswap.{suffix}", self.kind, [value])

    def _rotations(self, value: ir.Value, *bits: int) -> ir.Value:
        """Exclusive or of right rotations."""
        suffix = "i32" if self._lanes == 1 else f"v{self._lanes}i32"
        turned = [
            call(self._builder, f"llvm.fshr.{suffix}", self.kind, [value, value, self.constant(each)]) for each in bits
        ]
        result = turned[0]
        for each in turned[1:]:
            result = self._builder.xor(result, each)
        return result

    def _extend(self, words: list[ir.Value]) -> ir.Value:
        builder, early, late = self._builder, words[-15], words[-2]
        low = builder.xor(self._rotations(early, 7, 18), builder.lshr(early, self.constant(3)))
        high = builder.xor(self._rotations(late, 17, 19), builder.lshr(late, self.constant(10)))
        return builder.add(builder.add(words[-16], low), builder.add(words[-7], high))

    def compress(self, state: list[ir.Value], words: list[ir.Value] | None) -> list[ir.Value]:
        """One block into a state; without words, the one that pads 64 bytes."""
        builder = self._builder
        a, b, c, d, e, f, g, h = state
        for step in range(64):
            if words is None:
                word = self.constant(PADDING_SCHEDULE[step])
            else:
                if step >= 16:  # noqa: PLR2004
                    words.append(self._extend(words))
                word = builder.add(words[step], self.constant(K[step]))
            choice = builder.xor(g, builder.and_(e, builder.xor(f, g)))
            first = builder.add(builder.add(h, word), builder.add(self._rotations(e, 6, 11, 25), choice))
            majority = builder.or_(builder.and_(a, b), builder.and_(c, builder.or_(a, b)))
            second = builder.add(self._rotations(a, 2, 13, 22), majority)
            a, b, c, d, e, f, g, h = builder.add(first, second), a, b, c, builder.add(d, first), e, f, g
        return [builder.add(new, old) for new, old in zip((a, b, c, d, e, f, g, h), state, strict=True)]


def emit_blocks(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
    """``(state, data, count)``: compress `count` blocks into the eight words at `state`."""
    state, data, count = arguments
    rounds = _Rounds(builder, 1)
    words = [load(builder, state, I32, place) for place in range(8)]
    with loop(builder, count, (data, *words)) as (_number, (place, *carried), following):
        message = [rounds.swapped(load(builder, place, I32, word)) for word in range(16)]
        following += [advance(builder, place, 64), *rounds.compress(carried, message)]
    for place, word in enumerate(following[1:]):
        store(builder, word, state, place)


def emit_nodes(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
    """``(nodes, digests, count)``: hash `count` groups of 64-byte nodes, two bits of each digest cleared."""
    nodes, digests, count = arguments
    rounds = _Rounds(builder, LANES)
    with loop(builder, count, (nodes, digests)) as (_number, (source, target), following):
        rows = [load(builder, source, rounds.kind, lane) for lane in range(LANES)]
        message = [rounds.swapped(words) for words in _transposed(builder, rows)]
        state = rounds.compress([rounds.constant(word) for word in INITIAL], message)
        state = rounds.compress(state, None)
        state[7] = builder.and_(state[7], rounds.constant(LAST_BYTE_MASK))
        unused = [ir.Constant(rounds.kind, ir.Undefined)] * (LANES - len(state))
        half = constants(ir.VectorType(I32, LANES // 2), range(LANES // 2))
        for lane, row in enumerate(_transposed(builder, [*map(rounds.swapped, state), *unused])):
            store(builder, builder.shuffle_vector(row, row, half), target, lane)
        following += [advance(builder, source, 64 * LANES), advance(builder, target, 32 * LANES)]


def emit_node(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
    """``(nodes, digests, count)``: the same, one node at a time."""
    nodes, digests, count = arguments
    rounds = _Rounds(builder, 1)
    with loop(builder, count, (nodes, digests)) as (_number, (source, target), following):
        message = [rounds.swapped(load(builder, source, I32, word)) for word in range(16)]
        state = rounds.compress([rounds.constant(word) for word in INITIAL], message)
        state = rounds.compress(state, None)
        state[7] = builder.and_(state[7], rounds.constant(LAST_BYTE_MASK))
        for place, word in enumerate(state):
            store(builder, rounds.swapped(word), target, place)
        following += [advance(builder, source, 64), advance(builder, target, 32)]


def _transposed(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """Columns of a square of vectors: interleaving the first half of the rows with the second, again and again."""
    size, half = len(rows), len(rows) // 2
    kind = ir.VectorType(I32, size)
    low, high = (
        constants(kind, [lane for place in range(half) for lane in (begin + place, begin + place + size)])
        for begin in (0, half)
    )
    for _stage in range(size.bit_length() - 1):
        pairs = zip(rows[:half], rows[half:], strict=True)
        rows = [builder.shuffle_vector(*pair, lanes) for pair in pairs for lanes in (low, high)]
    return rows
