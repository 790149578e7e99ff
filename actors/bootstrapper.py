"""The Bootstrapper: keeps the node connected by dialling known peers whenever too few are there."""

from __future__ import annotations

import logging
from typing import Any

from actors.config import NodeSettings
from actors.messages.events import PeerJoined, PeerLeft
from actors.messages.network import ConnectPeer, Identity, WhoAmI
from runtime.actor.subsystem import Subsystem, handles
from runtime.errors import AskError

logger = logging.getLogger(__name__)

DIAL_DEADLINE_S = 20.0
FIRST_LOOK_S = 0.2


class Bootstrapper(Subsystem):
    """Dials a random choice of the bootstrap peers that are not connected, at start and then every period."""

    def __init__(self) -> None:
        super().__init__()
        self._connected: set[str] = set()
        self._addresses: dict[str, str] = {}
        self._min_peers = 0
        self._own = ""

    async def start(self, settings: Any) -> None:
        """Begin to look; the first look comes at once, not after a period (seed-node, weakness W26)."""
        assert isinstance(settings, NodeSettings)
        self._addresses = {address.rpartition("/p2p/")[2]: address for address in settings.bootstrap}
        self._min_peers = settings.bootstrap_min_peers
        if not settings.offline and self._addresses:
            self.spawn(self._keep_looking(settings.bootstrap_period_s))

    @handles(PeerJoined)
    def joined(self, event: PeerJoined) -> None:
        """One more."""
        self._connected.add(event.peer)

    @handles(PeerLeft)
    def left(self, event: PeerLeft) -> None:
        """One less."""
        self._connected.discard(event.peer)

    async def _keep_looking(self, period_s: float) -> None:
        await self.sleep(FIRST_LOOK_S)
        identity: Identity = await self.ask("Network", WhoAmI())
        self._own = identity.peer
        while True:
            await self.look()
            await self.sleep(period_s)

    async def look(self) -> None:
        """Dial as many as are missing."""
        missing = self._min_peers - len(self._connected)
        candidates = [peer for peer in self._addresses if peer not in self._connected and peer != self._own]
        self.environment.random.shuffle(candidates)
        for peer in candidates[: max(0, missing)]:
            try:
                await self.ask("Network", ConnectPeer(self._addresses[peer]), deadline=DIAL_DEADLINE_S)
            except AskError as error:
                logger.info("bootstrap peer %s: %s", peer, error)
