"""What records say of their settings: types, bounds, defaults."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.runtime.settings import SHOWN_MAX, Setting, checked, parse_value, settings_of


def even(text):
    """An even number of letters."""
    if len(text) % 2:
        raise ValueError("is odd")
    return text


@dataclass(frozen=True)
class Room:
    """A room."""

    name: Annotated[str, Setting("room.name", "what it is called", check=even)] = ""
    chairs: Annotated[int, Setting("room.chairs", "seats", at_least=1, at_most=4)] = 2
    warmth: Annotated[float, Setting("room.warmth", "degrees", above=0, below=30.5)] = 20.0
    lit: Annotated[bool, Setting("room.lit", "whether the light is on")] = False
    colour: Annotated[str, Setting("room.colour", "of the walls", one_of=("red", "blue"))] = "red"
    guests: Annotated[tuple[str, ...], Setting("room.guests", "who comes", check=even)] = ()
    marks: Annotated[tuple[int, ...], Setting("room.marks", "heights of children", above=50)] = (60,)
    given: int = 7


FIELDS = {field.name: field for field in settings_of(Room)}


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("name", "ab", "ab"), ("chairs", 1, 1), ("chairs", 4, 4), ("warmth", 0.1, 0.1), ("warmth", 30, 30.0),
        ("lit", True, True), ("colour", "blue", "blue"), ("guests", ["ab", ""], ("ab", "")), ("guests", (), ()),
        ("marks", [51], (51,)),
    ],
)  # fmt: skip
def test_what_is_within_bounds_is_taken_in_the_records_type(name, value, kept):
    found = FIELDS[name].checked(value)
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("name", "abc", "is odd"), ("name", 1, "must be a text"), ("name", None, "must be a text"),
        ("chairs", 0, "must be at least 1 and at most 4"), ("chairs", 5, "must be at least 1 and at most 4"),
        ("chairs", 2.0, "must be a whole number"), ("chairs", True, "must be a whole number"),
        ("chairs", "2", "must be a whole number"),
        ("warmth", 0, "must be more than 0 and less than 30.5"), ("warmth", 30.5, "must be more than 0"),
        ("warmth", float("nan"), "ordinary size"), ("warmth", float("-inf"), "ordinary size"),
        ("warmth", 10**400, "ordinary size"), ("warmth", True, "must be a number"), ("warmth", "1", "must be a number"),
        ("lit", 1, "must be true or false"), ("lit", "true", "must be true or false"),
        ("colour", "green", "must be one of red, blue"),
        ("guests", "ab", "must be a list"), ("guests", {"ab": 1}, "must be a list"), ("guests", ["ab", "c"], "is odd"),
        ("guests", ["ab", 5], "must be a text, not 5"), ("marks", [60, 50], "must be more than 50"),
        ("marks", [60, True], "must be a whole number, not True"),
    ],
)  # fmt: skip
def test_what_is_not_is_refused_with_the_reason(name, value, reason):
    with pytest.raises(ValueError, match=reason):
        FIELDS[name].checked(value)


def test_only_marked_fields_are_settings():
    assert list(FIELDS) == ["name", "chairs", "warmth", "lit", "colour", "guests", "marks"]


def test_a_record_is_checked_whole():
    assert checked(Room()) == Room()
    with pytest.raises(ValueError, match=r"room\.chairs = 9: must be at least 1 and at most 4"):
        checked(Room(chairs=9))


@pytest.mark.parametrize("letters", [SHOWN_MAX - 3, SHOWN_MAX - 1, SHOWN_MAX + 99])
def test_a_refused_value_is_shown_in_a_bounded_number_of_characters(letters):
    shown = repr("x" * letters)[:SHOWN_MAX]
    with pytest.raises(ValueError, match=f"^room.name = {shown}: is odd$"):
        checked(Room(name="x" * letters))


def test_bounds_in_words():
    assert FIELDS["name"].setting.bounds == "an even number of letters"
    assert FIELDS["warmth"].setting.bounds == "more than 0 and less than 30.5"
    assert FIELDS["lit"].setting.bounds == ""


def test_a_record_that_cannot_be_is_refused_where_it_is_made_into_settings():
    @dataclass
    class NoDefault:
        x: Annotated[int, Setting("a.x", "")]

    @dataclass
    class NoType:
        x: Annotated[bytes, Setting("a.x", "")] = b""

    @dataclass
    class Pair:
        x: Annotated[tuple[int, int], Setting("a.x", "")] = (1, 2)

    @dataclass
    class Beyond:
        x: Annotated[int, Setting("a.x", "", above=5)] = 5

    for record, reason in (
        (NoDefault, "without a default"),
        (NoType, "of type <class 'bytes'>"),
        (Pair, "of type tuple"),
        (Beyond, "x = 5: must be more than 5"),
    ):
        with pytest.raises(TypeError, match=reason):
            list(settings_of(record))


def test_values_from_the_command_line():
    assert parse_value("12") == 12
    assert parse_value("true") is True
    assert parse_value('["a", "b"]') == ["a", "b"]
    assert parse_value("/ip4/127.0.0.1/tcp/1") == "/ip4/127.0.0.1/tcp/1"
    assert parse_value("") == ""


def test_a_text_needs_no_quotes_even_if_it_looks_like_another_value():
    for text, value in (("12", "12"), ("true", "true"), ('"alice"', "alice"), ("f01000", "f01000"), ("", "")):
        assert FIELDS["name"].parsed(text) == value
    assert FIELDS["chairs"].parsed("12") == 12
    assert FIELDS["guests"].parsed('["ab"]') == ["ab"]


@given(st.text(max_size=40))
def test_any_text_is_a_value(text):
    parse_value(text)
    assert isinstance(FIELDS["name"].parsed(text), str)
