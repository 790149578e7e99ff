"""Where the shared test vectors are, and how a test asks for one."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("THESPIS_VECTORS", Path(__file__).parents[2] / "shared" / "vectors"))


def path(name):
    """The path of a vector file; skips the test where the vectors are absent."""
    found = ROOT / name
    if not found.exists():
        pytest.skip(f"vectors are absent: set THESPIS_VECTORS to the folder that holds {name}")
    return found


def load(name):
    return json.loads(path(name).read_text())


def each(name):
    """A file's cases as parameters of a test, or none where the vectors are absent: then `path` skips it."""
    found = ROOT / name
    cases = json.loads(found.read_text())["cases"] if found.exists() else [None]
    return pytest.mark.parametrize("case", [pytest.param(case, id=str(at)) for at, case in enumerate(cases)])
