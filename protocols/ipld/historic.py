"""Maps and arrays that read and write their nodes as the network's libraries of 2020 did.

Gas is charged for each node that is read and written, so the chain's receipts depend on habits of those libraries that
the data does not need: a root is read when it is opened and written at every flush; so is every node that was only
looked at; walking an array does not keep the nodes it reads; a bucket that overflows is written at once. So do its
roots: up to actors v0 the entries of a collapsed node are not sorted, and an array that was emptied keeps its height
and may keep a value that nobody can reach. All of it is held against those libraries by recorded runs
(go-hamt-ipld v0.1.5 and v2.0.0, go-amt-ipld v2.1.0).
"""

from __future__ import annotations

from enum import Enum
from itertools import pairwise
from typing import Any

from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import CHAIN_PREFIX, Cid
from thespis.protocols.errors import NodeError
from thespis.protocols.ipld.blockstore import Blockstore, save_block
from thespis.protocols.ipld.hamt import BUCKET_ENTRIES, Entry, Hamt, HamtVersion, HashFunction, sha256
from thespis.protocols.ipld.hamt import _Link as MapLink
from thespis.protocols.ipld.hamt import _Node as MapNode
from thespis.protocols.ipld.hamt import _node_of as map_node_of
from thespis.protocols.ipld.hamt import _parse_pointer as parse_pointer
from thespis.protocols.ipld.hamt import _Pointers as MapPointers
from thespis.protocols.ipld.hamt import _remembered as remembered
from thespis.protocols.ipld.historic_array import HistoricArray
from thespis.protocols.ipld.seen import Seen

__all__ = ["HistoricArray", "HistoricMap", "UnsortedMap"]

BITFIELD_BYTES_MAX = 256
"""Longest bitfield that the libraries read; of 256 slots, the most that a node has, 32 bytes are needed."""
V0_BUCKET_ENTRIES_MAX = 32
"""Largest bucket that go-hamt-ipld v0.1.5 reads; it writes none of more than three."""


class _Library(Enum):
    """Which library reads a node: the older one looks at little."""

    V0 = "go-hamt-ipld v0.1.5"
    V2 = "go-hamt-ipld v2.0.0"


class UnsortedMap(Hamt):
    """The map of actors v0 for who pays no gas: a node's entries that become a bucket stay in the node's order.

    Source: go-hamt-ipld v0.1.5 ``hamt.go``, cleanChild.
    """

    def _bucket(self, entries: list[Entry]) -> list[Entry]:
        return entries


class HistoricMap(Hamt):
    """A map from byte strings to values with the reads and writes of 2020; the store tells the version of actors."""

    def __init__(
        self,
        store: Blockstore,
        root: Cid | None = None,
        *,
        bit_width: int = 5,
        hash_function: HashFunction = sha256,
    ) -> None:
        self._seen = Seen(store)
        self._library = _Library.V2 if getattr(store, "actors_version", 0) > 0 else _Library.V0
        super().__init__(self._seen, root, bit_width=bit_width, version=HamtVersion.V0, hash_function=hash_function)
        self._node(self._root)

    def flush(self) -> Cid:
        """Write every node that was looked at, children first, and return the root."""
        return self._flush(self._root)

    def _flush(self, link: MapLink) -> Cid:
        node = self._node(link)
        for slot in sorted(node.pointers):
            child = node.pointers[slot]
            if isinstance(child, MapLink) and child.node is not None:
                before = child.cid
                if self._flush(child) != before:
                    link.cid = None
                child.node = None
        link.cid = self._save(link, node)
        return link.cid

    def _save(self, link: MapLink, node: MapNode) -> Cid:
        return save_block(self._seen, self._encode(node)) if link.cid is None else self._seen.again(link.cid)

    def _overflow(self, bucket: list[Entry], depth: int, entry: Entry) -> MapLink:
        """A node that is written at once, with its children as they were first written.

        Source: ``hamt.go``, modifyValue: what a fifth entry changes in such a child is lost.
        """
        node = MapNode({})
        child = MapLink(None, node)
        written: dict[int, MapLink] = {}
        for key, value in (entry, *bucket):
            self._set(child, self._digest(key), depth + 1, key, value)
            for slot, each in node.pointers.items():
                if isinstance(each, MapLink) and slot not in written:
                    written[slot] = MapLink(each.cid, None)
        node.pointers.update(written)
        return MapLink(self._save(child, node), None)

    def _collapse(self, node: MapNode, slot: int, child: MapNode) -> None:
        pointers = list(child.pointers.values())
        if not pointers:
            raise NodeError("a node below the root was left empty")
        if len(pointers) == 1 and not isinstance(pointers[0], MapLink):
            node.pointers[slot] = pointers[0]
        else:
            super()._collapse(node, slot, child)

    def _bucket(self, entries: list[Entry]) -> list[Entry]:
        """What is left of a child that fits into a bucket; before actors v2 nobody sorted it."""
        return super()._bucket(entries) if self._library is _Library.V2 else entries

    def _node(self, link: MapLink) -> MapNode:
        """The node, read as the library reads it; one that would be written differently counts as changed."""
        if link.node is None:
            assert link.cid is not None
            try:
                block = self._seen.get(link.cid)
                pointers = remembered(block, self._width, self._library, _parse)
                if self._library is _Library.V2 and link is not self._root:
                    _check_compact(pointers)
            except NodeError as error:
                raise NodeError(f"HAMT node {link.cid}: {error}") from None
            link.node = map_node_of(pointers)
            if _pads_bitfield(block):
                link.cid = None
        return link.node


