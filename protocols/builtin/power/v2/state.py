"""The state of the power actor, version 2 (specs-actors v2.3.6)."""

from __future__ import annotations

from typing import ClassVar

from thespis.protocols.builtin.power.state import AnyClaim, AnyPower
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, record


@record
class ClaimV2(AnyClaim):
    """A claim that knows how its miner seals; its raw power decides on elections."""

    seal_proof_type: int
    raw_byte_power: BigInteger
    quality_adjusted_power: BigInteger

    @classmethod
    def starting(cls, seal_proof: int) -> ClaimV2:
        """A claim of nothing, of a miner that seals so."""
        return cls(seal_proof, BigInteger(0), BigInteger(0))

    @property
    def consensus_power(self) -> int:
        """What is held against the minimum for elections."""
        return self.raw_byte_power


@record
class PowerStateV2(AnyPower):
    """The totals, who has which power, and proofs of new sectors that wait for the epoch's end."""

    claims: Cid
    proof_validation_batch: Cid | None

    CLAIM: ClassVar[type[AnyClaim]] = ClaimV2
    CONSENSUS_MINERS_MIN: ClassVar[int] = 4
