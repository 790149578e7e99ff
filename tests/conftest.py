"""What holds for all tests: how properties are tried, and which tests run side by side."""

import pytest

from tests.properties import load_profile

load_profile()

REAL = (
    "tests/deploy/",
    "tests/peer/",
    "tests/runtime/bases/test_process.py",
    "tests/runtime/http/",
    "tests/runtime/p2p/",
)
"""Where tests start processes, open sockets and wait by the clock: one after the other, or they starve each other."""
APART = ("tests/actors/test_simulation.py", "tests/conformance/", "tests/protocols/upgrades/")
"""Where tests are long and share no fixture, so that any worker may take one."""


def group(nodeid):
    """Tests of one group run in one worker, in order: those of a file share its fixtures."""
    if nodeid.startswith(REAL):
        return "real"
    return nodeid if nodeid.startswith(APART) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group(nodeid)

    return Groups(config, log)


def pytest_collection_modifyitems(config, items):
    """In a worker the longest group comes first, and single tests fill up the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: 2 if item.nodeid.startswith(APART) else int(group(item.nodeid) != "real"))
