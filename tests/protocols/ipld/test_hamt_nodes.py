"""Decoded HAMT nodes that are remembered: within a bound of real memory, and without changing any answer."""

import hashlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.builtin.codes import code_of
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld import hamt
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.ipld.hamt import NODES_REMEMBERED_BYTES, Hamt, HamtVersion
from thespis.protocols.remembered import Remembered
from thespis.protocols.vm.state_tree import Actor


def state_entry(number):
    head = Cid.of(b"%d" % number)
    return Address.id(1000 + number).data, Actor(code_of("account", 2), head, number, 10**24 + number).to_wire()


def map_entry(number):
    return Address.secp256k1(b"%d" % number).data, 1000 + number


def blocks_of(entry, entries):
    store = MemoryBlockstore()
    tree = Hamt(store, version=HamtVersion.V0)
    for number in range(entries):
        tree.set(*entry(number))
    tree.flush()
    return [bytes(bytearray(block)) for _, block in store]


@pytest.mark.parametrize("entry", [state_entry, map_entry])
def test_nodes_take_no_more_memory_than_is_counted(monkeypatch, entry):
    """What a node is counted as covers it and its block; the bound in bytes is one of real memory."""
    remembered = Remembered(NODES_REMEMBERED_BYTES)
    monkeypatch.setattr(hamt, "_nodes", remembered)
    blocks = blocks_of(entry, 5_000)
    tracemalloc.start()
    try:
        for block in blocks:
            hamt._pointers(bytes(bytearray(block)), 5, HamtVersion.V0)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(remembered) == len(set(blocks))
    assert taken <= remembered.size_bytes <= 3 * taken


def test_nodes_beyond_the_bound_are_decoded_again_and_change_nothing(monkeypatch):
    """With room for a few nodes only, every entry of a map of thousands is still found."""
    remembered = Remembered(50_000)
    monkeypatch.setattr(hamt, "_nodes", remembered)
    store = MemoryBlockstore()
    tree = Hamt(store, version=HamtVersion.V0)
    for number in range(2_000):
        tree.set(hashlib.sha256(b"%d" % number).digest(), number)
    root = tree.flush()
    for _ in range(2):
        again = Hamt(store, root, version=HamtVersion.V0)
        assert [again.get(hashlib.sha256(b"%d" % number).digest()) for number in range(2_000)] == list(range(2_000))
        assert 0 < remembered.size_bytes <= 50_000


def test_a_form_of_node_is_not_taken_for_another():
    """The same block is one node in version 0 and none in version 3."""
    [block] = blocks_of(map_entry, 1)
    assert hamt._pointers(block, 5, HamtVersion.V0)
    for width, version in ((5, HamtVersion.V3), (3, HamtVersion.V0)):
        with pytest.raises(hamt.NodeError):
            hamt._pointers(block, width, version)


@given(
    st.dictionaries(st.binary(max_size=40), st.recursive(st.integers(0, 9) | st.binary(max_size=300), st.lists)),
    st.sampled_from(HamtVersion),
    st.integers(1, 8),
)
def test_a_node_is_encoded_as_its_wire_form(entries, version, width):
    """The encoder by pointers against the encoder of everything, in which version 0 tags links and buckets."""
    store = MemoryBlockstore()
    tree = Hamt(store, version=version, bit_width=width)
    for key, value in entries.items():
        tree.set(key, value)
    tree.flush()
    for cid, block in store:
        pointers = hamt._parse(block, width, version)
        wire = [each if isinstance(each, Cid) else [list(entry) for entry in each] for _, each in pointers]
        if version is HamtVersion.V0:
            wire = [{"0": each} if isinstance(each, Cid) else {"1": each} for each in wire]
        bits = sum(1 << slot for slot, _ in pointers)
        whole = cbor.encode([bits.to_bytes((bits.bit_length() + 7) // 8, "big"), wire])
        assert (block, cid) == (whole, Cid.of(whole))
    again = Hamt(store, tree.flush(), version=version, bit_width=width)
    assert dict(again.items()) == entries
