"""How a settings record says which of its fields a person may set, under which key, and within which bounds.

A record stands beside the subsystem that reads it. Fields marked with a `Setting` are keys of the configuration file,
the environment and the flags; the others are given by the node (`thespis.actors.node.settings`).
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """Marks a field: its dotted key, what it is for, and what its values may be."""

    key: str
    text: str
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    one_of: tuple[str, ...] = ()
    check: Callable[[str], str] | None = None
    """Raises ValueError for a text that is no value of this kind; in a list, called for each."""


@dataclass(frozen=True, slots=True)
class SettingField:
    """One field of a record that a person may set."""

    record: type
    name: str
    hint: Any
    default: Any
    setting: Setting


def settings_of(record: type) -> Iterator[SettingField]:
    """The fields of a record that are settings, in their order; each has a default."""
    hints = typing.get_type_hints(record, include_extras=True)
    for field in fields(record):
        for mark in getattr(hints[field.name], "__metadata__", ()):
            if isinstance(mark, Setting):
                if field.default is MISSING:
                    raise TypeError(f"{record.__name__}.{field.name} is a setting without a default")
                yield SettingField(record, field.name, typing.get_args(hints[field.name])[0], field.default, mark)
