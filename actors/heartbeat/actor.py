"""The Heartbeat: tells a statistics collector where this node's head is, and reconnects when that was away."""

from __future__ import annotations

import json
import logging
from typing import Any

from thespis.actors.messages.events import NewHead
from thespis.actors.messages.network import AskPeer, ConnectPeer
from thespis.actors.messages.syncer import Head, ReadHead
from thespis.actors.node.settings import NodeSettings
from thespis.runtime.actor.subsystem import Subsystem, handles
from thespis.runtime.errors import AskError

logger = logging.getLogger(__name__)

PROTOCOL = "fil/heartbeat/1.0.0"
"""Without a leading slash, as collectors know it."""
DEADLINE_S = 10.0


class Heartbeat(Subsystem):
    """Reports head, height, nickname and miner as one JSON object a beat."""

    def __init__(self) -> None:
        super().__init__()
        self._head: Head | None = None
        self._settings: NodeSettings | None = None
        self.beats = 0

    async def start(self, settings: Any) -> None:
        """Begin to beat, if there is a target."""
        assert isinstance(settings, NodeSettings)
        self._settings = settings
        self._head = await self.ask("Syncer", ReadHead())
        if settings.beat_target and not settings.offline:
            self.spawn(self._beat_for_ever(settings))

    @handles(NewHead)
    def new_head(self, event: NewHead) -> None:
        """What to report next."""
        self._head = Head(event.head, event.height, event.weight)

    def beat(self) -> bytes:
        """One report."""
        assert self._head is not None
        assert self._settings is not None
        return json.dumps(
            {
                "Head": ",".join(str(cid) for cid in self._head.head),
                "Height": self._head.height,
                "Nickname": self._settings.nickname,
                "MinerAddress": self._settings.miner,
            }
        ).encode()

    async def _beat_for_ever(self, settings: NodeSettings) -> None:
        peer = settings.beat_target.rpartition("/p2p/")[2]
        failing = False
        while True:
            try:
                await self.ask("Network", ConnectPeer(settings.beat_target), deadline=DEADLINE_S)
                while True:
                    await self.ask("Network", AskPeer(peer, PROTOCOL, self.beat(), DEADLINE_S), deadline=DEADLINE_S + 1)
                    self.beats += 1
                    failing = False
                    await self.sleep(settings.beat_period_s)
            except AskError as error:
                logger.log(logging.DEBUG if failing else logging.WARNING, "heartbeat: %s", error)
                failing = True
                await self.sleep(settings.beat_reconnect_s)
