"""The Node: the root actor that supervises every subsystem and routes their events.

A node is its plan: children in the order in which they start, and a routing table that reads as a table. The plan
of the Filecoin node comes with its subsystems; until then the demonstration (`actors/demo.py`) is the plan that runs.
"""

from __future__ import annotations

from runtime.actor.supervisor import Supervisor


class Node(Supervisor):
    """Root of a node's tree: start in order, supervise, route, stop in reverse."""
