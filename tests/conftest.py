"""What holds for all tests: how properties are tried, and which tests run side by side."""

from pathlib import Path

import pytest

from tests.properties import load_profile

load_profile()

ROOT = Path(__file__).parent
REAL = ("deploy", "peer", "runtime/bases/test_process.py", "runtime/http", "runtime/p2p")
"""Where tests start processes, open sockets and wait by the clock: one after the other, or they starve each other."""


def _group(path):
    """Tests of one group run in one worker, in order: those of a file share its fixtures."""
    if not path.is_relative_to(ROOT):
        return "real"  # Thespian's own suite, out of its package
    where = path.relative_to(ROOT).as_posix()
    return "real" if where.startswith(REAL) else where


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if item.get_closest_marker("apart") is None:
                item.add_marker(pytest.mark.xdist_group(_group(item.path)))
