"""The Heartbeat: tells a statistics collector where this node's head is, and reconnects when that was away."""

from __future__ import annotations

import json
import logging

from thespis.actors.heartbeat.settings import HeartbeatSettings
from thespis.actors.messages.network import AskPeer, ConnectPeer, PeerError
from thespis.actors.messages.syncer import Head, NewHead, ReadHead
from thespis.runtime.actor.handlers import handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError

logger = logging.getLogger(__name__)

PROTOCOL = "fil/heartbeat/1.0.0"
"""Without a leading slash, as collectors know it."""
DEADLINE_S = 10.0


class Heartbeat(Subsystem[HeartbeatSettings]):
    """Reports head, height, nickname and miner as one JSON object a beat."""

    settings: HeartbeatSettings
    head: Head

    def __init__(self) -> None:
        super().__init__()
        self.beats = 0
        self._failing = False

    async def start(self, settings: HeartbeatSettings) -> None:
        """Begin to beat, if there is a target."""
        self.settings = settings
        self.head = await self.ask(ReadHead())
        if settings.target and not settings.offline:
            self.spawn(self._beat_for_ever(settings))

    @handles(NewHead)
    def new_head(self, event: NewHead) -> None:
        """What to report next."""
        self.head = Head(event.head, event.height, event.weight)

    def beat(self) -> bytes:
        """One report."""
        return json.dumps(
            {
                "Head": ",".join(str(cid) for cid in self.head.head),
                "Height": self.head.height,
                "Nickname": self.settings.nickname,
                "MinerAddress": self.settings.miner,
            }
        ).encode()

    async def _beat_for_ever(self, settings: HeartbeatSettings) -> None:
        peer = settings.target.rpartition("/p2p/")[2]
        while True:
            began_s = self.now_s()
            try:
                await self.ask(ConnectPeer(settings.target))
            except (AskError, PeerError) as error:
                self._tell(error)
                await self.sleep(settings.reconnect_s)
                continue
            await self._say(peer, min(DEADLINE_S, settings.period_s))
            await self.sleep(max(0.0, began_s + settings.period_s - self.now_s()))

    async def _say(self, peer: str, within_s: float) -> None:
        """One beat; it is said, whether or not the collector has a word for it, and the next one does not wait."""
        try:
            await self.ask(AskPeer(peer, PROTOCOL, self.beat(), within_s), within_s=within_s)
        except (AskError, PeerError) as error:
            self._tell(error)
        else:
            self._failing = False
        self.beats += 1

    def _tell(self, error: Exception) -> None:
        """Once, until it goes well again."""
        logger.log(logging.DEBUG if self._failing else logging.WARNING, "heartbeat: %s", error)
        self._failing = True
