"""Settings of the Syncer."""

from __future__ import annotations

from thespis.runtime.actor.message import message


@message
class SyncerSettings:
    """What the chain begins with: the CAR of a genesis, empty where the store has one."""

    genesis_car: bytes = b""
