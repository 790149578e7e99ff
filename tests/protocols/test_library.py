"""What docs/library.md says of the protocols as a library is so."""

import doctest
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "library.md"


def test_the_examples_give_what_they_say():
    done = doctest.testfile(str(DOCUMENT), module_relative=False)
    assert done.failed == 0
    assert done.attempted >= 12
