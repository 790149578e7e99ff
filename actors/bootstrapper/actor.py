"""The Bootstrapper: keeps the node connected by dialling known peers whenever too few are there."""

from __future__ import annotations

import logging
from typing import Any

from thespis.actors.messages.network import ConnectPeer, Identity, ListPeers, PeerList, WhoAmI
from thespis.actors.node.settings import NodeSettings
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError

logger = logging.getLogger(__name__)

DIAL_DEADLINE_S = 20.0
FIRST_LOOK_S = 0.2


class Bootstrapper(Subsystem):
    """Dials a random choice of the bootstrap peers that are not connected, at start and then every period."""

    def __init__(self) -> None:
        super().__init__()
        self._addresses: dict[str, str] = {}
        self._min_peers = 0

    async def start(self, settings: Any) -> None:
        """Begin to look; the first look comes at once, not after a period (seed-node, weakness W26)."""
        assert isinstance(settings, NodeSettings)
        self._addresses = {address.rpartition("/p2p/")[2]: address for address in settings.bootstrap}
        self._min_peers = settings.bootstrap_min_peers
        if not settings.offline and self._addresses:
            self.spawn(self._keep_looking(settings.bootstrap_period_s))

    async def _keep_looking(self, period_s: float) -> None:
        await self.sleep(FIRST_LOOK_S)
        while True:
            try:
                await self.look()
            except AskError as error:
                logger.info("bootstrapping: %s", error)
            await self.sleep(period_s)

    async def look(self) -> None:
        """Dial as many as are missing."""
        own: Identity = await self.ask("Network", WhoAmI())
        connected: PeerList = await self.ask("Network", ListPeers())
        there = {own.peer, *(info.peer for info in connected.peers)}
        missing = self._min_peers - len(connected.peers)
        candidates = [peer for peer in self._addresses if peer not in there]
        self.environment.random.shuffle(candidates)
        for peer in candidates[: max(0, missing)]:
            try:
                await self.ask("Network", ConnectPeer(self._addresses[peer]), deadline=DIAL_DEADLINE_S)
            except AskError as error:
                logger.info("bootstrap peer %s: %s", peer, error)
