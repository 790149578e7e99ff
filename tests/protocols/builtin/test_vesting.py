"""What a miner's rewards become: the schedule, the table, its encoding and what is remembered of it."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.builtin.storage_miner import vesting
from thespis.protocols.builtin.storage_miner.vesting import (
    TABLES_REMEMBERED_BYTES,
    VESTING_V1,
    VestingFunds,
    quantize_up,
)
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockNotFoundError, CborError, EncodeError
from thespis.protocols.ipld.blockstore import MemoryBlockstore, load
from thespis.protocols.remembered import Remembered


@given(st.integers(0, 10**24), st.integers(0, 10**6), st.integers(0, 3000))
def test_vesting_gives_out_exactly_what_was_locked(amount, epoch, offset):
    table = VestingFunds(()).lock(epoch, amount, offset, VESTING_V1)
    assert sum(each for _, each in table.funds) == amount
    assert [due for due, _ in table.funds] == sorted({due for due, _ in table.funds})
    assert VestingFunds.from_wire(table.to_wire()) == table
    left, freed = table.unlock(epoch + 10**7)
    assert (left.funds, freed) == ((), amount)


AMOUNT_LIMIT = 1 << 1016
"""A big integer has 127 bytes and a sign."""
AMOUNTS = st.integers(1 - AMOUNT_LIMIT, AMOUNT_LIMIT - 1) | st.integers(0, 1 << 90)
ROWS = st.lists(st.tuples(st.integers(-(1 << 63), (1 << 63) - 1), AMOUNTS))


@given(ROWS)
def test_a_vesting_table_is_encoded_as_its_wire_form(rows):
    """The encoder by rows against the encoder of everything; and the block decodes to the same table."""
    table, store = VestingFunds(tuple(rows)), MemoryBlockstore()
    assert table.encode() == cbor.encode(table.to_wire())
    assert store.get(table.save(store)) == table.encode()
    assert VestingFunds.load(store, table.save(store)) == table
    assert VestingFunds.from_wire(load(store, table.save(store))) == table


@pytest.mark.parametrize("row", [(1 << 64, 1), (1, AMOUNT_LIMIT), (1, -AMOUNT_LIMIT)])
def test_what_has_no_row_in_a_vesting_table(row):
    with pytest.raises((EncodeError, OverflowError)):
        VestingFunds((row,)).encode()


def test_a_remembered_vesting_table_is_read_from_the_store_all_the_same():
    """Reading costs gas, and a block that is not there is not there."""
    store, reads = MemoryBlockstore(), []
    cid = VestingFunds(((1, 2),)).save(store)
    with pytest.raises(BlockNotFoundError):
        VestingFunds.load(MemoryBlockstore(), cid)
    real, store.get = store.get, lambda cid: (reads.append(cid), real(cid))[1]
    assert VestingFunds.load(store, cid).funds == ((1, 2),)
    assert reads == [cid]


def test_remembered_vesting_tables_take_no_more_memory_than_is_counted(monkeypatch):
    """Tables of many miners: what each is counted as covers it and its block, and the bound holds."""
    remembered = Remembered(TABLES_REMEMBERED_BYTES)
    monkeypatch.setattr(vesting, "_tables", remembered)
    tables = [
        VestingFunds(()).lock(epoch, 10**20, epoch, VESTING_V1).lock(epoch + 9, 1, 7, VESTING_V1) for epoch in range(50)
    ]
    blocks = [(Cid.of(table.encode()), table.encode()) for table in tables]
    store = MemoryBlockstore()
    tracemalloc.start()
    try:
        for cid, block in blocks:
            store.put(cid, bytes(bytearray(block)))
            VestingFunds.load(store, cid)
        store = None
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(remembered) == 50
    assert taken <= remembered.size_bytes <= TABLES_REMEMBERED_BYTES
    small = Remembered(3 * remembered.size_bytes // 50)
    monkeypatch.setattr(vesting, "_tables", small)
    store = MemoryBlockstore()
    roots = [table.save(store) for table in tables]
    assert [VestingFunds.load(store, root) for root in roots] == tables
    assert small.size_bytes <= 3 * remembered.size_bytes // 50


@pytest.mark.parametrize("wire", [[], [1], [[[1]]], [[["x", b""]]], [[[1, b"\x02\x05"]]], "text", [[[1, 2]]]])
def test_what_is_no_vesting_table(wire):
    with pytest.raises(CborError):
        VestingFunds.from_wire(wire)


@given(st.integers(-1000, 10**6), st.integers(1, 3000), st.integers(-5000, 5000))
def test_quantizing_rounds_up_to_the_grid(epoch, unit, offset):
    rounded = quantize_up(epoch, unit, offset)
    assert epoch <= rounded < epoch + unit
    assert (rounded - offset) % unit == 0
