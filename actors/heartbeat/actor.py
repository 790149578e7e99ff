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
        failing = False
        while True:
            try:
                await self.ask(ConnectPeer(settings.target))
                while True:
                    await self.ask(AskPeer(peer, PROTOCOL, self.beat(), DEADLINE_S))
                    self.beats += 1
                    failing = False
                    await self.sleep(settings.period_s)
            except (AskError, PeerError) as error:
                logger.log(logging.DEBUG if failing else logging.WARNING, "heartbeat: %s", error)
                failing = True
                await self.sleep(settings.reconnect_s)