def _parse(block: bytes, width: int, library: _Library) -> MapPointers:
    """Slots and what they point to.

    A bitfield and pointers that do not match are refused, though v0.1.5 opens such a node and panics later: the
    libraries write none.

    Source: ``cbor_gen.go`` and ``pointer_cbor.go``, UnmarshalCBOR; v2.0.0 ``hamt.go``, loadNode.
    """
    wire = cbor.decode_stored(block)
    if not isinstance(wire, list) or [type(part) for part in wire] != [bytes, list]:
        raise NodeError("a node is an array of bitfield and pointers")
    bitfield, pointers = wire
    bits = int.from_bytes(bitfield, "big")
    if len(bitfield) > BITFIELD_BYTES_MAX or bits.bit_count() != len(pointers):
        raise NodeError(f"bitfield of {len(bitfield)} bytes has {bits.bit_count()} bits for {len(pointers)} pointers")
    slots = (slot for slot in range(bits.bit_length()) if bits >> slot & 1)
    if library is _Library.V0:
        parsed = [parse_pointer(each, HamtVersion.V0, range(V0_BUCKET_ENTRIES_MAX + 1)) for each in pointers]
        return tuple(zip(slots, parsed, strict=True))
    parsed = [parse_pointer(each, HamtVersion.V0) for each in pointers]
    if len(parsed) > 1 << width:
        raise NodeError(f"{len(parsed)} pointers; width {width} has {1 << width}")
    for each in parsed:
        if isinstance(each, Cid):
            if each.data[: len(_DAG_CBOR)] != _DAG_CBOR:
                raise NodeError(f"{each} is no link to a node")
        elif any(before[0] >= after[0] for before, after in pairwise(each)):
            raise NodeError("bucket keys are not sorted")
    return tuple(zip(slots, parsed, strict=True))


_DAG_CBOR = CHAIN_PREFIX[:2]


def _check_compact(pointers: MapPointers) -> None:
    """Refuse what would be a bucket of its parent; actors v0 never looked."""
    entries = 0
    for _, pointer in pointers:
        if isinstance(pointer, Cid):
            return
        entries += len(pointer)
    if entries <= BUCKET_ENTRIES:
        raise NodeError(f"{entries} entries below the root belong into a bucket")


def _pads_bitfield(block: bytes) -> bool:
    """Whether the bitfield, a byte string behind the node's first byte, starts with zero bytes that mean nothing."""
    wire: Any = cbor.decode_stored(block)[0] if block[1] > 0x57 else block[2 : 2 + (block[1] & 0x1F)]  # noqa: PLR2004
    return bool(wire[:1] == b"\x00")
