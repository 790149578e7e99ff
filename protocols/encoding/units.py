"""Sizes as people read them."""

from __future__ import annotations

import re
from fractions import Fraction

from thespis.protocols.errors import AmountError

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB")

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(" + "|".join(_UNITS) + r")?", re.IGNORECASE)
SIZE_TEXT_MAX = 40


def format_size(size_bytes: int) -> str:
    """Binary units with four significant digits, as Lotus prints them."""
    value, unit = float(size_bytes), 0
    while value >= 1024 and unit + 1 < len(_UNITS):  # noqa: PLR2004
        value /= 1024
        unit += 1
    return f"{value:.4g} {_UNITS[unit]}"


def parse_size(text: str) -> int:
    """Bytes of a size such as 2048, 2KiB or 1.5 GiB; raises AmountError for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or len(text) > SIZE_TEXT_MAX:
        raise AmountError(f"{text[:40]!r} is no size; write for example 2048, 2KiB or 32GiB")
    factor = 1024 ** [unit.lower() for unit in _UNITS].index((match[2] or "B").lower())
    bytes_ = Fraction(match[1]) * factor
    if bytes_.denominator != 1:
        raise AmountError(f"{text!r} is no whole number of bytes")
    return int(bytes_)
