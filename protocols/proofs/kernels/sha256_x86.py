"""SHA-256 with the SHA instructions of x86: one stream, or independent 64-byte nodes interleaved.

One stream is bound by the latency of ``sha256rnds2``; a second one fills the gaps (Intel SHA extensions, 2013).
State vectors are (f, e, b, a) and (h, g, d, c), lowest lane first.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir
from thespis.protocols.proofs.kernels.ir import I32, Emit, advance, call, constants, load, loop, store
from thespis.protocols.proofs.kernels.sha256_constants import INITIAL, LAST_BYTE_MASK, PADDING_SCHEDULE, K

STREAMS = 4
"""Nodes that are hashed at once."""

WORDS = ir.VectorType(I32, 4)
State = tuple[ir.Value, ir.Value]


def _shuffle(builder: ir.IRBuilder, low: ir.Value, high: ir.Value, lanes: Sequence[int]) -> ir.Value:
    return builder.shuffle_vector(low, high, constants(ir.VectorType(I32, 4), lanes))


def _swapped(builder: ir.IRBuilder, words: ir.Value) -> ir.Value:
    return call(builder, "llvm.bswap.v4i32", WORDS, [words])


def _pack(builder: ir.IRBuilder, low: ir.Value, high: ir.Value) -> State:
    """(a, b, c, d) and (e, f, g, h) in the order of the instructions."""
    return _shuffle(builder, low, high, (5, 4, 1, 0)), _shuffle(builder, low, high, (7, 6, 3, 2))


def _unpack(builder: ir.IRBuilder, state: State) -> State:
    return _shuffle(builder, *state, (3, 2, 7, 6)), _shuffle(builder, *state, (1, 0, 5, 4))


def _four_rounds(builder: ir.IRBuilder, state: State, message: ir.Value) -> State:
    """`message` is four words of the schedule with their constants added."""
    first, second = state
    rounds = "llvm.x86.sha256rnds2"
    second = call(builder, rounds, WORDS, [second, first, message])
    high = _shuffle(builder, message, message, (2, 3, 2, 3))
    first = call(builder, rounds, WORDS, [first, second, high])
    return first, second


def _extend(builder: ir.IRBuilder, schedule: list[ir.Value]) -> ir.Value:
    """The next four words of a schedule, from its last sixteen."""
    w0, w1, w2, w3 = schedule[-4:]
    partial = call(builder, "llvm.x86.sha256msg1", WORDS, [w0, w1])
    partial = builder.add(partial, _shuffle(builder, w2, w3, (1, 2, 3, 4)))
    return call(builder, "llvm.x86.sha256msg2", WORDS, [partial, w3])


def _compress(builder: ir.IRBuilder, states: list[State], schedules: list[list[ir.Value]]) -> list[State]:
    """One block in each stream, round by round."""
    before = list(states)
    for step in range(16):
        for stream, schedule in enumerate(schedules):
            if step >= 4:  # noqa: PLR2004
                schedule.append(_extend(builder, schedule))
            message = builder.add(schedule[step], constants(WORDS, K[4 * step : 4 * step + 4]))
            states[stream] = _four_rounds(builder, states[stream], message)
    return _sums(builder, states, before)


def _compress_padding(builder: ir.IRBuilder, states: list[State]) -> list[State]:
    """The block that follows 64 bytes of message, whose schedule is known."""
    before = list(states)
    for step in range(16):
        message = constants(WORDS, PADDING_SCHEDULE[4 * step : 4 * step + 4])
        states = [_four_rounds(builder, state, message) for state in states]
    return _sums(builder, states, before)


def _sums(builder: ir.IRBuilder, states: list[State], before: list[State]) -> list[State]:
    return [(builder.add(new[0], old[0]), builder.add(new[1], old[1])) for new, old in zip(states, before, strict=True)]


def _message(builder: ir.IRBuilder, address: ir.Value) -> list[ir.Value]:
    return [_swapped(builder, load(builder, address, WORDS, part)) for part in range(4)]


def emit_blocks(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
    """``(state, data, count)``: compress `count` blocks into the eight words at `state`."""
    state, data, count = arguments
    packed = _pack(builder, load(builder, state, WORDS, 0), load(builder, state, WORDS, 1))
    with loop(builder, count, (data, *packed)) as (_number, (place, first, second), following):
        [compressed] = _compress(builder, [(first, second)], [_message(builder, place)])
        following += [advance(builder, place, 64), *compressed]
    low, high = _unpack(builder, (following[1], following[2]))
    store(builder, low, state, 0)
    store(builder, high, state, 1)


def emit_nodes(streams: int) -> Emit:
    """``(nodes, digests, count)``: hash `count` groups of `streams` 64-byte nodes, two bits of each digest cleared."""

    def emit(builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> None:
        nodes, digests, count = arguments
        initial = [constants(WORDS, INITIAL[:4]), constants(WORDS, INITIAL[4:])]
        mask = constants(WORDS, (0xFFFFFFFF,) * 3 + (LAST_BYTE_MASK,))
        with loop(builder, count, (nodes, digests)) as (_number, (source, target), following):
            schedules = [_message(builder, advance(builder, source, 64 * stream)) for stream in range(streams)]
            states = [_pack(builder, *initial) for _ in range(streams)]
            states = _compress_padding(builder, _compress(builder, states, schedules))
            for stream, state in enumerate(states):
                low, high = _unpack(builder, state)
                store(builder, _swapped(builder, low), target, 2 * stream)
                store(builder, _swapped(builder, builder.and_(high, mask)), target, 2 * stream + 1)
            following += [advance(builder, source, 64 * streams), advance(builder, target, 32 * streams)]

    return emit
