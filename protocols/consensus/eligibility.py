"""Which miners may take part in the election of an epoch."""

from __future__ import annotations

from dataclasses import dataclass

CLAIM_ALONE_UNTIL_VERSION = 3
"""The last network version with the actors of version 0, where power in the past is all that counts."""

NEVER_EXCLUDED = -1
"""Before every epoch: no consensus fault of the miner was reported."""


@dataclass(frozen=True, slots=True)
class MinerStanding:
    """What the state that a tipset's messages are applied to says of a miner that has a claim.

    Quality-adjusted power in bytes, debt in attoFIL, and the last epoch for which a consensus fault excludes it.
    """

    power: int
    fee_debt: int
    excluded_until: int


def may_mine(
    *, has_minimum_power: bool, standing: MinerStanding | None, network_version: int, parent_height: int
) -> bool:
    """Whether a miner may mine over a parent tipset; `network_version` is that of the parent's height.

    Elections look back to power of hours ago, so that nobody chooses it with the randomness in sight. Since the actors
    of version 2 a miner must not have lost its standing meanwhile either: it still has power, owes no fees, and is not
    excluded for a consensus fault (Lotus v1.4.0 ``chain/stmgr/utils.go``, MinerEligibleToMine).
    """
    if not has_minimum_power or network_version <= CLAIM_ALONE_UNTIL_VERSION:
        return has_minimum_power
    if standing is None:
        return False
    return standing.power > 0 and standing.fee_debt == 0 and parent_height > standing.excluded_until
