"""The state of the power actor, version 2: claims know how their miner seals, and raw power is held to the minimum.

Sources are files of specs-actors v2.3.6, ``actors/builtin/power/``.
"""

from __future__ import annotations

from typing import ClassVar

from thespis.protocols.builtin.power.state import AnyClaim, AnyPower
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, record


@record
class ClaimV2(AnyClaim):
    """A claim that knows how its miner seals; its raw power is held against the minimum for elections.

    Source: ``power_state.go``, Claim.
    """

    seal_proof_type: int
    raw_byte_power: BigInteger
    quality_adjusted_power: BigInteger

    @classmethod
    def starting(cls, seal_proof: int) -> ClaimV2:
        """A claim of no power, of a miner that seals so."""
        return cls(seal_proof, BigInteger(0), BigInteger(0))

    @property
    def consensus_power(self) -> int:
        """The power in bytes that is held against the minimum."""
        return self.raw_byte_power


@record
class PowerStateV2(AnyPower):
    """The totals, who has which power, and proofs of new sectors that wait for the epoch's end."""

    claims: Cid
    proof_validation_batch: Cid | None

    CLAIM: ClassVar[type[AnyClaim]] = ClaimV2
    CONSENSUS_MINERS_MIN: ClassVar[int] = 4
