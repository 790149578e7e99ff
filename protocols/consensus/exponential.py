"""e to a negative power in Q.256 fixed point, by a rational function: the same number on every machine.

Numerator and denominator are polynomials evaluated by Horner's rule, their coefficients integers scaled by 2^-128
(Lotus v1.4.0 ``chain/types/electionproof.go``, expneg; reference: formats, section 6).
"""

from __future__ import annotations

PRECISION = 256
ONE = 1 << PRECISION
_COEFFICIENT_PRECISION = 128

_NUMERATOR = (
    -648770010757830093818553637600,
    67469480939593786226847644286976,
    -3197587544499098424029388939001856,
    89244641121992890118377641805348864,
    -1579656163641440567800982336819953664,
    17685496037279256458459817590917169152,
    -115682590513835356866803355398940131328,
    340282366920938463463374607431768211456,
)
_DENOMINATOR = (
    1225524182432722209606361,
    114095592300906098243859450,
    5665570424063336070530214243,
    194450132448609991765137938448,
    5068267641632683791026134915072,
    104716890604972796896895427629056,
    1748338658439454459487681798864896,
    23704654329841312470660182937960448,
    259380097567996910282699886670381056,
    2250336698853390384720606936038375424,
    14978272436876548034486263159246028800,
    72144088983913131323343765784380833792,
    224599776407103106596571252037123047424,
    340282366920938463463374607431768211456,
)


def _polynomial(coefficients: tuple[int, ...], x: int, precision: int) -> int:
    scale = precision - _COEFFICIENT_PRECISION
    result = coefficients[0] << scale
    for coefficient in coefficients[1:]:
        result = (result * x >> precision) + (coefficient << scale)
    return result


def expneg(x: int, precision: int = PRECISION) -> int:
    """e^-x, argument and result in fixed point with `precision` fraction bits, at least 128."""
    return (_polynomial(_NUMERATOR, x, precision) << precision) // _polynomial(_DENOMINATOR, x, precision)
