"""Kinds of arguments: what a person writes is checked before anything is done with it, and an error names it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

INTEGER_MAX = (1 << 63) - 1
"""Of numbers that a node is asked with: the chain's own, an id's and an epoch's."""
SHOWN_CHARACTERS = 100
_WHOLE = re.compile(r"-?[0-9]{1,40}")
SECONDS_MAX = 10 * 365 * 86_400
"""Longer waits are no waits; the clocks below count in fewer digits than a person may write."""


class Parsed(click.ParamType[Any]):
    """An argument that one of our own parsers reads; its error is the argument's."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse, or say what is wrong."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _address(text: str) -> str:
    from thespis.protocols.encoding.address import Address
    from thespis.protocols.errors import ProtocolError

    try:
        return str(Address.from_text(text)) if text else text
    except ProtocolError as error:
        raise ValueError(f"{shown(text)} is no address: {error}") from None


def _cid(text: str) -> str:
    from thespis.protocols.encoding.cid import Cid
    from thespis.protocols.errors import ProtocolError

    try:
        return str(Cid.from_text(text))
    except ProtocolError as error:
        raise ValueError(f"{shown(text)} is no CID: {error}") from None


def _size(text: str) -> int:
    from thespis.protocols.encoding.units import parse_size

    return parse_size(text)


def _hexadecimals(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not bytes in hexadecimal, two digits each") from None


def _digest(text: str) -> bytes:
    data = _hexadecimals(text)
    if len(data) != 32:  # noqa: PLR2004
        raise ValueError(f"{shown(text)} is not 32 bytes in hexadecimal but {len(data)}")
    return data


def _fil(text: str) -> str:
    from thespis.protocols.encoding.bigint import parse_fil

    amount = parse_fil(text)
    if amount < 0:
        raise ValueError(f"{shown(text)} is negative")
    return str(amount)


def _atto(text: str) -> str:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{shown(text)} is no amount in attoFIL; write a whole number that is not negative")
    return text


def shown(text: str) -> str:
    """What a person wrote, as an error quotes it."""
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")


FilAddress = Parsed("address", _address)
"""An address on chain; nothing where a command has one of its own."""
CidText = Parsed("cid", _cid)
Size = Parsed("size", _size)
"""A size such as 2KiB, 8MiB or 2048; as an integer."""
Hexadecimals = Parsed("hex", _hexadecimals)
Digest = Parsed("hex", _digest)
"""32 bytes."""
Fil = Parsed("fil", _fil)
"""An amount in FIL or with a unit; as attoFIL in a text, which is what JSON has."""
AttoFil = Parsed("attofil", _atto)


def whole(low: int, high: int = INTEGER_MAX) -> Parsed:
    """A whole number within bounds."""

    def parse(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(f"{shown(text)} is no whole number from {low} to {high}")
        return int(text)

    return Parsed("integer", parse)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= SECONDS_MAX:
        raise ValueError(f"{shown(text)} is no time in seconds from 0 to {SECONDS_MAX}")
    return seconds


Count = whole(1)
Natural = whole(0)
Seconds = Parsed("seconds", _seconds)


class WritableFile(click.Path):
    """Where something will be written: seen to be possible before the work of which it holds the result."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, or what is in the way."""
        path: Path = super().convert(value, param, ctx)  # type: ignore[assignment]
        folder = path.absolute().parent
        try:
            there = path.exists()
            if not folder.is_dir():
                raise FileNotFoundError(0, f"there is no folder {shown(str(folder))}")
            if not os.access(path if there else folder, os.W_OK):
                raise PermissionError(0, "permission denied")
        except OSError as error:
            self.fail(f"{shown(str(path))} cannot be written: {error.strerror}", param, ctx)
        return path


upgrade_option = click.option(
    "--upgrade-epoch",
    type=whole(-1),
    default=-1,
    show_default=True,
    help="Begin with builtin actors of version 0, and upgrade to version 2 after this epoch; -1: begin with version 2.",
)
