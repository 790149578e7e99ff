"""What Go's ``math/rand`` gives for a seed: an additive lagged generator, ``s[n] = s[n - 607] + s[n - 273]`` mod 2^64.

Its state begins as the state that the same generator has after 7.8 million million steps from a first one, mixed with
the seed. Go has that as a table of 607 numbers; here it is reached by powers of x modulo x^607 - x^334 - 1.
"""

import numpy as np

LAG, TAP = 607, 273
STEPS = 7_800_000_000_000
MODULUS = (1 << 31) - 1
_SLOT_BYTES = 18
"""A product of two polynomials has coefficients below 607 * 2^128."""


def _linear(seed):
    """Numbers of a linear generator (Park and Miller's with 48271), the first twenty left out."""
    number = seed % MODULUS or 89482311
    for _ in range(20):
        number = number * 48271 % MODULUS
    while True:
        number = number * 48271 % MODULUS
        yield number


def _mixed(seed, shift):
    """607 numbers of 64 bits, each of three of the linear generator."""
    numbers = _linear(seed)
    return [(next(numbers) << 2 * shift ^ next(numbers) << shift ^ next(numbers)) & (1 << 64) - 1 for _ in range(LAG)]


def _by_age(state):
    """A state that Go numbers by place, the oldest first."""
    return [state[(LAG - TAP - 1 - age) % LAG] for age in range(LAG)]


def _product(left, right):
    """Modulo x^607 - x^334 - 1, coefficients modulo 2^64."""
    packed = [
        int.from_bytes(b"".join(each.to_bytes(_SLOT_BYTES, "little") for each in polynomial), "little")
        for polynomial in (left, right)
    ]
    data = (packed[0] * packed[1]).to_bytes(2 * LAG * _SLOT_BYTES, "little")
    found = [int.from_bytes(data[at : at + _SLOT_BYTES], "little") for at in range(0, len(data), _SLOT_BYTES)]
    for power in range(2 * LAG - 1, LAG - 1, -1):
        found[power - TAP] += found[power]
        found[power - LAG] += found[power]
    return [each % (1 << 64) for each in found[:LAG]]


def _later(window, steps):
    """The 607 numbers that stand so many steps after these."""
    one, power = [1] + [0] * (LAG - 1), [0, 1] + [0] * (LAG - 2)
    found = one
    while steps:
        if steps & 1:
            found = _product(found, power)
        power, steps = _product(power, power), steps >> 1
    later = []
    for _ in range(LAG):
        later.append(sum(map(int.__mul__, found, window)) % (1 << 64))
        top = found.pop()
        found = [top, *found]
        found[LAG - TAP] = (found[LAG - TAP] + top) % (1 << 64)
    return later


def _state(seed):
    window = _later(_by_age(_mixed(1, 10)), STEPS)
    # by place: the step that wrote place p last, of those up to STEPS
    cooked = [0] * LAG
    for age, number in enumerate(window):
        cooked[(LAG - TAP - (STEPS - LAG + 1 + age)) % LAG] = number
    return [mine ^ theirs for mine, theirs in zip(_mixed(seed, 20), cooked, strict=True)]


class GoRandom:
    """A source with a seed; `read` gives its numbers of 32 bits, lowest byte first."""

    def __init__(self, seed):
        self._window = np.array(_by_age(_state(seed)), np.uint64)

    def read(self, numbers):
        """The next numbers, a multiple of 273, as bytes."""
        made = np.empty(LAG + numbers, np.uint64)
        made[:LAG] = self._window
        for at in range(0, numbers, TAP):
            np.add(made[at : at + TAP], made[at + LAG - TAP : at + LAG], made[at + LAG : at + LAG + TAP])
        self._window = made[numbers:]
        return (made[LAG:] >> np.uint64(31)).astype("<u4").tobytes()
