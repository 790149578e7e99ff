"""The book of sectors: what is written is read again, and pieces are laid out without gaps."""

from hypothesis import given
from hypothesis import strategies as st
from thespis.actors.messages.sector_builder import Sector, SectorState
from thespis.actors.sector_builder.book import SectorBook, is_whole, laid_out, room_bytes
from thespis.protocols.proofs.porep import place_pieces
from thespis.runtime.sectors.jobs import Piece
from thespis.runtime.store.memory import MemoryDisk

sizes = st.lists(st.sampled_from([128, 256, 512, 1024]), min_size=1, max_size=16)


def piece(key, size):
    return Piece(key, f"/{key}", size * 127 // 128, size, key.encode().ljust(32, b"\x01"))


@given(sizes)
def test_pieces_are_laid_out_as_the_chain_lays_them_out(listed):
    placed = laid_out(piece(str(number), size) for number, size in enumerate(listed))
    assert {each.key for each in placed} == {str(number) for number in range(len(listed))}
    total = sum(listed)
    assert [each.offset for each in placed] == [
        each.offset for each in place_pieces([(each.root, each.padded_bytes) for each in placed], 1 << 20)
    ]
    assert max(each.offset + each.padded_bytes for each in placed) == total


@given(st.data())
def test_a_book_is_read_again_as_it_was_written(data):
    disk = MemoryDisk()
    store = disk.open("sectors", owner=disk)
    book = SectorBook(store)
    expected = {}
    for number in range(data.draw(st.integers(1, 3))):
        book.write(Sector(number, 0, 1000))
    for step in range(data.draw(st.integers(0, 12))):
        sector = book.with_room(data.draw(st.sampled_from([128, 1024])))
        action = data.draw(st.sampled_from(["add", "root", "without"]))
        if action == "add" and sector is not None:
            book.add(sector.number, Piece(str(step), "/", 127, 1024))
            expected[str(step)] = sector.number
        elif expected and action != "add":
            key = data.draw(st.sampled_from(sorted(expected)))
            if action == "root":
                book.rooted(expected[key], key, b"\x01" * 32)
            else:
                book.without(expected.pop(key), key)
    again = SectorBook(store)
    assert again.sectors == book.sectors
    for each in book.sectors.values():
        assert room_bytes(each) >= 0
        assert is_whole(each) == all(part.root for part in each.pieces)
    for key, number in expected.items():
        assert again.find(key)[0].number == number
    assert again.find("nothing") is None


def test_a_sector_that_loses_its_last_piece_takes_new_ones():
    disk = MemoryDisk()
    book = SectorBook(disk.open("sectors", owner=disk))
    book.write(Sector(1, 0, 1000, SectorState.PACKED, (piece("a", 128), piece("b", 128))))
    assert book.without(1, "a").state is SectorState.PACKED
    assert book.without(1, "b").state is SectorState.STAGING
