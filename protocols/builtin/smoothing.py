"""An alpha-beta filter over a value per epoch: what the network expects of power and reward.

(specs-actors ``util/smoothing``)
"""

from __future__ import annotations

from protocols.encoding.tuples import BigInteger, Record, record

PRECISION = 128
ALPHA = 314_760_000_000_000_000_000_000_000_000_000_000
"""9.25e-4 in Q.128: how fast the position follows an observation."""
BETA = 96_640_100_000_000_000_000_000_000_000_000
"""2.84e-7 in Q.128: how fast the velocity does."""


@record
class FilterEstimate(Record):
    """Value and change per epoch, in Q.128."""

    position: BigInteger
    velocity: BigInteger

    @classmethod
    def starting(cls, position: int, velocity: int) -> FilterEstimate:
        """An estimate from whole numbers."""
        return cls(BigInteger(position << PRECISION), BigInteger(velocity << PRECISION))

    def value(self) -> int:
        """The estimated value, rounded down."""
        return self.position >> PRECISION

    def next(self, observation: int, epochs: int) -> FilterEstimate:
        """The estimate after observing a value `epochs`, at least one, after the last."""
        elapsed = epochs << PRECISION
        position = self.position + (elapsed * self.velocity >> PRECISION)
        residual = (observation << PRECISION) - position
        return FilterEstimate(
            BigInteger(position + (ALPHA * residual >> PRECISION)),
            BigInteger(self.velocity + BETA * residual // elapsed),
        )
