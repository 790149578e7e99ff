"""Servers over real sockets, each test module's own kind, closed when the test is over."""

import pytest


@pytest.fixture
def served(request):
    made = []

    def build(**changes):
        made.append(request.module.Served(**changes))
        return made[-1]

    yield build
    for each in made:
        each.port.close()
