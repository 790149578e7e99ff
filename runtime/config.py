"""A node's settings: a commented TOML file, then the environment, then flags; the later wins.

Keys, types, bounds and defaults are those of the records that a `Schema` is made of (`thespis.runtime.settings`);
nothing is spelt here a second time. ``THESPIS_API__ADDRESS`` in the environment sets ``api.address``. Unknown keys and
ill-typed values are refused by name, because a setting that is silently ignored is a setting that is believed. That
holds for the home of an older version too: its node does not start until the lines that say nothing any more are gone,
and the error names them all.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.files import write_atomically
from thespis.runtime.settings import SHOWN_MAX, SettingField, settings_of

Record = TypeVar("Record")

ENVIRONMENT_PREFIX = "THESPIS_"
NOT_SETTINGS = frozenset({"HOME", "VECTORS", "PASSPHRASE", "KERNELS", "PEER_ALL", "FUZZ"})
"""Variables with the prefix that are no settings."""
HEADING = "Settings of a Thespis node. Environment (THESPIS_SECTION__KEY) and flags win over them."


class ConfigError(RuntimeFloorError):
    """The settings are unreadable, unknown or ill-typed."""


def environment_variable(key: str) -> str:
    """The variable that sets a key."""
    return ENVIRONMENT_PREFIX + key.upper().replace(".", "__")


class Schema:
    """The keys of some records, and what is made of them: the file, its reader and its editor."""

    def __init__(self, records: Sequence[type]) -> None:
        self.fields: dict[str, SettingField] = {}
        self.sections: dict[str, dict[str, SettingField]] = {}
        for record in records:
            for field in settings_of(record):
                section, _, name = field.setting.key.partition(".")
                if not name or "." in name or field.setting.key in self.fields:
                    raise TypeError(f"{record.__name__}.{field.name}: {field.setting.key!r} is no new section.key")
                self.fields[field.setting.key] = field
                self.sections.setdefault(section, {})[name] = field

    def field(self, key: str) -> SettingField:
        """The field behind a key; raises ConfigError for one that is no setting."""
        if key not in self.fields:
            raise ConfigError(f"no setting {key!r}; see: thespis config get")
        return self.fields[key]

    def purpose(self, section: str) -> str:
        """What a section is about: the first sentences of its records."""
        records = dict.fromkeys(field.record for field in self.sections[section].values())
        return " ".join((record.__doc__ or "").strip().partition("\n")[0] for record in records)

    def default_text(self) -> str:
        """The file that init writes: every key with its default and what it is for."""
        import tomlkit

        document = tomlkit.document()
        document.add(tomlkit.comment(HEADING))
        for section, named in self.sections.items():
            table = tomlkit.table()
            table.comment(self.purpose(section))
            for name, field in named.items():
                item = tomlkit.item(_plain(field.default))
                item.comment(field.setting.text)
                table.add(name, item)
            document.add(section, table)
        return tomlkit.dumps(document)

    def load(
        self, path: Path | None, environment: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
    ) -> Config:
        """The settings in force; `flags` maps keys to values.

        An empty or missing file means defaults. Raises ConfigError naming the key, its value and where it came from.
        """
        values = {key: field.default for key, field in self.fields.items()}
        if path is not None and path.exists():
            values |= self._read(_text(path), str(path))
        variables = os.environ if environment is None else environment
        for variable, text in sorted(variables.items()):
            name = variable.removeprefix(ENVIRONMENT_PREFIX)
            if name != variable and name not in NOT_SETTINGS:
                key = name.lower().replace("__", ".")
                if key not in self.fields:
                    raise ConfigError(f"environment variable {variable}: no setting {key!r}; unset it")
                values[key] = self._checked(key, self.fields[key].parsed(text), f"environment variable {variable}")
        for key, value in (flags or {}).items():
            values[key] = self._checked(key, value, f"flag {self.field(key).setting.flag or key}")
        return Config(self, values)

    def set(self, path: Path, changes: Mapping[str, Any]) -> Config:
        """Change values in the file, atomically; everything else in it, comments included, stays as it was."""
        import tomlkit
        from tomlkit.exceptions import TOMLKitError

        for key in changes:
            if key in self.sections:
                raise ConfigError(
                    f"{key!r} is a section; set one of its keys, such as {key}.{next(iter(self.sections[key]))}"
                )
        values = {key: self._checked(key, value, "set") for key, value in changes.items()}
        text = _text(path) if path.exists() else ""
        self._read(text, str(path))
        try:
            document: Any = tomlkit.parse(text)
            for key, value in values.items():
                section, _, name = key.partition(".")
                table = document.setdefault(section, tomlkit.table())
                item = tomlkit.item(_plain(value))
                old = table.get(name)
                if old is not None and hasattr(old, "trivia") and old.trivia.comment:
                    item.comment(old.trivia.comment.lstrip("# "))
                table[name] = item
            changed = tomlkit.dumps(document)
        except (TOMLKitError, TypeError, ValueError) as error:
            raise ConfigError(f"{path}: {error}") from None
        defaults = {key: field.default for key, field in self.fields.items()}
        config = Config(self, defaults | self._read(changed, str(path)))
        write_atomically(path, changed.encode())
        return config

    def _read(self, text: str, origin: str) -> dict[str, Any]:
        """What a file gives, by key; raises ConfigError naming everything in it that is no setting."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{origin} is not TOML: {error}") from None
        given: dict[str, Any] = {}
        strange: list[str] = []
        for section, table in document.items():
            if section not in self.sections:
                strange.append(f"[{section}]" if isinstance(table, dict) else section)
            elif not isinstance(table, dict):
                raise ConfigError(
                    f"{origin}: setting {section!r} = {table!r:.{SHOWN_MAX}}: must be a section, [{section}]"
                )
            for name, value in table.items() if isinstance(table, dict) else ():
                key = f"{section}.{name}"
                if key in self.fields:
                    given[key] = self._checked(key, value, origin)
                else:
                    strange.append(key)
        if strange:
            raise ConfigError(
                f"{origin}: no setting of this version is {', '.join(strange)}; "
                "remove such lines, or correct them by: thespis config docs"
            )
        return given

    def _checked(self, key: str, value: Any, origin: str) -> Any:
        try:
            return self.field(key).checked(value)
        except ValueError as error:
            raise ConfigError(f"{origin}: setting {key!r} = {value!r:.{SHOWN_MAX}}: {error}") from None


@dataclass(frozen=True, slots=True)
class Config:
    """The settings in force, every key with its value."""

    schema: Schema
    values: Mapping[str, Any]

    def record(self, cls: type[Record]) -> Record:
        """The record that a subsystem is given."""
        return cls(**{field.name: self.values[field.setting.key] for field in settings_of(cls)})

    def get(self, dotted: str) -> Any:
        """One value, a section, or every section, as plain values; raises ConfigError for what is no setting."""
        if not dotted:
            return {section: self.get(section) for section in self.schema.sections}
        if dotted in self.schema.sections:
            return {name: self.get(f"{dotted}.{name}") for name in self.schema.sections[dotted]}
        return _plain(self.values[self.schema.field(dotted).setting.key])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None
