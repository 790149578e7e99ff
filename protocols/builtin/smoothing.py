"""An alpha-beta filter over a value per epoch: what the network expects of power and reward.

It follows a value and its trend, slowly, so that one epoch's chance moves no fee. Numbers are in Q.128: whole numbers
times 2**128; divisions round as the reference's do.

Sources are functions of specs-actors v0.9.15 and v2.3.6, ``actors/util/smoothing/alpha_beta_filter.go``.
"""

from __future__ import annotations

from thespis.protocols.encoding.tuples import BigInteger, StateRecord, record

PRECISION = 128
ALPHA = 314_760_000_000_000_000_000_000_000_000_000_000
"""9.25e-4 in Q.128: how fast the position follows an observation."""
BETA = 96_640_100_000_000_000_000_000_000_000_000
"""2.84e-7 in Q.128: how fast the velocity does."""


@record
class FilterEstimate(StateRecord):
    """A value and its change per epoch, in Q.128."""

    position: BigInteger
    velocity: BigInteger

    @classmethod
    def starting(cls, position: int, velocity: int) -> FilterEstimate:
        """An estimate that begins at whole numbers."""
        return cls(BigInteger(position << PRECISION), BigInteger(velocity << PRECISION))

    def value(self) -> int:
        """The estimated value, rounded down to a whole number."""
        return self.position >> PRECISION

    def next(self, observation: int, epochs: int) -> FilterEstimate:
        """The estimate after observing a value `epochs`, at least one, after the last.

        Source: ``alpha_beta_filter.go``, NextEstimate.
        """
        elapsed = epochs << PRECISION
        position = self.position + (elapsed * self.velocity >> PRECISION)
        residual = (observation << PRECISION) - position
        return FilterEstimate(
            BigInteger(position + (ALPHA * residual >> PRECISION)),
            BigInteger(self.velocity + BETA * residual // elapsed),
        )


_LN_NUMERATOR = (
    261417938209272870992496419296200268025,
    7266615505142943436908456158054846846897,
    32458783941900493142649393804518050491988,
    17078670566130897220338060387082146864806,
    -35150353308172866634071793531642638290419,
    -20351202052858059355702509232125230498980,
    -1563932590352680681114104005183375350999,
)
_LN_DENOMINATOR = (
    49928077726659937662124949977867279384,
    2508163877009111928787629628566491583994,
    21757751789594546643737445330202599887121,
    53400635271583923415775576342898617051826,
    41248834748603606604000911015235164348839,
    9015227820322455780436733526367238305537,
    340282366920938463463374607431768211456,
)
_LN_2 = 235865763225513294137944142764154484399
VELOCITY_EPSILON = 302231454903657293676544
"""Squares of velocities below this are taken for none."""


def _polynomial(coefficients: tuple[int, ...], x: int) -> int:
    result = 0
    for coefficient in coefficients:
        result = (result * x >> PRECISION) + coefficient
    return result


def natural_logarithm(z: int) -> int:
    """Logarithm of a positive number, both in Q.128: a rational approximation between one and two.

    Source: v0.9.15 ``alpha_beta_filter.go``, Ln, lnBetweenOneAndTwo.
    """
    shift = z.bit_length() - 1 - PRECISION
    x = z >> shift if shift > 0 else z << -shift
    return shift * _LN_2 + (_polynomial(_LN_NUMERATOR, x) << PRECISION) // _polynomial(_LN_DENOMINATOR, x)


def extrapolated_ratio_sum(epochs: int, numerator: FilterEstimate, denominator: FilterEstimate) -> int:
    """The sum of a ratio of two estimates over so many epochs from now on, in Q.128.

    It is the integral of one line over another: with a logarithm where the denominator moves, and without where it
    moves so little that the logarithm would be all rounding.

    Source: ``alpha_beta_filter.go``, ExtrapolatedCumSumOfRatio.
    """
    elapsed = epochs << PRECISION
    position_1, velocity_1 = int(numerator.position), int(numerator.velocity)
    position_2, velocity_2 = int(denominator.position), int(denominator.velocity)
    squared = velocity_2 * velocity_2 >> PRECISION
    if squared > VELOCITY_EPSILON:
        begin = natural_logarithm(position_2)
        end = natural_logarithm(position_2 + (elapsed * velocity_2 >> PRECISION))
        first = velocity_2 * (position_1 * (end - begin)) >> PRECISION
        second = velocity_1 * (position_2 * (begin - end) + velocity_2 * elapsed) >> PRECISION
        return (first + second) // squared
    middle = position_1 + (velocity_1 * (elapsed >> 1) >> PRECISION)
    return middle * elapsed // position_2
