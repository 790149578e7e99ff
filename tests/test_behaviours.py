"""Every behaviour of the list is held by a test that names it, or stands in the list with the tests that hold it."""

import ast
import re
from pathlib import Path

from tests.behaviours import ELSEWHERE, IN_PART, NOT_APPLICABLE, NUMBERS

ROOT = Path(__file__).parents[1]
LISTED = ELSEWHERE | IN_PART | NOT_APPLICABLE
PATH = re.compile(r"\b(?:tests|actors|protocols|runtime|deploy)/[\w/.]*\w(?:::\w+)?")


def marked():
    """Numbers in ``@pytest.mark.behaviour(...)`` of all tests, with where they stand."""
    found = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "behaviour":
                for argument in node.args:
                    found.setdefault(argument.value, []).append(path.name)
    return found


def is_a_test(identity):
    """Whether ``tests/x/test_y.py::test_z`` is a function at the top of that file."""
    path, _separator, function = identity.partition("::")
    if not function.startswith("test_") or not (ROOT / path).is_file():
        return False
    module = ast.parse((ROOT / path).read_text())
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in module.body)


def test_every_behaviour_has_its_place():
    held = marked()
    assert [number for number in NUMBERS if number not in held and number not in LISTED] == []


def test_what_is_named_is_there():
    """A test is named by its function; any other file by its path."""
    for number, where in LISTED.items():
        assert number in NUMBERS, number
        for named in PATH.findall(where):
            if named.startswith("tests/"):
                assert is_a_test(named), f"{number}: {named}"
            else:
                assert (ROOT / named).exists(), f"{number}: {named}"


def test_what_is_held_names_a_test():
    for number, where in (ELSEWHERE | IN_PART).items():
        assert "::" in where, number
    for number, where in IN_PART.items():
        assert "; no test " in where, f"{number}: say what no test sees"


def test_the_lists_do_not_overlap():
    assert len(LISTED) == len(ELSEWHERE) + len(IN_PART) + len(NOT_APPLICABLE)
    assert not LISTED.keys() & marked().keys(), "marked tests hold it"
