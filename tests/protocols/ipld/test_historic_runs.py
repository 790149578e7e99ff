"""Maps and arrays of 2020 against what the Go libraries answered: roots, values, and the reads and writes of gas."""

import pytest

from tests.properties import TIMES
from tests.protocols.ipld.historic_runs import KINDS, RECORDED, SEQUENCES, TOGETHER, answers, differing

GROUPS = SEQUENCES // TOGETHER


def smallest():
    """The smallest sequence of each difference that was found, with the library's answers."""
    _, *cases = f"\n{(RECORDED / 'smallest.txt').read_text()}".split("\n# ")
    for name, *lines in (case.strip().splitlines() for case in cases):
        yield pytest.param(*zip(*(line.split(" => ") for line in lines), strict=True), id=name)


@pytest.mark.parametrize(("lines", "expected"), list(smallest()))
def test_the_smallest_sequences_are_answered_as_the_library_did(lines, expected):
    assert answers(lines) == list(expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_random_sequences_are_answered_as_the_library_did(kind):
    """Some of the ten thousand; `make conformance` follows all of them, and so does fuzzing."""
    assert differing(kind, range(min(GROUPS, 10 * TIMES))) == []
