"""SHA-256's constants (FIPS 180-4, 4.2.2 and 5.3.3), computed from the primes that define them."""

from __future__ import annotations

from itertools import count, islice
from math import isqrt

LAST_BYTE_MASK = 0xFFFFFF3F
"""Clears the two highest bits of a little-endian digest: its last word, big-endian as hashing computes it."""

_WORD = 0xFFFFFFFF


def _primes(amount: int) -> list[int]:
    return list(islice((n for n in count(2) if all(n % d for d in range(2, isqrt(n) + 1))), amount))


def _cube_root(number: int) -> int:
    root: int = round(number ** (1 / 3))
    while root**3 > number:
        root -= 1
    while (root + 1) ** 3 <= number:
        root += 1
    return root


K = tuple(_cube_root(prime << 96) & _WORD for prime in _primes(64))
"""Fractions of the cube roots of the first 64 primes."""
INITIAL = tuple(isqrt(prime << 64) & _WORD for prime in _primes(8))
"""Fractions of the square roots of the first eight primes."""


def _rotated(word: int, bits: int) -> int:
    return (word >> bits | word << 32 - bits) & _WORD


def _schedule(words: list[int]) -> list[int]:
    for place in range(16, 64):
        early, late = words[place - 15], words[place - 2]
        low = _rotated(early, 7) ^ _rotated(early, 18) ^ early >> 3
        high = _rotated(late, 17) ^ _rotated(late, 19) ^ late >> 10
        words.append((words[place - 16] + low + words[place - 7] + high) & _WORD)
    return words


PADDING_SCHEDULE = tuple(
    (word + constant) & _WORD for word, constant in zip(_schedule([0x80000000, *[0] * 14, 512]), K, strict=True)
)
"""The message schedule, constants added, of the block that pads 64 bytes: it is the same for every node of a tree."""
