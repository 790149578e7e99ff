"""Pages: everything is told once, in order, and no page nor any other list is larger than a frame."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.runtime.actor import pages
from thespis.runtime.actor.conversation import Ask, Role
from thespis.runtime.actor.message import MESSAGE_BYTES_MAX, Registry, message
from thespis.runtime.actor.pages import PAGE_BYTES_MAX, PAGE_ITEMS_MAX, Page, all_pages, page_of
from thespis.runtime.errors import MessageError

from tests.properties import examples

SHELF = Role("Shelf", "")


@message
class ReadBooks(Ask[Page[bytes]], to=SHELF):
    """Every book."""

    after: bytes = b""


def told(items, size=len):
    """Everything that pages of these items tell, and how many items each page had."""
    counts = []

    async def ask(question):
        page = page_of(items, question.after, size)
        counts.append(len(page[0]))
        return page

    coroutine = all_pages(ask, ReadBooks())
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    return stop.value.value, counts


def test_the_bounds_leave_room_in_a_frame():
    assert PAGE_BYTES_MAX * 4 == MESSAGE_BYTES_MAX
    assert PAGE_ITEMS_MAX == 10_000


def test_pages_are_bounded_by_bytes_and_by_count(monkeypatch):
    monkeypatch.setattr(pages, "PAGE_BYTES_MAX", 10)
    monkeypatch.setattr(pages, "PAGE_ITEMS_MAX", 3)
    items = [(bytes([number]), bytes(size)) for number, size in enumerate((4, 4, 4, 11, 1, 1, 1, 1, 1))]
    everything, counts = told(items)
    assert everything == [item for _key, item in items]
    assert counts == [2, 1, 1, 3, 2]
    assert told([]) == ([], [0])


@settings(max_examples=examples(60))
@given(st.dictionaries(st.binary(min_size=1, max_size=3), st.integers(0, 30), max_size=30), st.integers(1, 40))
def test_everything_is_told_once_in_the_order_of_keys(kept, room):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "PAGE_BYTES_MAX", room)
        everything, counts = told([(key, (key, size)) for key, size in kept.items()], lambda item: item[1])
    assert everything == sorted(kept.items())
    assert sum(counts) == len(kept)


def test_what_is_there_all_the_while_is_told_once_whatever_comes_and_goes(monkeypatch):
    monkeypatch.setattr(pages, "PAGE_ITEMS_MAX", 2)
    first, after = page_of([(b"b", 2), (b"d", 4), (b"f", 6)], b"", lambda _item: 1)
    assert (first, after) == ((2, 4), b"d")
    assert page_of([(b"a", 1), (b"e", 5), (b"f", 6)], after, lambda _item: 1) == ((5, 6), b"")


@pytest.mark.parametrize(
    ("answer", "bound", "fields", "words"),
    [
        (tuple[int, ...], 0, {}, "is answered with a list; say answer_bytes_max="),
        (dict[str, int], 0, {}, "is answered with a list"),
        (tuple[str, tuple[bytes, ...]], 0, {}, "is answered with a list"),
        (tuple[bytes, ...] | None, 0, {}, "is answered with a list"),
        (int, MESSAGE_BYTES_MAX + 1, {}, "a frame holds"),
        (int, -1, {}, "a frame holds"),
        (Page[int], 0, {}, "no field `after"),
    ],
)
def test_a_list_that_may_outgrow_a_frame_cannot_be_declared(answer, bound, fields, words):
    kind = type("Asked", (Ask,), {"__annotations__": fields, "__orig_bases__": (Ask[answer],)})
    kind.addressee, kind.reply_hint, kind.answer_bytes_max = SHELF, answer, bound
    import dataclasses

    with pytest.raises(MessageError, match=words):
        Registry().declare(dataclasses.dataclass(frozen=True)(kind), "Asked")


def test_every_list_that_is_answered_says_how_long_it_is_or_comes_in_pages():
    """What no declaration can do without, seen once more over all that a node's subsystems say."""
    from thespis.deploy.messages import entries
    from thespis.runtime.actor.fields import holds_a_list, is_page
    from thespis.runtime.actor.message import REGISTRY

    assert entries()
    asked = [kind for kind in REGISTRY.declared() if issubclass(kind, Ask)]
    paged = {kind.__name__ for kind in asked if is_page(kind.reply_hint)}
    assert paged >= {"ListMessages", "GetMessages", "ListKeys", "ReadSectors", "ReadDeals"}
    for kind in asked:
        if holds_a_list(kind.reply_hint) and not is_page(kind.reply_hint):
            assert 0 < kind.answer_bytes_max <= MESSAGE_BYTES_MAX, kind.__name__


def test_what_is_said_of_lists_is_so():
    """The largest answers of each kind, encoded."""
    from thespis.actors.demo import ENTRIES_MAX, ENTRY_BYTES_MAX, Book, ReadBook
    from thespis.actors.messages.syncer import HEAD_BYTES_MAX, Head, ReadHead
    from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX
    from thespis.protocols.encoding.cid import Cid
    from thespis.runtime.actor.message import REGISTRY

    names = tuple(f"Ledger-3/{number:06d}" for number in range(ENTRIES_MAX))
    head = Head((Cid.of(b"block"),) * TIPSET_BLOCKS_MAX, 1 << 62, 1 << 1000)
    for question, answer, bound in (
        (ReadBook, Book(names, names), 2 * ENTRIES_MAX * ENTRY_BYTES_MAX),
        (ReadHead, head, HEAD_BYTES_MAX),
    ):
        import msgpack
        from thespis.runtime.actor.fields import pack_extension

        assert question.answer_bytes_max == bound
        wire = REGISTRY.reply_to_wire(question, answer)
        assert len(msgpack.packb(wire, default=pack_extension)) <= bound < MESSAGE_BYTES_MAX
