"""Maps and arrays as of 2020: the same roots as the plain ones, and the reads and writes that gas was charged for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.errors import EncodeError, NodeError
from thespis.protocols.ipld import hamt
from thespis.protocols.ipld.amt import Amt, AmtVersion
from thespis.protocols.ipld.blockstore import MemoryBlockstore, load, save
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import BITFIELD_BYTES_MAX, V0_BUCKET_ENTRIES_MAX, HistoricArray, HistoricMap
from thespis.protocols.ipld.historic_array import HEIGHT_MAX, INDEX_MAX

from tests.protocols.ipld.historic_sequences import mixed

keys = st.integers(0, 400).map(lambda n: n.to_bytes(2, "big"))
operations = st.lists(st.tuples(st.sampled_from(["set", "delete", "get", "items", "flush"]), keys, st.integers(0, 9)))


class CountingStore(MemoryBlockstore):
    """Counts what gas would be charged for."""

    def __init__(self):
        super().__init__()
        self.gets = self.puts = 0

    def get(self, cid):
        self.gets += 1
        return super().get(cid)

    def put(self, cid, block):
        self.puts += 1
        super().put(cid, block)


@given(operations)
def test_a_map_has_the_root_of_a_plain_one(steps):
    store = MemoryBlockstore()
    ours, plain = HistoricMap(store), Hamt(store, version=HamtVersion.V0)
    for action, key, value in steps:
        if action == "set":
            ours.set(key, value)
            plain.set(key, value)
        elif action == "delete":
            assert ours.delete(key) == plain.delete(key)
        elif action == "get":
            assert ours.get(key) == plain.get(key)
        elif action == "items":
            assert list(ours.items()) == list(plain.items())
        else:
            ours = HistoricMap(store, ours.flush())
    assert ours.flush() == plain.flush()


@given(operations)
def test_an_array_has_the_root_of_a_plain_one_unless_it_was_emptied(steps):
    store = MemoryBlockstore()
    ours, plain, emptied = HistoricArray(store), Amt(store, version=AmtVersion.V0), False
    for action, key, value in steps:
        index = int.from_bytes(key, "big")
        if action == "set":
            ours.set(index, value)
            plain.set(index, value)
        elif action == "delete":
            assert ours.delete(index) == plain.delete(index)
            emptied |= not len(plain)
        elif action == "get":
            assert ours.get(index) == plain.get(index)
        elif action == "items":
            assert list(ours.items(index)) == list(plain.items(index))
        else:
            ours = HistoricArray(store, ours.flush())
    root = ours.flush()
    assert list(HistoricArray(store, root).items()) == list(plain.items())
    if not emptied:
        assert root == plain.flush()


def test_what_is_looked_at_is_written_again():
    store = CountingStore()
    many = HistoricMap(store)
    for number in range(200):
        many.set(number.to_bytes(2, "big"), number)
    root = many.flush()
    store.gets = store.puts = 0
    again = HistoricMap(store, root)
    assert (store.gets, store.puts) == (1, 0)
    again.get(b"\x00\x07")
    depth = store.gets - 1
    assert depth >= 1
    assert again.flush() == root
    assert store.puts == 1 + depth
    assert store.gets == 1 + depth


def test_walking_an_array_keeps_nothing_and_growing_writes():
    store = CountingStore()
    array = HistoricArray(store)
    for number in range(9):
        array.set(number, number)
    assert store.puts == 1, "the root of eight was written when it became a leaf"
    root = array.flush()
    store.gets = store.puts = 0
    array = HistoricArray(store, root)
    assert [value for _index, value in array.items()] == list(range(9))
    assert [value for _index, value in array.items()] == list(range(9))
    assert (store.gets, store.puts) == (5, 0)
    array.flush()
    assert store.puts == 1
    for number in range(9):
        array.delete(number)
    emptied = array.flush()
    assert emptied != HistoricArray(store).flush(), "it keeps its height"
    assert list(HistoricArray(store, emptied).items()) == []


def test_an_array_reaches_its_bounds():
    store = MemoryBlockstore()
    assert (INDEX_MAX, HEIGHT_MAX) == ((1 << 63) - 1, 20)
    array = HistoricArray(store)
    array.set(INDEX_MAX, b"last")
    again = HistoricArray(store, array.flush())
    assert (again.get(INDEX_MAX), again.get(INDEX_MAX - 1)) == (b"last", None)
    assert load(store, again.flush())[0] == HEIGHT_MAX
    for refused in (array.set, array.get):
        with pytest.raises(EncodeError):
            refused(INDEX_MAX + 1, b"")
    with pytest.raises(NodeError, match="height 21"):
        HistoricArray(store, save(store, [HEIGHT_MAX + 1, 0, [b"\0", [], []]]))


def test_a_node_of_a_map_is_read_up_to_the_libraries_bounds():
    store = MemoryBlockstore()
    assert (BITFIELD_BYTES_MAX, V0_BUCKET_ENTRIES_MAX) == (256, 32)

    def opened(zeros, entries):
        bucket = [[bytes([number]), number] for number in range(entries)]
        return list(HistoricMap(store, save(store, [bytes(zeros) + b"\x01", [{"1": bucket}]])).items())

    assert len(opened(BITFIELD_BYTES_MAX - 1, V0_BUCKET_ENTRIES_MAX)) == V0_BUCKET_ENTRIES_MAX
    with pytest.raises(NodeError, match="bitfield of 257 bytes"):
        opened(BITFIELD_BYTES_MAX, 1)
    with pytest.raises(NodeError, match="bucket has 0 to 32 entries"):
        opened(0, V0_BUCKET_ENTRIES_MAX + 1)


crowded = st.integers(0, 5).map(lambda n: bytes([7, 7, n * 40]))


@given(st.lists(st.tuples(st.sampled_from(["set", "set", "delete", "delete", "flush"]), crowded, st.integers(0, 9))))
def test_what_is_remembered_of_a_node_keeps_the_order_of_its_entries(steps):
    """Nodes that are remembered decoded, and read again, are written as they were; forgetting them changes nothing."""
    stores = CountingStore(), CountingStore()
    maps = [HistoricMap(store, hash_function=mixed) for store in stores]
    for action, key, value in steps:
        for ours, forgets in zip(maps, (False, True), strict=True):
            if forgets:
                hamt._nodes.clear()
            if action == "set":
                ours.set(key, value)
            elif action == "delete":
                ours.delete(key)
        if action == "flush":
            roots = [ours.flush() for ours in maps]
            before = list(maps[0].items())
            maps = [HistoricMap(store, root, hash_function=mixed) for store, root in zip(stores, roots, strict=True)]
            assert list(maps[0].items()) == list(maps[1].items()) == before
            assert [ours.flush() for ours in maps] == roots
        assert stores[0].puts == stores[1].puts
    assert maps[0].flush() == maps[1].flush()
