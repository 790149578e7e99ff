"""The glossary is about this checkout: every path that it names exists, and no word stands twice without saying why."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "glossary.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if line.startswith("| ") and "|---" not in line]
ENTRIES = [row for row in ROWS if row[0] not in ("word", "verb")]
PATHS = sorted({path for entry in ENTRIES for path in re.findall(r"`([^`]+)`", entry[-1])})


def test_the_table_is_read():
    assert len(ENTRIES) > 80
    assert all(len(entry) == 3 for entry in ENTRIES)


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path):
    found = ROOT / path
    assert found.is_dir() if path.endswith("/") else found.is_file()


def test_every_word_has_a_place_and_sentences():
    for word, meaning, where in ENTRIES:
        assert meaning.endswith("."), word
        assert meaning.count(". ") <= 1, f"{word}: one or two sentences"
        assert re.findall(r"`[^`]+`", where), f"{word} lives nowhere"


def test_the_words_that_mean_two_things_stand_twice():
    words = [entry[0] for entry in ENTRIES]
    for word in ("actor", "runtime", "message"):
        assert len([each for each in words if each.startswith(f"{word} (")]) == 2, word
    verbs = words[words.index("stage") :]
    once = words[: words.index("stage")]
    assert len(set(once)) == len(once)
    assert len(set(verbs)) == len(verbs)
