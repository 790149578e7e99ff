"""Settings of the MiningScheduler."""

from __future__ import annotations

from typing import Annotated

from thespis.runtime.actor.message import message
from thespis.runtime.checks import fil_address
from thespis.runtime.settings import Setting


@message
class MiningSettings:
    """The storage miner of this node, if it has one."""

    miner: Annotated[str, Setting("mining.miner_address", "the miner's actor", check=fil_address)] = ""
    enabled: Annotated[bool, Setting("mining.enabled", "whether the miner mines from the start")] = False
    delay_share: Annotated[
        float,
        Setting("mining.delay_share", "how far into the epoch before to choose what to mine on", at_least=0, below=1),
    ] = 0.25
