"""A place in the simulated network for a peer that keeps no rule of its own; the others' bounds hold against it."""

from __future__ import annotations

from thespis.protocols.errors import ProtocolError
from thespis.runtime.environment import Deliver
from thespis.runtime.p2p.port import HostSettings
from thespis.runtime.simulation.network import SimulatedPort
from thespis.runtime.simulation.swarm import SimulatedSwarm


class ForgedAuthorError(ProtocolError):
    """Gossip is signed: a stranger can make up authors, and repeat what others signed, and no more."""


class StrangerPort(SimulatedPort):
    """What a hostile peer can do on the wire and an honest port does not offer.

    It connects from any address, gossips under made-up authors or again what others signed, to whom it likes, answers
    late, and passes nothing on. It cannot sign in another node's name, for gossip is signed with the identity's key.
    """

    def __init__(
        self,
        swarm: SimulatedSwarm,
        name: str,
        ip: str,
        settings: HostSettings,
        deliver: Deliver,
        *,
        listens: bool = False,
    ) -> None:
        super().__init__(swarm, name, settings, deliver)
        self.ip = ip
        self.listens = listens
        self._heard: dict[bytes, str] = {}

    def _forward(self, topic: str, author: str, data: bytes, exclude: str) -> None:
        """Never: one that reaches everyone would join what a topology or a partition keeps apart."""

    def hear(self, author: str, data: bytes) -> None:
        """Remember what somebody signed, so that it can be said again."""
        self._heard[data] = author

    def inject(self, topic: str, author: str, data: bytes, peers: tuple[str, ...]) -> None:
        """Gossip to some peers only, under a name; raises ForgedAuthorError for one whose key is another's."""
        if author != self.peer_id and author in self._swarm.ports and self._heard.get(data) != author:
            raise ForgedAuthorError(f"{author} did not sign this")
        for peer in peers:
            if peer in self.connected:
                self._swarm.send(self, peer, SimulatedPort._gossip, topic, self.peer_id, author, data)

    def _pace(self, peer: str, timeout_s: float) -> float | None:  # noqa: ARG002
        """A stranger asks as fast as it likes."""
        self._own_requests.enter(peer, float("inf"))
        return 0.0

    def respond_late(self, number: int, data: bytes | None, late_s: float) -> None:
        """Answer so that the last byte comes that much later."""
        self._respond(number, data, late_s)
