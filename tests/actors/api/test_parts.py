"""Long answers to calls from inside: in parts, each once, of a bounded number of answers."""

import pytest
from thespis.actors.api import parts as module
from thespis.actors.api.parts import PartGoneError, Parts
from thespis.runtime.actor.message import MESSAGE_BYTES_MAX


def test_a_part_is_well_within_a_frame():
    assert module.PART_BYTES_MAX * 4 == MESSAGE_BYTES_MAX


def test_an_answer_comes_whole_or_in_parts(monkeypatch):
    monkeypatch.setattr(module, "PART_BYTES_MAX", 4)
    parts = Parts()
    assert parts.first(b"1234").rest == 0
    reply, bodies = parts.first(b"123456789"), []
    while True:
        bodies.append(reply.body)
        if not reply.rest:
            break
        before, reply = reply.rest, parts.following(reply.rest)
        with pytest.raises(PartGoneError, match="is gone"):
            parts.following(before)
    assert bodies == [b"1234", b"5678", b"9"]


def test_the_rests_of_few_answers_are_kept(monkeypatch):
    monkeypatch.setattr(module, "PART_BYTES_MAX", 1)
    parts = Parts()
    numbers = [parts.first(b"12").rest for _ in range(module.ANSWERS_KEPT + 1)]
    with pytest.raises(PartGoneError):
        parts.following(numbers[0])
    assert [parts.following(number).body for number in numbers[1:]] == [b"2"] * module.ANSWERS_KEPT
