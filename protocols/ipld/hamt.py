"""The HAMT: a map from byte strings to values, as a tree over the bits of the keys' SHA-256.

A node is ``[bitfield, [pointer …]]``; the bitfield is big-endian without leading zero bytes and has a bit per
pointer. A pointer is a link to a child, or a bucket of at most three ``[key, value]`` sorted by key. Version 0
(builtin actors v0 and v2) wraps them as ``{"0": link}`` and ``{"1": bucket}``, and the chain has buckets of it that are
not sorted (`historic`). The tree is canonical: one set of entries has one root, whatever the order of operations
(go-hamt-ipld ``hamt.go``; reference: formats, section 7).

Only nodes on changed paths are written, and loaded nodes stay cached in their parents. Decoded nodes are remembered by
their bytes beyond one map's life, for a chain opens nearly the same trees at every epoch; a block is asked of the store
all the same, since reading it may cost gas. Values are shared and are never to be changed in place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import EncodeError, NodeError
from thespis.protocols.ipld.blockstore import Blockstore, save_block
from thespis.protocols.remembered import Remembered

BUCKET_ENTRIES = 3
HASH_BITS = 256
BIT_WIDTH_MAX = 8
KEY_BYTES_MAX = 8192
NODES_REMEMBERED_BYTES = 128 << 20
"""Decoded nodes that a process remembers: about what a state of a hundred thousand accounts takes."""
_DECODED_BYTES_PER_BYTE, _DECODED_BYTES_PER_NODE = 10, 512
"""What a remembered node takes, by its encoding: 6 to 9 bytes for a byte of states, its block, and its place here."""

Entry = tuple[bytes, Any]
HashFunction = Callable[[bytes], bytes]
_Pointers = tuple[tuple[int, "Cid | tuple[Entry, ...]"], ...]
Form = TypeVar("Form", bound=Enum)


class HamtVersion(Enum):
    """The two node formats that chains have used."""

    V0 = 0
    V3 = 3


def sha256(key: bytes) -> bytes:
    """The network's key hash."""
    return hashlib.sha256(key).digest()


@dataclass(slots=True)
class _Link:
    """A pointer to a child node: its CID once written, the node itself once loaded."""

    cid: Cid | None
    node: _Node | None


@dataclass(slots=True)
class _Node:
    """`pointers` maps a slot to a link or a bucket."""

    pointers: dict[int, _Link | list[Entry]]


