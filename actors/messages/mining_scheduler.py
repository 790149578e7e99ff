"""What the MiningScheduler is told and asked."""

from __future__ import annotations

from thespis.actors.messages import forms as _forms  # noqa: F401  (CIDs and addresses get their wire form there)
from thespis.protocols.encoding.address import Address
from thespis.runtime.actor.message import message


@message
class StartMining:
    """Mine every epoch that is won."""


@message
class StopMining:
    """Stop mining."""


@message
class MineOnce:
    """Mine one block at the next epoch that is won."""

    rounds_max: int


@message
class ReadMining:
    """How mining goes."""


@message
class MiningStatus:
    """One line about the miner of this node."""

    miner: Address | None
    mining: bool
    blocks_mined: int
    rounds_won: int
    rounds_lost: int
    last_height: int
    last_error: str
