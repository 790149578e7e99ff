"""Answers that are too long are refused before they are there whole."""

import itertools
import json

import pytest
from thespis.actors.api import dispatch
from thespis.actors.api.registry import LIMIT, METHODS, Method

from tests.actors.api.test_rpc import answer, request


@pytest.fixture
def endless(monkeypatch):
    monkeypatch.setattr(dispatch, "ANSWER_BYTES_MAX", 10_000)
    taken = itertools.count()

    def build(items, name="Test.Endless"):
        method = Method(name, "read", ((),), lambda _node: (each for each in items if next(taken) >= 0))
        monkeypatch.setitem(METHODS, name, method)
        return taken

    return build


@pytest.mark.parametrize("item", ["x" * 98, {"a": ["b"]}, 7])
def test_a_list_is_written_no_further_than_an_answer_may_be_long(endless, item):
    taken = endless(itertools.repeat(item))
    [error] = [answer(request("Test.Endless"))[0]["error"]]
    assert error["code"] == LIMIT
    assert "10000 bytes" in error["message"]
    assert next(taken) <= 10_000 // len(json.dumps(item)) + 1


@pytest.mark.parametrize("items", [[], [1], [1, "a", None], [[], {}]])
def test_a_list_that_is_written_item_by_item_is_the_same(endless, items):
    endless(items)
    assert answer(request("Test.Endless"))[0]["result"] == items
