"""Every behaviour of the list is held by a test that names it, or stands in the list with a reason."""

import ast
from pathlib import Path

from tests.behaviours import ELSEWHERE, NOT_APPLICABLE, NUMBERS

ROOT = Path(__file__).parent


def marked():
    """Numbers in ``@pytest.mark.behaviour(...)`` of all tests, with where they stand."""
    found = {}
    for path in ROOT.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "behaviour":
                for argument in node.args:
                    found.setdefault(argument.value, []).append(path.name)
    return found


def test_every_behaviour_has_its_place():
    held = marked()
    missing = [number for number in NUMBERS if number not in held and number not in ELSEWHERE | NOT_APPLICABLE]
    assert missing == []


def test_what_stands_elsewhere_is_there():
    for number, where in (ELSEWHERE | NOT_APPLICABLE).items():
        assert number in NUMBERS, number
        for word in where.replace(",", " ").replace(":", " ").replace(";", " ").split():
            if word.startswith(("tests/", "runtime/", "deploy/", "actors/")):
                assert (ROOT.parent / word.rstrip(".")).exists(), f"{number}: {word}"


def test_the_lists_do_not_overlap():
    assert not ELSEWHERE.keys() & NOT_APPLICABLE.keys()
