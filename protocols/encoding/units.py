"""Sizes as people read them."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB")


def format_size(size_bytes: int) -> str:
    """Binary units with four significant digits, as Lotus prints them."""
    value, unit = float(size_bytes), 0
    while value >= 1024 and unit + 1 < len(_UNITS):  # noqa: PLR2004
        value /= 1024
        unit += 1
    return f"{value:.4g} {_UNITS[unit]}"
