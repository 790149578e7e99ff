"""The page that tells every setting, made from the records; docs/settings.md is this page."""

from __future__ import annotations

import json
from typing import Any

from thespis.runtime.config import Schema, environment_variable
from thespis.runtime.settings import SettingField

HEAD = """\
# Settings

Made from the settings records beside the subsystems by `make settings-docs`; what a key means is written there, once.

A node reads its settings when it starts: the defaults, then `config.toml` in its home, then the environment, then the
flags of `thespis daemon`; the later wins. `thespis init` writes the file with every key and its default, `thespis
config get [KEY]` prints what is in force, `thespis config set KEY VALUE` changes one value and keeps the comments.

What is unknown, of another type or out of bounds is refused with the key, the value, the bound and where it came from;
nothing is ignored. A file may therefore hold keys of an older version that are settings no more: the node does not
start, and one error names all such lines. Remove them; nothing read them.
"""
TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false"}
COLUMNS = ("Key", "What it is for", "Type", "Default", "Must be", "Environment and flag", "Read by")


def page(schema: Schema) -> str:
    """Every setting as Markdown: key, purpose, type, default, bounds, variable and reader."""
    lines = [HEAD]
    for section, named in schema.sections.items():
        lines += [f"## {section}", "", schema.purpose(section), ""]
        lines += [_row(COLUMNS), _row(["---"] * len(COLUMNS))]
        lines += [_row(_cells(field)) for field in named.values()]
        lines.append("")
    return "\n".join(lines)


def _cells(field: SettingField) -> list[str]:
    setting = field.setting
    kind = TYPES[field.kind]
    given = f"`{environment_variable(setting.key)}`" + (f" `{setting.flag}`" if setting.flag else "")
    return [
        f"`{setting.key}`", setting.text, f"list of {kind}s" if field.is_list else kind,
        f"`{_toml(field.default)}`", setting.bounds, given, f"`{field.read_by}`",
    ]  # fmt: skip


def _toml(value: Any) -> str:
    """JSON writes texts, numbers, truths and lists of them as TOML does."""
    return json.dumps(value)


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"
