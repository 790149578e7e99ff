"""The Bootstrapper: keeps the node connected by dialling known peers whenever too few are there of its own choice."""

from __future__ import annotations

import logging
from collections import Counter
from itertools import chain, zip_longest

from thespis.actors.bootstrapper.book import Book
from thespis.actors.bootstrapper.settings import BootstrapperSettings
from thespis.actors.messages.network import ConnectPeer, ListPeers, PeerError, WhoAmI
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError
from thespis.runtime.p2p.port import PeerInfo

logger = logging.getLogger(__name__)

FIRST_LOOK_S = 0.2


class Bootstrapper(Subsystem[BootstrapperSettings]):
    """Dials peers of the settings and of its book that are not connected, at start and then every period.

    Only peers that this node chose count as enough: whoever likes can dial in, in any number, and a node that took a
    crowd of strangers for its peers would see nothing but what they show it.
    """

    book: Book

    def __init__(self) -> None:
        super().__init__()
        self._addresses: dict[str, str] = {}
        self._min_peers = 0
        self._dialling: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._seen: frozenset[str] = frozenset()

    async def start(self, settings: BootstrapperSettings) -> None:
        """Begin to look; the first look comes at once, not after a period (seed-node, weakness W26)."""
        self.book = Book(self.opened(self.environment.open_store("peers")))
        self._addresses = {address.rpartition("/p2p/")[2]: address for address in settings.addresses}
        self._min_peers = settings.min_peers
        if not settings.offline:
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
        """Note who is there and behaves, and dial as many as are missing, all at once: each may take its whole time."""
        own = await self.ask(WhoAmI())
        connected = await self.ask(ListPeers())
        self._note(connected)
        there = {own.peer, *(info.peer for info in connected)} | self._dialling
        chosen = [info for info in connected if not info.inbound or info.peer in self._addresses]
        missing = self._min_peers - len(chosen) - len(self._dialling)
        candidates = [(peer, address) for peer, address in self._candidates() if peer not in there]
        for peer, address in candidates[: max(0, missing)]:
            self.spawn(self._dial(peer, address))

    async def _dial(self, peer: str, address: str) -> None:
        self._dialling.add(peer)
        try:
            await self.ask(ConnectPeer(address))
        except (AskError, PeerError) as error:
            self._failures[peer] += peer in self._addresses
            self.book.failed(peer)
            logger.info("known peer %s: %s", peer, error)
        else:
            del self._failures[peer]
        finally:
            self._dialling.discard(peer)

    def _note(self, connected: tuple[PeerInfo, ...]) -> None:
        """Who was there a period ago and has broken no rule since goes into the book."""
        for info in connected:
            if info.peer in self._seen and info.score >= 0 and info.listens:
                self.book.note(info.peer, f"{info.listens[0]}/p2p/{info.peer}", reached=not info.inbound)
        self._seen = frozenset(info.peer for info in connected)

    def _candidates(self) -> list[tuple[str, str]]:
        """The settings' peers, who failed least first, and the book's, by turns: all of either may be gone."""
        shuffle = self.environment.random.shuffle
        given = list(self._addresses.items())
        shuffle(given)
        given.sort(key=lambda each: self._failures[each[0]])
        known = [(peer, address) for peer, address in self.book.candidates(shuffle) if peer not in self._addresses]
        return [each for each in chain.from_iterable(zip_longest(given, known)) if each is not None]
