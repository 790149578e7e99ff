"""The documentation holds: every path and name in it exists, and so does every command; its examples run."""

import ast
import doctest
import functools
import importlib
import re
import shlex

import click
import pytest

from tests.test_tidy import ROOT, SOURCES, TOP_LEVEL

PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "ARCHITECTURE.md"])
FOLDERS = ("actors", "protocols", "runtime", "deploy", "tests", "docs", ".ci")
FILES = tuple(name for name in TOP_LEVEL if "." in name[1:] or name in ("Makefile", "LICENSE"))
PATH = re.compile(r"(?P<path>[\w.*{}-]+(?:/[\w.*{}-]+)*/?)(?:::(?P<name>[\w.]+))?")
QUESTIONS = 17


def named_paths(text):
    """Every path of this checkout that a page has in backquotes or as a link's target, with the name sought in it."""
    prose = re.sub(r"^```.*?^```|^New file `.*?$", "", text, flags=re.S | re.M)
    spans = [*re.findall(r"`([^`\n]+)`", prose), *re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose)]
    for span in spans:
        match = PATH.fullmatch(span)
        if match and ((match["path"].partition("/")[0] in FOLDERS and "/" in span) or match["path"] in FILES):
            yield match["path"], match["name"]


@functools.cache
def names_in(path):
    """What a module defines, and of its classes the members, as dotted names."""
    found = set()

    def look(body, prefix):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                look(node.body, f"{prefix}{node.name}.")
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found.update(prefix + each.id for each in ast.walk(ast.Tuple(targets)) if isinstance(each, ast.Name))
            if isinstance(node, ast.If | ast.Try):
                look(node.body, prefix)

    look(ast.parse(path.read_text()).body, "")
    return found


def missing(text):
    """The paths and names of a page that are not there."""
    for path, name in named_paths(text):
        places = list(ROOT.glob(path)) if "*" in path else [ROOT / path]
        if not places or not all(place.exists() for place in places):
            yield path
        elif name and not any(name in names_in(place) for place in places):
            yield f"{path}::{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page):
    assert sorted(set(missing(page.read_text()))) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_docstring_names_exists(path):
    """Files of others, such as Lotus', stand in double backquotes."""
    texts = [
        node.value.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    assert sorted(set(missing(re.sub(r"``.*?``", "", "\n".join(texts), flags=re.S)))) == []


def test_what_is_not_there_is_noticed():
    page = "`tests/test_docs.py::missing` `actors/nowhere.py` `tests/test_docs.py::nothing` [x](docs/gone.md) `run/`"
    assert list(missing(page)) == ["actors/nowhere.py", "tests/test_docs.py::nothing", "docs/gone.md"]


def test_seventeen_questions_are_answered():
    rows = [row for row in (ROOT / "docs" / "where.md").read_text().splitlines() if row.startswith("| ")][1:]
    assert len(rows) == QUESTIONS
    for row in rows:
        question, place, _next = row.strip("| ").split(" | ")
        assert list(named_paths(place)), question


def commands(text):
    """The words of every `thespis` command that a page shows at a prompt."""
    for line in re.findall(r"^\$ (?:\w+=\S+ )?thespis (.*)$", text, re.M):
        yield shlex.split(line, comments=True)


def unknown_words(words):
    """The options and the commands among a command line's words that `thespis` does not have."""
    from thespis.deploy.cli.main import cli

    command, context, position = cli, click.Context(cli), 0
    while position < len(words):
        word = words[position]
        options = {name: option for option in command.get_params(context) for name in option.opts}
        if word.startswith("--"):
            if word not in options:
                yield word
            elif not getattr(options[word], "is_flag", True):
                position += 1
        elif isinstance(command, click.Group):
            command = command.get_command(context, word)
            if command is None:
                yield word
                return
        position += 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_exists(page):
    text = page.read_text()
    assert {" ".join(words): unknown for words in commands(text) if (unknown := list(unknown_words(words)))} == {}


def test_an_unknown_command_is_noticed():
    assert list(unknown_words(["--home", "HOME", "chain", "lsx"])) == ["lsx"]
    assert list(unknown_words(["ps", "--wach"])) == ["--wach"]


@pytest.mark.parametrize("module", ["thespis.actors.node.settings", "thespis.actors.testing"])
def test_examples_in_docstrings_run(module):
    done = doctest.testmod(importlib.import_module(module))
    assert done.attempted
    assert not done.failed