class Hamt:
    """A persistent map; changes stay in memory until `flush`."""

    def __init__(
        self,
        store: Blockstore,
        root: Cid | None = None,
        *,
        bit_width: int = 5,
        version: HamtVersion = HamtVersion.V3,
        hash_function: HashFunction = sha256,
    ) -> None:
        """Open the map at `root`, or an empty one; bit width and version are not in the data, the caller knows them."""
        if not 1 <= bit_width <= BIT_WIDTH_MAX:
            raise NodeError(f"HAMT bit width {bit_width}; widths run from 1 to {BIT_WIDTH_MAX}")
        self._store = store
        self._width = bit_width
        self._version = version
        self._hash = hash_function
        self._root = _Link(root, None if root is not None else _Node({}))

    # -- reading ---------------------------------------------------------------------------------------------

    def get(self, key: bytes, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        digest = self._digest(key)
        node, depth = self._node(self._root), 0
        while True:
            pointer = node.pointers.get(self._slot(digest, depth))
            if isinstance(pointer, _Link):
                node, depth = self._node(pointer), depth + 1
                continue
            for known, value in pointer or ():
                if known == key:
                    return value
            return default

    def __contains__(self, key: bytes) -> bool:
        return self.get(key, _MISSING) is not _MISSING

    def items(self) -> Iterator[Entry]:
        """Every entry, in the order of the tree."""
        yield from self._items(self._node(self._root))

    def _items(self, node: _Node) -> Iterator[Entry]:
        for slot in sorted(node.pointers):
            pointer = node.pointers[slot]
            if isinstance(pointer, _Link):
                yield from self._items(self._node(pointer))
            else:
                yield from pointer

    # -- changing --------------------------------------------------------------------------------------------

    def set(self, key: bytes, value: Any) -> bool:
        """Set `key`; returns whether anything changed."""
        if len(key) > KEY_BYTES_MAX:
            raise EncodeError(f"HAMT key of {len(key)} bytes; the bound is {KEY_BYTES_MAX}")
        return self._set(self._root, self._digest(key), 0, key, value)

    def delete(self, key: bytes) -> bool:
        """Remove `key`; returns whether it was there."""
        return self._delete(self._root, self._digest(key), 0, key)

    def flush(self) -> Cid:
        """Write every changed node, children first, and return the root."""
        return self._write(self._root)

    def _set(self, link: _Link, digest: int, depth: int, key: bytes, value: Any) -> bool:
        node = self._node(link)
        slot = self._slot(digest, depth)
        pointer = node.pointers.get(slot)
        if isinstance(pointer, _Link):
            changed = self._set(pointer, digest, depth + 1, key, value)
        elif pointer is None:
            node.pointers[slot] = [(key, value)]
            changed = True
        else:
            changed = self._set_in_bucket(node, slot, pointer, depth, (key, value))
        if changed:
            link.cid = None
        return changed

    def _set_in_bucket(self, node: _Node, slot: int, bucket: list[Entry], depth: int, entry: Entry) -> bool:
        key, value = entry
        for index, (known, old) in enumerate(bucket):
            if known == key:
                if _same(old, value):
                    return False
                bucket[index] = entry
                return True
        if len(bucket) < BUCKET_ENTRIES:
            before = next((index for index, (known, _) in enumerate(bucket) if key < known), len(bucket))
            bucket.insert(before, entry)
            return True
        node.pointers[slot] = self._overflow(bucket, depth, entry)
        return True

    def _overflow(self, bucket: list[Entry], depth: int, entry: Entry) -> _Link:
        """The node that takes a full bucket's place and holds one entry more."""
        child = _Link(None, _Node({}))
        for key, value in (*bucket, entry):
            self._set(child, self._digest(key), depth + 1, key, value)
        return child

    def _delete(self, link: _Link, digest: int, depth: int, key: bytes) -> bool:
        node = self._node(link)
        slot = self._slot(digest, depth)
        pointer = node.pointers.get(slot)
        if pointer is None:
            return False
        if isinstance(pointer, _Link):
            if not self._delete(pointer, digest, depth + 1, key):
                return False
            self._collapse(node, slot, self._node(pointer))
        else:
            index = next((index for index, (known, _) in enumerate(pointer) if known == key), None)
            if index is None:
                return False
            del pointer[index]
            if not pointer:
                del node.pointers[slot]
        link.cid = None
        return True

    def _collapse(self, node: _Node, slot: int, child: _Node) -> None:
        """Pull a child's entries up when they fit one bucket, or the tree would not be canonical."""
        if len(child.pointers) > BUCKET_ENTRIES:
            return
        entries: list[Entry] = []
        for _slot, pointer in sorted(child.pointers.items()):
            if isinstance(pointer, _Link):
                return
            entries += pointer
        if len(entries) <= BUCKET_ENTRIES:
            node.pointers[slot] = self._bucket(entries)

    def _bucket(self, entries: list[Entry]) -> list[Entry]:
        return sorted(entries, key=_key)

    # -- nodes -----------------------------------------------------------------------------------------------

    def _digest(self, key: bytes) -> int:
        return int.from_bytes(self._hash(key), "big")

    def _slot(self, digest: int, depth: int) -> int:
        shift = HASH_BITS - self._width * (depth + 1)
        if shift < 0:
            raise NodeError(f"HAMT is deeper than the {HASH_BITS} bits of a hash")
        return digest >> shift & ((1 << self._width) - 1)

    def _node(self, link: _Link) -> _Node:
        if link.node is None:
            assert link.cid is not None
            try:
                pointers = _pointers(self._store.get(link.cid), self._width, self._version)
            except NodeError as error:
                raise NodeError(f"HAMT node {link.cid}: {error}") from None
            link.node = _node_of(pointers)
        return link.node

    def _write(self, link: _Link) -> Cid:
        if link.cid is None:
            assert link.node is not None
            link.cid = save_block(self._store, self._encode(link.node))
        return link.cid

    def _encode(self, node: _Node) -> bytes:
        """A node's block, put together by pointers: most are links, whose encoding is a constant before the CID."""
        before_link, before_bucket = _BEFORE_POINTER[self._version]
        bitfield = 0
        pointers: list[bytes] = []
        for slot in sorted(node.pointers):
            bitfield |= 1 << slot
            pointer = node.pointers[slot]
            if isinstance(pointer, _Link):
                pointers += before_link, cbor.encode_link(self._write(pointer))
            else:
                pointers += before_bucket, cbor.encode(pointer)
        bits = cbor.encode(bitfield.to_bytes((bitfield.bit_length() + 7) // 8, "big"))
        return b"\x82" + bits + cbor.array_head(len(node.pointers)) + b"".join(pointers)


_MISSING = object()
_BEFORE_POINTER = {HamtVersion.V0: (b"\xa1\x610", b"\xa1\x611"), HamtVersion.V3: (b"", b"")}
"""What stands before a link and before a bucket: in version 0 a map of one entry, "0" or "1"."""


def _key(entry: Entry) -> bytes:
    return entry[0]


def _same(old: Any, new: Any) -> bool:
    return bool(old == new) and cbor.encode(old) == cbor.encode(new)


def _node_of(pointers: _Pointers) -> _Node:
    """A node that may be changed."""
    return _Node({slot: _Link(each, None) if isinstance(each, Cid) else list(each) for slot, each in pointers})


_nodes: Remembered[tuple[bytes, int, Enum], _Pointers] = Remembered(NODES_REMEMBERED_BYTES)


def _pointers(block: bytes, width: int, version: HamtVersion) -> _Pointers:
    """Slots and what they point to, remembered."""
    return _remembered(block, width, version, _parse)


def _remembered(block: bytes, width: int, form: Form, parse: Callable[[bytes, int, Form], _Pointers]) -> _Pointers:
    """What a block is in one form of nodes; another form may refuse it, so each has its own memory."""
    key = block, width, form
    found = _nodes.get(key)
    if found is None:
        found = parse(block, width, form)
        _nodes.put(key, found, _DECODED_BYTES_PER_NODE + _DECODED_BYTES_PER_BYTE * len(block))
    return found


def _parse(block: bytes, width: int, version: HamtVersion) -> _Pointers:
    wire = cbor.decode_stored(block)
    if not isinstance(wire, list) or len(wire) != 2 or not isinstance(wire[1], list):  # noqa: PLR2004
        raise NodeError("a node is an array of bitfield and pointers")
    bitfield, pointers = wire
    if not isinstance(bitfield, bytes) or bitfield[:1] == b"\x00" or len(bitfield) > 1 << max(0, width - 3):
        raise NodeError("bitfield is not minimal bytes of the node's width")
    bits = int.from_bytes(bitfield, "big")
    if bits.bit_count() != len(pointers) or bits >> (1 << width):
        raise NodeError(f"bitfield has {bits.bit_count()} bits for {len(pointers)} pointers")
    slots = (slot for slot in range(1 << width) if bits >> slot & 1)
    return tuple((slot, _parse_pointer(pointer, version)) for slot, pointer in zip(slots, pointers, strict=True))


_BUCKET_SIZES = range(1, BUCKET_ENTRIES + 1)


def _parse_pointer(pointer: Any, version: HamtVersion, sizes: range = _BUCKET_SIZES) -> Cid | tuple[Entry, ...]:
    if version is HamtVersion.V0:
        if not isinstance(pointer, dict) or len(pointer) != 1:
            raise NodeError("a version 0 pointer is a map of one entry")
        [(tag, pointer)] = pointer.items()
        if tag != ("0" if isinstance(pointer, Cid) else "1"):
            raise NodeError(f"a version 0 pointer is tagged {tag!r}")
    if isinstance(pointer, Cid):
        return pointer
    if not isinstance(pointer, list) or len(pointer) not in sizes:
        raise NodeError(f"a bucket has {sizes[0]} to {sizes[-1]} entries")
    bucket: list[Entry] = []
    for entry in pointer:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], bytes):  # noqa: PLR2004
            raise NodeError("a bucket entry is an array of key and value")
        if version is not HamtVersion.V0 and bucket and bucket[-1][0] >= entry[0]:
            raise NodeError("bucket keys are not sorted")
        bucket.append((entry[0], entry[1]))
    return tuple(bucket)
