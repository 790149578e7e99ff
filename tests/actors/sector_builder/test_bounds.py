"""What a miner keeps and tells is bounded, so that each sector fits a message and a list of them is told in pages."""

import pytest
from thespis.actors.messages import sector_builder as messages
from thespis.actors.messages.sector_builder import (
    NUMBER_BYTES_MAX,
    PIECES_MAX,
    PROVEN_BYTES_MAX,
    PROVEN_SECTORS_MAX,
    SECTORS_MAX,
    SOURCE_BYTES_MAX,
    AddPiece,
    ProveSectors,
    ReadSectors,
    Sector,
    SectorState,
)
from thespis.actors.messages.storage_miner import Deal, ReadDeals, StorePiece
from thespis.actors.sector_builder import actor as builder_module
from thespis.actors.sector_builder import book as book_module
from thespis.actors.sector_builder.actor import SectorBuilder
from thespis.actors.sector_builder.book import SectorBook
from thespis.actors.storage_miner.actor import StorageMiner
from thespis.protocols.proofs.registry import SealProof
from thespis.runtime.actor import pages
from thespis.runtime.actor.message import MESSAGE_BYTES_MAX, REGISTRY
from thespis.runtime.sectors.errors import SectorDataError, SectorError
from thespis.runtime.sectors.jobs import PIECE_KEY_CHARACTERS_MAX, REASON_CHARACTERS_MAX, Piece, ProveWindow
from thespis.runtime.sectors.shelf import MemoryShelf, window_proof
from thespis.runtime.store.memory import MemoryDisk


@pytest.fixture
def builder():
    found = SectorBuilder()
    found.book = SectorBook(MemoryDisk().open("sectors"))
    return found


def failing(coroutine):
    with pytest.raises(SectorError) as error:
        coroutine.send(None)
    return str(error.value)


def test_the_largest_sector_fits_a_message():
    assert (PIECES_MAX, SOURCE_BYTES_MAX, SECTORS_MAX) == (1024, 4096, 100_000)
    piece = Piece("𝔭" * PIECE_KEY_CHARACTERS_MAX, "s" * SOURCE_BYTES_MAX, 1 << 40, 1 << 40, bytes(32), 1 << 40)
    sector = Sector(1, 1, 1000, SectorState.SEALED, (piece,) * PIECES_MAX, bytes(32), 1, bytes(32), bytes(32))
    assert len(REGISTRY.encode(sector)) < MESSAGE_BYTES_MAX // 2
    assert messages.SealStaged.answer_bytes_max == SECTORS_MAX * NUMBER_BYTES_MAX < MESSAGE_BYTES_MAX
    assert PROVEN_SECTORS_MAX * PROVEN_BYTES_MAX <= ProveSectors.answer_bytes_max < MESSAGE_BYTES_MAX


def test_a_sector_that_has_as_many_pieces_as_it_may_takes_no_more(builder, monkeypatch):
    monkeypatch.setattr(book_module, "PIECES_MAX", 2)
    builder.book.write(Sector(1, SealProof.of_size(2048).number, 1000))
    for key in ("a", "b"):
        assert builder.book.with_room(128).number == 1
        builder.book.add(1, Piece(key, "source", 100, 128))
    assert builder.book.with_room(128) is None


def test_a_source_has_a_bounded_name(builder):
    long = "é" * (SOURCE_BYTES_MAX // 2) + "x"
    assert f"{SOURCE_BYTES_MAX + 1} bytes" in failing(builder.add_piece(AddPiece("key", long, 100)))
    miner = StorageMiner()
    with pytest.raises(SectorError, match=f"at most {SOURCE_BYTES_MAX}"):
        miner.store_piece(StorePiece("key", long, 100))


def test_sectors_are_kept_in_bounded_number(builder, monkeypatch):
    monkeypatch.setattr(builder_module, "SECTORS_MAX", 1)
    builder._own_identity = lambda: None
    builder.book.write(Sector(1, 5, 1000))
    with pytest.raises(SectorError, match="1 sectors are kept"):
        builder._open_sector()


def test_a_proof_covers_a_bounded_number_of_sectors(builder):
    numbers = tuple(range(PROVEN_SECTORS_MAX + 1))
    assert f"1 to {PROVEN_SECTORS_MAX} are proven at once" in failing(
        builder.prove_sectors(ProveSectors(numbers, bytes(32)))
    )


def test_why_a_sector_cannot_be_proven_is_cut():
    class Wordy(MemoryShelf):
        def seal_proof(self, number):
            raise SectorDataError("x" * (REASON_CHARACTERS_MAX + 1))

    [fault] = window_proof(Wordy({}), ProveWindow((1,), bytes(32))).faults
    assert fault.reason == "x" * REASON_CHARACTERS_MAX


def everything(answer, question):
    async def ask(asked):
        return answer(asked)

    with pytest.raises(StopIteration) as stop:
        pages.all_pages(ask, question).send(None)
    return stop.value.value


def test_sectors_and_deals_are_told_in_pages(builder, monkeypatch):
    monkeypatch.setattr(pages, "PAGE_ITEMS_MAX", 3)
    for number in (300, *range(10)):
        builder.book.write(Sector(number, 5, 1000))
    assert len(builder.read_sectors(ReadSectors())[0]) == 3
    found = everything(builder.read_sectors, ReadSectors())
    assert [status.sector.number for status in found] == [*range(10), 300]
    miner = StorageMiner()
    miner._deals = {key: Deal(key, "source", 1) for key in "bdace"}
    assert [deal.key for deal in everything(miner.read_deals, ReadDeals())] == list("abcde")
    assert len(miner.read_deals(ReadDeals())[0]) == 3
