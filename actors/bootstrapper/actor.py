"""The Bootstrapper: keeps the node connected by dialling known peers whenever too few are there."""

from __future__ import annotations

import logging
from collections import Counter

from thespis.actors.bootstrapper.settings import BootstrapperSettings
from thespis.actors.messages.network import ConnectPeer, ListPeers, PeerError, WhoAmI
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError

logger = logging.getLogger(__name__)

FIRST_LOOK_S = 0.2


class Bootstrapper(Subsystem[BootstrapperSettings]):
    """Dials a random choice of the bootstrap peers that are not connected, at start and then every period.

    Only peers that this node chose count as enough: whoever connects by itself may be one of many that keep silent.
    """

    def __init__(self) -> None:
        super().__init__()
        self._addresses: dict[str, str] = {}
        self._min_peers = 0
        self._dialling: set[str] = set()
        self._failures: Counter[str] = Counter()

    async def start(self, settings: BootstrapperSettings) -> None:
        """Begin to look; the first look comes at once, not after a period (seed-node, weakness W26)."""
        self._addresses = {address.rpartition("/p2p/")[2]: address for address in settings.addresses}
        self._min_peers = settings.min_peers
        if not settings.offline and self._addresses:
            self.spawn(self._keep_looking(settings.period_s))

    async def _keep_looking(self, period_s: float) -> None:
        await self.sleep(FIRST_LOOK_S)
        while True:
            try:
                await self.look()
            except AskError as error:
                logger.info("bootstrapping: %s", error)
            await self.sleep(period_s)

    async def look(self) -> None:
        """Dial as many as are missing, all at once, for each may take its whole time; who failed least comes first."""
        own = await self.ask(WhoAmI())
        connected = await self.ask(ListPeers())
        there = {own.peer, *(info.peer for info in connected)}
        chosen = [info for info in connected if not info.inbound or info.peer in self._addresses]
        candidates = [peer for peer in self._addresses if peer not in there | self._dialling]
        self.environment.random.shuffle(candidates)
        candidates.sort(key=lambda peer: self._failures[peer])
        missing = self._min_peers - len(chosen) - len(self._dialling)
        for peer in candidates[: max(0, missing)]:
            self.spawn(self._dial(peer))

    async def _dial(self, peer: str) -> None:
        self._dialling.add(peer)
        try:
            await self.ask(ConnectPeer(self._addresses[peer]))
        except (AskError, PeerError) as error:
            self._failures[peer] += 1
            logger.info("bootstrap peer %s: %s", peer, error)
        else:
            del self._failures[peer]
        finally:
            self._dialling.discard(peer)
