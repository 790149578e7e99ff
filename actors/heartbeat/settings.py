"""Settings of the Heartbeat."""

from __future__ import annotations

from typing import Annotated

from thespis.runtime.actor.message import message
from thespis.runtime.checks import multiaddress, nickname
from thespis.runtime.settings import Setting


@message
class HeartbeatSettings:
    """Reports to a statistics collector."""

    target: Annotated[
        str, Setting("heartbeat.beat_target", "where to report; empty is nowhere", check=multiaddress)
    ] = ""
    period_s: Annotated[float, Setting("heartbeat.beat_period_s", "how often, in seconds", above=0)] = 3.0
    reconnect_s: Annotated[
        float, Setting("heartbeat.reconnect_period_s", "how soon to try again, in seconds", above=0)
    ] = 10.0
    nickname: Annotated[str, Setting("heartbeat.nickname", "name in the statistics, letters only", check=nickname)] = ""
    miner: str = ""
    offline: bool = False
