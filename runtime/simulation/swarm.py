"""The simulated peer-to-peer network: many nodes' ports in one process, with delay, loss and cuts from the seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from thespis.runtime.clock import seeded_random
from thespis.runtime.environment import Deliver
from thespis.runtime.p2p.port import HostSettings
from thespis.runtime.simulation.edge import Ban
from thespis.runtime.simulation.faults import NANOSECONDS, LinkFaults

if TYPE_CHECKING:
    from thespis.runtime.simulation.network import SimulatedPort


class Scheduler(Protocol):
    """What the network needs of the simulated base."""

    now_ns: int

    def schedule(self, delay_ns: int, function: Callable[..., None], *arguments: Any) -> None:
        """Call later, in virtual time."""
        ...


PortT = TypeVar("PortT", bound="SimulatedPort")


class SimulatedSwarm:
    """Every port of a simulated network."""

    def __init__(self, scheduler: Scheduler, seed: int) -> None:
        self._scheduler = scheduler
        self.rng = seeded_random(f"{seed}/swarm")
        self.faults = LinkFaults()
        self.ports: dict[str, SimulatedPort] = {}
        self.bans: list[Ban] = []
        """Every ban so far, for checkers that stand outside the simulation."""
        self.links: frozenset[frozenset[str]] | None = None
        """Who can reach whom, by pairs; None lets everyone. Peers in no pair, such as strangers, reach all."""
        self._cuts: list[tuple[frozenset[str], frozenset[str]]] = []

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self._scheduler.now_ns

    def now_s(self) -> float:
        """Virtual time in seconds."""
        return self._scheduler.now_ns / NANOSECONDS

    def open(self, node: str, settings: HostSettings, deliver: Deliver) -> SimulatedPort:
        """A node takes its place; its peer id is its name, so a restarted one is known again."""
        from thespis.runtime.simulation.network import SimulatedPort

        return self.place(SimulatedPort(self, node, settings, deliver))

    def place(self, port: PortT) -> PortT:
        """Whatever kind of port takes its place."""
        self.ports[port.peer_id] = port
        return port

    def may_meet(self, left: str, right: str) -> bool:
        """Whether a connection between two can be made at all."""
        links = self.links
        if links is None or frozenset((left, right)) in links:
            return True
        return not (any(left in pair for pair in links) and any(right in pair for pair in links))

    def cut(self, left: set[str], right: set[str]) -> None:
        """Nothing passes between two groups of nodes until `heal`; their connections break."""
        self._cuts.append((frozenset(left), frozenset(right)))
        for port in list(self.ports.values()):
            for other in sorted(port.connected):
                if self.is_cut(port.node, other):
                    port.lose(other)

    @property
    def is_parted(self) -> bool:
        """Whether any cut lasts."""
        return bool(self._cuts)

    def heal(self) -> None:
        """End every cut."""
        self._cuts.clear()

    def is_cut(self, left: str, right: str) -> bool:
        """Whether nothing passes between two nodes."""
        return any((left in a and right in b) or (left in b and right in a) for a, b in self._cuts)

    def send(
        self, sender: SimulatedPort, target: str, function: Callable[..., None], *arguments: Any, late_s: float = 0.0
    ) -> None:
        """Call something at another port after the link's delay, unless it is cut or gone by then."""
        delay_ns = self.faults.delay_ns(self.rng) + int(late_s * NANOSECONDS)
        self._scheduler.schedule(delay_ns, self._arrive, sender.node, target, function, arguments)

    def _arrive(self, sender: str, target: str, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        port = self.ports.get(target)
        if port is not None and not (self._cuts and self.is_cut(sender, port.node)):
            function(port, *arguments)

    def after(self, delay_ns: int, function: Callable[..., None], *arguments: Any) -> None:
        """Call later."""
        self._scheduler.schedule(delay_ns, function, *arguments)
