"""Bounds that every store applies before it touches a byte."""

from __future__ import annotations

from collections.abc import Iterable

from thespis.runtime.store.errors import StoreUsageError
from thespis.runtime.store.interface import FAMILIES, KEY_BYTES_MAX, VALUE_BYTES_MAX, Change, Put


def check_family(family: str) -> None:
    """Raise unless `family` is one of the column families."""
    if family not in FAMILIES:
        raise StoreUsageError(f"column family {family!r} does not exist; the families are {', '.join(FAMILIES)}")


def check_changes(changes: Iterable[Change]) -> list[Change]:
    """The changes of a batch, each within its bounds."""
    batch = list(changes)
    for change in batch:
        check_family(change.family)
        if not 0 < len(change.key) <= KEY_BYTES_MAX:
            raise StoreUsageError(f"key of {len(change.key)} bytes; keys have 1 to {KEY_BYTES_MAX}")
        if isinstance(change, Put) and len(change.value) > VALUE_BYTES_MAX:
            raise StoreUsageError(
                f"value of {len(change.value)} bytes; the bound is {VALUE_BYTES_MAX}, put bulk in a file"
            )
    return batch
