"""How a settings record says which of its fields a person may set, under which key, and within which bounds.

A record stands beside the subsystem that reads it. Fields marked with a `Setting` are keys of the configuration file,
the environment and the flags (`thespis.runtime.config`); the others are given by the node
(`thespis.actors.node.settings`). The types are str, int, float, bool, and tuples of one of them, which are lists to a
person.
"""

from __future__ import annotations

import math
import tomllib
import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

T = TypeVar("T")

KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
"""The types of values, as a person is told of them."""
SHOWN_MAX = 80
"""Characters of a refused value that an error shows."""


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
    flag: str = ""
    """The option of ``thespis daemon`` that wins over the file, if there is one."""
    read_by: str = ""
    """Who reads it, where that is not the subsystem whose record it stands in."""

    @property
    def bounds(self) -> str:
        """What values must be, in words; empty where everything of the type will do."""
        named = (("at least", self.at_least), ("more than", self.above), ("at most", self.at_most))
        words = [f"{word} {bound}" for word, bound in (*named, ("less than", self.below)) if bound is not None]
        if self.one_of:
            words.append(f"one of {', '.join(self.one_of)}")
        if self.check and self.check.__doc__:
            words.append(self.check.__doc__[0].lower() + self.check.__doc__[1:].rstrip("."))
        return " and ".join(words)

    def within(self, value: Any) -> bool:
        """Whether a value is within the bounds; texts are also checked by `check`."""
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
            and (not self.one_of or value in self.one_of)
        )


@dataclass(frozen=True, slots=True)
class SettingField:
    """One field of a record that a person may set."""

    record: type
    name: str
    hint: Any
    default: Any
    setting: Setting

    @property
    def is_list(self) -> bool:
        """Whether the value is a list."""
        return typing.get_origin(self.hint) is tuple

    @property
    def kind(self) -> type[Any]:
        """The type of the value, in a list that of each item."""
        kind: type[Any] = typing.get_args(self.hint)[0] if self.is_list else self.hint
        return kind

    @property
    def read_by(self) -> str:
        """Where the value is read: a folder or a file of the checkout."""
        room = self.record.__module__.removeprefix("thespis.").removesuffix(".settings")
        return self.setting.read_by or f"{room.replace('.', '/')}/"

    def checked(self, value: Any) -> Any:
        """The value as the record has it; raises ValueError saying what it must be.

        Types are exact, because a text where a number was meant is a mistake; only a whole number is a number too.
        """
        if not self.is_list:
            return self._checked_one(value)
        if type(value) in (list, tuple):
            return tuple(self._checked_one(item) for item in value)
        raise ValueError("must be a list")

    def _checked_one(self, value: Any) -> Any:
        if self.kind is float and type(value) is int:
            value = float(value) if abs(value) < 1 << 53 else math.inf
        if type(value) is not self.kind:
            raise ValueError(f"must be {KINDS[self.kind]}{f', not {value!r:.{SHOWN_MAX}}' if self.is_list else ''}")
        if self.kind is float and not math.isfinite(value):
            raise ValueError("must be a number of ordinary size")
        if not self.setting.within(value):
            raise ValueError(f"must be {self.setting.bounds}")
        return self.setting.check(value) if self.setting.check else value

    def parsed(self, text: str) -> Any:
        """The value that a person wrote in a variable or on the command line: TOML, or a text without its quotes.

        What comes back has still to be `checked`.
        """
        value = parse_value(text)
        return value if self.hint is not str or type(value) is str else text


def parse_value(text: str) -> Any:
    """A TOML value, or the text itself when it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def settings_of(record: type) -> Iterator[SettingField]:
    """The fields of a record that are settings, in their order.

    Raises TypeError for one without a default, of another type than settings have, or whose default is out of bounds.
    """
    hints = typing.get_type_hints(record, include_extras=True)
    for field in fields(record):
        for mark in getattr(hints[field.name], "__metadata__", ()):
            if not isinstance(mark, Setting):
                continue
            if field.default is MISSING:
                raise TypeError(f"{record.__name__}.{field.name} is a setting without a default")
            found = SettingField(record, field.name, typing.get_args(hints[field.name])[0], field.default, mark)
            if found.kind not in KINDS or (found.is_list and typing.get_args(found.hint)[1:] != (...,)):
                raise TypeError(f"{record.__name__}.{field.name} is a setting of type {found.hint}")
            try:
                found.checked(field.default)
            except ValueError as error:
                raise TypeError(f"{record.__name__}.{field.name} = {field.default!r}: {error}") from None
            yield found


def checked(record: T) -> T:
    """The record itself; raises ValueError naming the first key whose value is out of bounds."""
    for field in settings_of(type(record)):
        value = getattr(record, field.name)
        try:
            field.checked(value)
        except ValueError as error:
            raise ValueError(f"{field.setting.key} = {value!r:.{SHOWN_MAX}}: {error}") from None
    return record
