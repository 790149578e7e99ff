"""Tables: whatever the width, every identifier is there whole, and nothing is left out without a sign."""

import dataclasses
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text
from thespis.deploy.cli import tables
from thespis.deploy.cli.tables import GAPS, fitted_widths, fitting, print_table

from tests.properties import examples

CID = "bafy2bzacedswlcz5ddgqnyo3sak3jmhmkxashisnlpq6ujgyhe4mlobzpnhs6"
BLS = "f3qgc5bmqz3eyrn6bxgsoqo6n3jxikfz3sbyz6fh4uqxyhpyvlwwzq7qg4o5ljo6hrfw3oz7ajdkkblm2lkb4a"
ROWS = [(CID, BLS, 3, "1.5 FIL"), (CID, "f01000", 12, "0 FIL")]
COLUMNS = ("CID", "FROM", "NONCE", "VALUE")


def printed(columns, rows, width):
    console = Console(width=width, file=io.StringIO(), highlight=False, color_system=None)
    console.print(fitting(columns, rows, width))
    return console.file.getvalue()


def unwrapped(text):
    return "".join(text.split())


@pytest.mark.parametrize("width", [20, 40, 80, 100, 200])
def test_identifiers_are_whole_at_every_width(width):
    text = printed(COLUMNS, ROWS, width)
    for line in text.splitlines():
        assert len(line.rstrip()) <= width
    for word in (CID, BLS, "1.5FIL", "f01000", *COLUMNS):
        assert word in unwrapped(text), (width, text)
    assert "…" not in text


def test_wide_enough_is_a_table_and_else_records_with_every_name():
    assert printed(COLUMNS, ROWS, 200).splitlines()[0].split() == list(COLUMNS)
    records = printed(COLUMNS, ROWS, 80)
    assert records.count("NONCE") == 2
    assert f"CID    {CID}" in records


def test_text_wraps_between_words_before_anything_becomes_a_record():
    rows = [("Syncer", "SIGKILL: the disk of this machine is full, and nothing can be written to it any more")]
    text = printed(("ROLE", "LAST EXIT"), rows, 40)
    assert text.count("LAST EXIT") == 1
    assert "machine" in text


def test_anybody_s_brackets_are_no_markup_and_colours_are_given_as_such():
    rows = [("[red]x[/]", Text("running", "green")), ("[/]", "[link=file:///]")]
    text = printed(("KEY", "STATE"), rows, 80)
    for word in ("[red]x[/]", "[/]", "[link=file:///]", "running"):
        assert word in text


def test_a_pipe_has_lines_as_long_as_they_have_to_be(capsys):
    print_table(COLUMNS, [(CID * 10, BLS, 3, "[/]")])
    head, row = capsys.readouterr().out.splitlines()
    assert row == f"{CID * 10}  {BLS}      3  [/]"
    assert head.split() == list(COLUMNS)
    print_table(("A",), [])
    assert capsys.readouterr().out == "A\n"


def test_a_terminal_is_asked_how_wide_it_is(monkeypatch, capsys):
    monkeypatch.setattr(tables.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    print_table(COLUMNS, ROWS)
    out = capsys.readouterr().out
    assert f"CID    {CID}\nFROM   {BLS}\nNONCE  3\n" in out, "a line is the terminal's to break"
    monkeypatch.setenv("COLUMNS", "200")
    print_table(COLUMNS, ROWS)
    assert capsys.readouterr().out.count("NONCE") == 1


WORDS = st.text(st.characters(codec="ascii", categories=("L", "N", "Zs")), max_size=30)


def test_the_table_of_processes_is_a_table_on_the_narrowest_terminal():
    from thespis.actors.node.actor import FilecoinNode
    from thespis.deploy.cli.node import COLUMNS as PROCESS_COLUMNS
    from thespis.deploy.cli.node import process_rows
    from thespis.runtime.actor.child import NO_STATISTICS
    from thespis.runtime.actor.envelopes import ChildState, ProcessRow, ProcessTable

    busy = dataclasses.replace(NO_STATISTICS, process_id=4_194_304, memory_bytes=999 << 20, p50_s=0.9999, p99_s=75.0)
    table = ProcessTable(tuple(
        ProcessRow(child.name, ChildState.RUNNING, 1, 0, ("SIGKILL",), {}, 99.9, busy)
        for child in FilecoinNode.plan.children
    ))  # fmt: skip
    assert fitted_widths(PROCESS_COLUMNS, process_rows(table), 80) is not None


@settings(max_examples=examples(100))
@given(st.lists(st.lists(WORDS, min_size=3, max_size=3), max_size=5), st.integers(1, 120))
def test_widths_fit_and_break_no_word(rows, width):
    found = fitted_widths(("A", "B", "C"), rows, width)
    if found is None:
        return
    widths, gap = found
    assert gap in GAPS
    assert sum(widths) + 2 * gap <= width
    for place, have in enumerate(widths):
        assert all(len(word) <= have for row in rows for word in row[place].split())
