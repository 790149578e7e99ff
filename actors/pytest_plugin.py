"""The pytest plugin: simulated nodes, a network of them and a virtual clock as fixtures for users' tests.

Installed with the distribution; a test takes ``simulated_node``, ``simulated_network`` or ``virtual_clock``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from thespis.actors.testing import SimulatedNetwork, SimulatedNode
    from thespis.runtime.actor.supervisor import Supervisor
    from thespis.runtime.clock import ManualClock


@pytest.fixture
def virtual_clock() -> ManualClock:
    """A clock that stands still until the test moves it."""
    from thespis.runtime.clock import ManualClock

    return ManualClock()


@pytest.fixture
def simulated_network() -> Iterator[Callable[..., SimulatedNetwork]]:
    """A factory of simulated networks: ``simulated_network(seed=7, faults=STORMY)``."""
    from thespis.actors.testing import SimulatedNetwork

    networks: list[SimulatedNetwork] = []

    def build(seed: int = 0, **arguments: Any) -> SimulatedNetwork:
        networks.append(SimulatedNetwork(seed, **arguments))
        return networks[-1]

    yield build
    for network in networks:
        network.close()


@pytest.fixture
def simulated_node(simulated_network: Callable[..., SimulatedNetwork]) -> Callable[..., SimulatedNode]:
    """A factory of single simulated nodes: ``simulated_node(DemoNode, seed=7, settings=...)``."""

    def build(node: type[Supervisor], seed: int = 0, settings: Any = None, **arguments: Any) -> SimulatedNode:
        return simulated_network(seed, **arguments).add("node", node, settings)

    return build
