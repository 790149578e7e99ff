"""Poseidon over BLS12-381's scalar field, as neptune computes it: the hash of columns and of replica trees.

The first element of the state is a domain tag, the digest its second after the permutation (neptune ``poseidon.rs``,
``round_constants.rs``; reference: formats, section 10). `permute` is the specification's form; `Optimised` are the
constants of the same permutation with sparse matrices in its partial rounds, derived here and used by the kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, islice

from thespis.protocols.proofs.kernels.field_scalar import MODULUS

FULL_ROUNDS = 8
HALF = FULL_ROUNDS // 2
_PARTIAL_ROUNDS = ((125, 62), (63, 61), (32, 60), (16, 59), (8, 57), (4, 56), (2, 55))
"""Widths from which on so many partial rounds are secure, largest first (neptune ``round_numbers.rs``)."""
MD_ARITY = 36
_WARM_UP_BITS = 160
Matrix = list[list[int]]


@dataclass(frozen=True, slots=True)
class Poseidon:
    """One instance: how many elements it hashes, and whether with a quarter more partial rounds."""

    arity: int
    strengthened: bool = False

    @property
    def width(self) -> int:
        """Elements of the state."""
        return self.arity + 1

    @property
    def partial_rounds(self) -> int:
        """Rounds that raise one element only."""
        plain = next(rounds for width, rounds in _PARTIAL_ROUNDS if self.width >= width)
        return -(-plain * 5 // 4) if self.strengthened else plain

    @property
    def tree_tag(self) -> int:
        """The domain tag of nodes of Merkle trees."""
        return (1 << self.arity) - 1

    def hash(self, elements: Sequence[int], tag: int | None = None) -> int:
        """The digest of at most `arity` elements; without a tag they are the children of a tree's node."""
        state = [self.tree_tag if tag is None else tag, *elements]
        state += [0] * (self.width - len(state))
        return permute(self, state)[1]


def constant_length_tag(length: int) -> int:
    """The domain tag of messages of one length."""
    return length << 64


def hash_md(elements: Sequence[int]) -> int:
    """Merkle and Damgard's chaining with arity 36: the digest so far, and 35 more elements."""
    instance = Poseidon(MD_ARITY)
    digest = instance.hash(elements[:MD_ARITY])
    for start in range(MD_ARITY, len(elements), MD_ARITY - 1):
        digest = instance.hash([digest, *elements[start : start + MD_ARITY - 1]])
    return digest


def permute(instance: Poseidon, state: list[int]) -> list[int]:
    """The permutation as specified: add, raise to the fifth power, mix."""
    matrix = mixing_matrix(instance.width)
    rounds = FULL_ROUNDS + instance.partial_rounds
    for number, constants in enumerate(round_constants(instance)):
        state = [(element + constant) % MODULUS for element, constant in zip(state, constants, strict=True)]
        raised = 1 if HALF <= number < rounds - HALF else instance.width
        state = [pow(element, 5, MODULUS) if place < raised else element for place, element in enumerate(state)]
        state = [sum(a * b for a, b in zip(row, state, strict=True)) % MODULUS for row in matrix]
    return state


@lru_cache(maxsize=8)
def mixing_matrix(width: int) -> Matrix:
    """Cauchy's matrix over 0 … t-1 and t … 2t-1; it is its own transpose."""
    return [[pow(i + j, -1, MODULUS) for j in range(width, 2 * width)] for i in range(width)]


@lru_cache(maxsize=8)
def round_constants(instance: Poseidon) -> list[list[int]]:
    """A row of constants for each round, from the Grain LFSR."""
    elements = _elements(instance.width, instance.partial_rounds)
    return [list(islice(elements, instance.width)) for _ in range(FULL_ROUNDS + instance.partial_rounds)]


def _elements(width: int, partial_rounds: int) -> Iterator[int]:
    """Numbers of as many bits as the modulus has, highest first; those that are not below it are left out."""
    bits, size = "", MODULUS.bit_length()
    for more in _grain(width, partial_rounds):
        bits += more
        if len(bits) >= size:
            value, bits = int(bits[:size], 2), bits[size:]
            if value < MODULUS:
                yield value


