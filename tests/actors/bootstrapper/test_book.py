"""The book of known peers: bounded, durable, and not to be filled by a crowd."""

import pytest
from thespis.actors.bootstrapper import book as module
from thespis.actors.bootstrapper.book import ADDRESS_CHARACTERS_MAX, BOOK_MAX, FAILURES_MAX, PER_HOST_MAX, Book
from thespis.runtime.store.interface import METADATA, Put
from thespis.runtime.store.memory import MemoryDisk


def address(number, host=None):
    return f"/ip4/10.0.{number // 250 if host is None else host}.{number % 250 if host is None else 1}/tcp/{number}"


@pytest.fixture
def disk():
    return MemoryDisk()


def listed(book):
    return [peer for peer, _address in book.candidates(lambda items: None)]


def note_all(book, peers, *, reached, start=0):
    for number, peer in enumerate(peers, start):
        book.note(peer, address(number), reached=reached)


def test_what_is_noted_is_there_after_a_restart(disk):
    store = disk.open("peers")
    book = Book(store)
    note_all(book, ["a", "b"], reached=True)
    book.note("c", address(7), reached=False)
    store.write([Put(METADATA, b"peer/broken", b"\xff")])
    store.close()
    store = disk.open("peers")
    again = Book(store)
    assert sorted(again.candidates(lambda items: None)) == [("a", address(0)), ("b", address(1)), ("c", address(7))]
    assert not store.has(METADATA, b"peer/broken"), "what cannot be read is no reason to stop, and not kept"


def test_a_full_book_takes_who_was_reached_for_who_only_came_and_never_the_other_way(disk, monkeypatch):
    assert BOOK_MAX == 256
    monkeypatch.setattr(module, "BOOK_MAX", 4)
    book = Book(disk.open("peers"))
    note_all(book, ["a", "b"], reached=True)
    note_all(book, [f"crowd-{number}" for number in range(50)], reached=False, start=10)
    assert len(book) == 4
    assert listed(book)[:2] == ["a", "b"]
    note_all(book, ["c", "d", "e"], reached=True, start=100)
    assert sorted(listed(book)) == ["a", "b", "c", "d"], "and a place that is well filled is kept"
    book.failed("a")
    note_all(book, ["e"], reached=True, start=200)
    assert sorted(listed(book)) == ["b", "c", "d", "e"]


def test_one_host_has_a_bounded_number_of_places(disk):
    book = Book(disk.open("peers"))
    for number in range(20):
        book.note(f"name-{number}", address(number, host=9), reached=False)
    assert len(book) == PER_HOST_MAX
    book.note("true", address(99, host=9), reached=True)
    assert len(book) == PER_HOST_MAX
    assert listed(book)[0] == "true"


def test_a_peer_is_crossed_out_after_a_bounded_number_of_failures(disk):
    book = Book(disk.open("peers"))
    book.note("a", address(1), reached=True)
    for _ in range(FAILURES_MAX - 1):
        book.failed("a")
    book.note("a", address(1), reached=True)
    for _ in range(FAILURES_MAX - 1):
        book.failed("a")
    assert listed(book) == ["a"], "one after the other"
    book.failed("a")
    assert listed(book) == []
    book.failed("a")
    book._store.close()
    assert listed(Book(disk.open("peers"))) == []


def test_where_it_was_reached_is_kept_when_it_comes_from_elsewhere(disk):
    book = Book(disk.open("peers"))
    book.note("a", address(1), reached=True)
    book.note("a", address(2), reached=False)
    assert book.candidates(lambda items: None) == [("a", address(1))]
    book.note("a", address(3), reached=True)
    assert book.candidates(lambda items: None) == [("a", address(3))]


def test_an_address_has_a_bounded_length(disk):
    book = Book(disk.open("peers"))
    book.note("long", "/ip4/1.1.1.1/tcp/1" + "x" * ADDRESS_CHARACTERS_MAX, reached=True)
    assert len(book) == 0
