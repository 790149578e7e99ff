"""What the MiningScheduler is asked."""

from __future__ import annotations

from thespis.actors.roles import MINING_SCHEDULER
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.message import message
from thespis.runtime.errors import RuntimeFloorError

MINE_WITHIN_S = 600.0


class MiningError(RuntimeFloorError):
    """Mining cannot do what was asked."""


@message
class StartMining(Ask[None], to=MINING_SCHEDULER, raises=(MiningError,)):
    """Mine every epoch that is won."""


@message
class StopMining(Ask[None], to=MINING_SCHEDULER):
    """Stop mining."""


@message
class MineOnce(Ask[Cid], to=MINING_SCHEDULER, raises=(MiningError,), within_s=MINE_WITHIN_S):
    """Mine one block at the next epoch that is won, within so many rounds; answered with its CID."""

    rounds_max: int


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


@message
class ReadMining(Ask[MiningStatus], to=MINING_SCHEDULER):
    """How mining goes."""
