"""The count of rules: each outcome is noted where it happens, and what a module does is as without the counting."""

import ast

import pytest
from thespis.protocols.builtin.codes import name_of
from thespis.protocols.vm.runtime import EMPTY_OBJECT

from tests.conformance import reached, rules

SAMPLE = '''
"""A module."""

def rule(runtime, number, found=None):
    """What it says."""
    runtime.check(number >= 0, "negative")
    if number > 10 and found is None:
        return "much"
    try:
        with runtime.failing_as(16):
            runtime.load(number)
    except KeyError:
        return "nothing"
    said = "odd" if number % 2 else "even"
    for _ in range(number):
        said += "."
    return said, [each for each in (1, 2) if each > 1]

def told(state):
    """Somebody else says it."""
    raise NotImplementedError
'''


class Runtime:
    def check(self, holds, what):
        if not holds:
            raise ValueError(what)

    def load(self, number):
        if number == 7:
            raise KeyError(number)

    def failing_as(self, _code):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


@pytest.fixture
def sample(monkeypatch):
    """The sample's rule with the counting in it, and what was noted since."""
    counting = rules.Rules()
    monkeypatch.setattr(rules, "RULES", counting)
    tree = rules.Places("sample.py", SAMPLE).visit(ast.parse(SAMPLE))
    names = {"_rules": counting}
    exec(compile(tree, "sample.py", "exec"), names)

    def noted():
        return {(counting.places[number].text, counting.places[number].outcome) for number in counting.counted()}

    return names["rule"], noted


def test_what_a_call_reaches_is_noted(sample):
    rule, noted = sample
    assert rule(Runtime(), 3) == ("odd...", [2])
    assert noted() == {
        ("rule", "runs"), ('runtime.check(number >= 0, "negative")', "lets on"),
        ("number > 10 and found is None", "does not"), ("number > 10", "does not"),
        ("number % 2", "holds"), ("for _ in range(number)", "goes round"),
        ("each > 1", "holds"), ("each > 1", "does not"),
    }  # fmt: skip
    assert noted() == set()
    assert rule(Runtime(), 11) == "much"
    assert {("number > 10", "holds"), ("found is None", "holds")} <= noted()
    assert rule(Runtime(), 7) == "nothing"
    assert {("runtime.failing_as(16)", "refuses"), ("except KeyError", "catches")} <= noted()
    assert rule(Runtime(), 0) == ("even", [2])
    assert ("number % 2", "does not") in noted()
    with pytest.raises(ValueError, match="negative"):
        rule(Runtime(), -1)
    assert ('runtime.check(number >= 0, "negative")', "refuses") in noted()


def test_the_text_of_a_rule_is_kept_and_what_only_others_do_is_no_rule(sample):
    rule, _noted = sample
    assert rule.__doc__ == "What it says."
    assert {place.function for place in rules.RULES.places} == {"rule", ""}
    assert "told" not in {place.text for place in rules.RULES.places}


def test_modules_that_are_there_already_are_not_passed_over():
    assert name_of(EMPTY_OBJECT), "a module of the actors is there"
    with pytest.raises(RuntimeError, match="was imported before"):
        rules.install()


def test_what_nothing_reaches_is_named_or_told():
    place = rules.Place("market/tables.py", "MarketTables.lock", 174, "amount < 0", "holds")
    strange = place._replace(text="amount > 5")
    text, unnamed = reached.rules_reached([place, strange, place._replace(outcome="does not")], {0: {2}, 2: set()})
    assert unnamed == [strange]
    assert "| market/tables.py | 3 | 1 | 0 | 2 |" in text
    assert "nobody knows why" in text
    assert reached.reason_of(place) == reached.IMPOSSIBLE
