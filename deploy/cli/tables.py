"""Tables that lose nothing: identifiers are there to be copied, so none is ever cut.

Where a terminal is wide enough a table stands as a table. Where it is not, text wraps between words; and where not
even the longest words fit beside each other, each row becomes a record of ``name  value`` lines, whose long values go
on in the next line. In a pipe a line is as long as it has to be.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from rich.console import RenderableType

GAPS = (2, 1)
"""Blanks between columns, where there is room for them, and where there is not."""
_NUMBER = re.compile(r"[0-9][0-9.,]*( ?[A-Za-zµ%/]{0,6})?")
Cell = object
"""What `str` or, for colours, rich's ``Text`` says; no cell is read as markup, for it may hold anybody's brackets."""


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows under headings."""
    from rich.console import Console

    console = Console(highlight=False)
    if sys.stdout.isatty() and fitted_widths(columns, rows, console.width) is None:
        names = max(map(len, columns))  # the terminal breaks long lines itself, and so gives them whole to who copies
        records = (
            [f"{name:<{names}}  {cell}" for name, cell in zip(columns, row, strict=True) if str(cell)] for row in rows
        )
        click.echo("\n\n".join("\n".join(record) for record in records))
        return
    if sys.stdout.isatty():
        console.print(fitting(columns, rows, console.width))
        return
    cells = _columns(columns, rows)
    shapes = [(">" if _is_numeric(column) else "<", max(map(len, column))) for column in cells]
    for row in [columns, *rows]:
        line = (" " * GAPS[0]).join(f"{cell!s:{side}{width}}" for cell, (side, width) in zip(row, shapes, strict=True))
        click.echo(line.rstrip())


def fitting(columns: Sequence[str], rows: Sequence[Sequence[Cell]], width: int) -> RenderableType:
    """The rows as rich prints them within a width."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    def text(cell: Cell) -> Text:
        return cell if isinstance(cell, Text) else Text(str(cell))

    found = fitted_widths(columns, rows, width)
    if found is not None:
        widths, gap = found
        table = Table(box=None, header_style="bold", padding=(0, gap, 0, 0), pad_edge=False)
        for column, column_width in zip(_columns(columns, rows), widths, strict=True):
            side: Literal["left", "right"] = "right" if _is_numeric(column) else "left"
            table.add_column(column[0], width=column_width, overflow="fold", justify=side)
        for row in rows:
            table.add_row(*map(text, row))
        return table
    names = max(map(len, columns))
    records: list[RenderableType] = []
    for row in rows:
        record = Table(box=None, show_header=False, padding=(0, GAPS[0], 0, 0), pad_edge=False)
        record.add_column(style="bold", width=names)
        record.add_column(overflow="fold")
        for name, cell in zip(columns, row, strict=True):
            if str(cell):
                record.add_row(name, text(cell))
        records += [record, Text()]
    return Group(*records[:-1])


def fitted_widths(columns: Sequence[str], rows: Sequence[Sequence[Cell]], width: int) -> tuple[list[int], int] | None:
    """How wide each column of a table of at most `width` is, and the gap; None where words would have to be broken."""
    cells = _columns(columns, rows)
    widths = [max(map(len, column)) for column in cells]
    for gap in GAPS:
        if sum(widths) + gap * (len(columns) - 1) <= width:
            return widths, gap
    gap = GAPS[-1]
    least = [max(len(word) for cell in column for word in cell.split() or [""]) for column in cells]
    while sum(widths) + gap * (len(columns) - 1) > width:
        slack, column = max((have - need, place) for place, (have, need) in enumerate(zip(widths, least, strict=True)))
        if not slack:
            return None
        widths[column] -= 1
    return widths, gap


def _is_numeric(column: Sequence[str]) -> bool:
    """Whether what stands below a heading are numbers, with or without a unit."""
    cells = [cell for cell in column[1:] if cell not in ("", "-")]
    return bool(cells) and all(map(_NUMBER.fullmatch, cells))


def _columns(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """The texts of each column, its heading first."""
    return [[name, *(str(row[place]) for row in rows)] for place, name in enumerate(columns)]
