"""Settings of the SectorBuilder and its workers."""

from __future__ import annotations

from typing import Annotated

from thespis.actors.roles import SEALING_WORKERS_MAX
from thespis.runtime.actor.message import message
from thespis.runtime.settings import Setting


@message
class SealingSettings:
    """Sealing: how often, and by how many."""

    auto_seal_interval_s: Annotated[
        float,
        Setting("mining.auto_seal_interval_s", "seal staged sectors this often, in seconds; 0 is never", at_least=0),
    ] = 120.0
    workers: Annotated[
        int,
        Setting(
            "mining.sealing_workers", "processes that seal and prove sectors", at_least=1, at_most=SEALING_WORKERS_MAX
        ),
    ] = 1
    threads: Annotated[
        int, Setting("mining.sealing_threads", "threads of each; 0 is one for each processor", at_least=0)
    ] = 0
    miner: str = ""