def _grain(width: int, partial_rounds: int) -> Iterator[str]:
    """Bits of a shift register that starts with the parameters; every second bit says whether the next counts.

    Its last tap is the 62nd of 80 bits, so sixteen new bits can be made at once.
    """
    fields = ((1, 2), (1, 4), (MODULUS.bit_length(), 12), (width, 12), (FULL_ROUNDS, 10), (partial_rounds, 10))
    start = "".join(f"{value:0{size}b}" for value, size in fields) + "1" * 30
    state = int(start[::-1], 2)
    counted = _counted_bits()
    for number in count():
        new = (state ^ state >> 13 ^ state >> 23 ^ state >> 38 ^ state >> 51 ^ state >> 62) & 0xFFFF
        state = state >> 16 | new << 64
        if number >= _WARM_UP_BITS // 16:
            yield counted[new & 0xFF] + counted[new >> 8]


def _counted_bits() -> list[str]:
    """For each byte, lowest bit first: the second bits of those pairs whose first bit is set."""
    return ["".join(str(byte >> place + 1 & 1) for place in range(0, 8, 2) if byte >> place & 1) for byte in range(256)]


# -- the optimised form ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Optimised:
    """Constants of a permutation that is the same, with sparse matrices in its partial rounds.

    `before` mixes in the last full round before the partial ones; `sparse` has for each partial round the matrix's
    first row and the rest of its first column; the rest of such a matrix is the identity.
    """

    first: list[list[int]]
    matrix: Matrix
    before: Matrix
    partial: list[int]
    sparse: list[tuple[list[int], list[int]]]
    last: list[list[int]]

    def flat(self) -> list[int]:
        """Every constant in the order in which the kernels read them, after one."""
        found = [1]
        for rows in (self.matrix, self.before, self.first):
            for row in rows:
                found += row
        for constant, (row, column) in zip(self.partial, self.sparse, strict=True):
            found += [constant, *row, *column]
        for row in self.last:
            found += row
        return found


@lru_cache(maxsize=8)
def optimised(instance: Poseidon) -> Optimised:
    """Derive the optimised form.

    Constants of partial rounds are pushed through the matrix into the next round, but for the first element's. A
    matrix M is S * P with P = diag(1, M') and S sparse; P commutes with a partial round's power, so it is merged
    with the matrix of the round before, from the last partial round to the first (Poseidon paper, appendix B).
    """
    constants, matrix = round_constants(instance), mixing_matrix(instance.width)
    rounds = instance.partial_rounds
    partial, carried = [], constants[HALF]
    for number in range(rounds):
        partial.append(carried[0])
        pushed = _apply(matrix, [0, *carried[1:]])
        following = constants[HALF + number + 1]
        carried = [(a + b) % MODULUS for a, b in zip(pushed, following, strict=True)]
    sparse: list[tuple[list[int], list[int]]] = []
    before = matrix
    for _ in range(rounds):
        inner = [row[1:] for row in before[1:]]
        top = _apply(_transposed(_inverse(inner)), before[0][1:])
        sparse.append(([before[0][0], *top], [row[0] for row in before[1:]]))
        kept = [[1, *[0] * len(inner)], *([0, *row] for row in inner)]
        before = _product(kept, matrix)
    last = [carried, *constants[HALF + rounds + 1 :]]
    return Optimised(constants[:HALF], matrix, before, partial, sparse[::-1], last)


def _apply(matrix: Matrix, vector: Sequence[int]) -> list[int]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) % MODULUS for row in matrix]


def _transposed(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def _product(left: Matrix, right: Matrix) -> Matrix:
    columns = _transposed(right)
    return [_apply(columns, row) for row in left]


def _inverse(matrix: Matrix) -> Matrix:
    """Gauss and Jordan's elimination."""
    size = len(matrix)
    rows = [[*row, *(int(place == number) for place in range(size))] for number, row in enumerate(matrix)]
    for column in range(size):
        pivot = next(number for number in range(column, size) if rows[number][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        factor = pow(rows[column][column], -1, MODULUS)
        rows[column] = [value * factor % MODULUS for value in rows[column]]
        for number in range(size):
            if number != column and rows[number][column]:
                scale = rows[number][column]
                rows[number] = [(a - scale * b) % MODULUS for a, b in zip(rows[number], rows[column], strict=True)]
    return [row[size:] for row in rows]
