"""The sparse array of 2020: version 0 of the AMT, with that library's reads, writes and leftovers.

A block is ``[height, count, node]`` for the root and ``[bitmap, [link …], [value …]]`` for a node of eight slots. The
library unpacks a node's links or values into slots when they are first needed, and packs them again at a flush. Whether
a node was unpacked is therefore part of what it does: a root that is emptied and then grows keeps its packed values,
which nobody reaches, and writes them for as long as it is there (go-amt-ipld v2.1.0 ``amt.go``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import EncodeError, NodeError
from thespis.protocols.ipld.blockstore import Blockstore, save
from thespis.protocols.ipld.seen import Seen

INDEX_MAX = (1 << 63) - 1
HEIGHT_MAX = 20
WIDTH_BITS = 3
_SLOTS = range(1 << WIDTH_BITS)
_COUNT_BITS = 64


@dataclass(slots=True)
class _Child:
    """A slot above height 0: the CID in the store, the node once it is in memory, or both."""

    cid: Cid | None
    node: _Node | None


@dataclass(slots=True)
class _Node:
    """A node; `children` and `filled` are None until its links or its values are unpacked.

    `cid` is that of its block, or of the root's block, while encoding it would give that block again.
    """

    bitmap: int
    links: list[Cid]
    values: list[Any]
    cid: Cid | None = None
    children: dict[int, _Child] | None = None
    filled: dict[int, Any] | None = None


class HistoricArray:
    """A persistent array; changes stay in memory until `flush`, but for a root that grows."""

    def __init__(self, store: Blockstore, root: Cid | None = None) -> None:
        """Open the array at `root`, or an empty one."""
        self._store = Seen(store)
        self._height = self._count = 0
        self._root = _Node(0, [], [])
        self._cid: Cid | None = None
        if root is not None:
            self._open(root)

    def __len__(self) -> int:
        return self._count

    # -- reading ---------------------------------------------------------------------------------------------

    def get(self, index: int, default: Any = None) -> Any:
        """The value at `index`, or `default`."""
        _check_index(index)
        if index >= _span(self._height + 1):
            return default
        node = self._root
        for height in range(self._height, -1, -1):
            slot = _slot(index, height)
            if not node.bitmap >> slot & 1:
                return default
            if height:
                node = self._child(node, slot)
        return _filled(node)[_slot(index, 0)]

    def items(self, start: int = 0) -> Iterator[tuple[int, Any]]:
        """Every index from `start` on, ascending, and its value; nodes that are not in memory are not kept."""
        if self._height:
            _children(self._root)
        else:
            _filled(self._root)
        yield from self._items(self._root, self._height, 0, start)

    def _items(self, node: _Node, height: int, base: int, start: int) -> Iterator[tuple[int, Any]]:
        if height == 0:
            filled = _unpacked(node, node.values) if node.filled is None else node.filled
            yield from ((base + slot, filled[slot]) for slot in sorted(filled) if base + slot >= start)
            return
        if node.children is None:
            children = {slot: _Child(cid, None) for slot, cid in _unpacked(node, node.links).items()}
        else:
            children = node.children
        for slot, child in sorted(children.items()):
            first = base + slot * _span(height)
            below = self._read(child.cid) if child.node is None else child.node
            if first + _span(height) > start:
                yield from self._items(below, height - 1, first, start)

    # -- changing --------------------------------------------------------------------------------------------

    def set(self, index: int, value: Any) -> bool:
        """Set `index`; returns whether anything changed."""
        _check_index(index)
        while index >= _span(self._height + 1):
            self._grow()
        node, path = self._root, []
        for height in range(self._height, 0, -1):
            path.append(node)
            node = self._child(node, _slot(index, height), create=True)
        slot, filled = _slot(index, 0), _filled(node)
        if slot in filled and cbor.encode(filled[slot]) == cbor.encode(value):
            return False
        self._count = (self._count + (slot not in filled)) % (1 << _COUNT_BITS)
        filled[slot] = value
        node.bitmap |= 1 << slot
        self._changed(*path, node)
        return True

    def append(self, value: Any) -> int:
        """Set the index behind a dense array's last; returns it."""
        index = self._count
        self.set(index, value)
        return index

    def delete(self, index: int) -> bool:
        """Remove `index`; returns whether it was there."""
        _check_index(index)
        if index >= _span(self._height + 1) or not self._delete(self._root, self._height, index):
            return False
        self._count = (self._count - 1) % (1 << _COUNT_BITS)
        while self._height and self._root.bitmap == 1:
            self._root = self._child(self._root, 0)
            self._height -= 1
        return True

    def _delete(self, node: _Node, height: int, index: int) -> bool:
        slot = _slot(index, height)
        if not node.bitmap >> slot & 1:
            return False
        if height == 0:
            del _filled(node)[slot]
            node.bitmap &= ~(1 << slot)
        else:
            child = self._child(node, slot)
            if not self._delete(child, height - 1, index):
                return False
            if not child.bitmap:
                node.bitmap &= ~(1 << slot)
                del _children(node)[slot]
        self._changed(node)
        return True

    def _grow(self) -> None:
        """One level more; what was the root is written at once and no longer kept, unless it is empty."""
        self._changed(self._root)
        if self._root.bitmap:
            cid = self._write(self._root, self._height)
            self._root = _Node(1, [cid], [])
        self._height += 1

    def flush(self) -> Cid:
        """Write every node that was looked at, children first, and return the root."""
        self._pack(self._root, self._height)
        if self._cid is None or self._root.cid is None:
            self._cid = save(self._store, [self._height, self._count, _wire(self._root)])
            self._root.cid = self._cid
        else:
            self._store.again(self._cid)
        return self._cid

    # -- nodes -----------------------------------------------------------------------------------------------

    def _changed(self, *nodes: _Node) -> None:
        self._cid = None
        for node in nodes:
            node.cid = None

    def _child(self, node: _Node, slot: int, *, create: bool = False) -> _Node:
        """The node below a slot, from now on kept in memory."""
        children = _children(node)
        child = children.get(slot)
        if child is None:
            if not create:
                raise NodeError(f"slot {slot} of an AMT node has a bit and no link")
            child = children[slot] = _Child(None, _Node(0, [], []))
            node.bitmap |= 1 << slot
            self._changed(node)
        if child.node is None:
            child.node = self._read(child.cid)
        return child.node

    def _write(self, node: _Node, height: int) -> Cid:
        self._pack(node, height)
        if node.cid is None:
            node.cid = save(self._store, _wire(node))
        else:
            self._store.again(node.cid)
        return node.cid

    def _pack(self, node: _Node, height: int) -> None:
        """Write what is below a node, and pack what was unpacked of it; the rest stays as it is."""
        if height == 0:
            if node.filled is not None:
                node.values = [node.filled[slot] for slot in sorted(node.filled)]
        elif node.children is not None:
            for _, child in sorted(node.children.items()):
                if child.node is not None:
                    before = child.cid
                    child.cid = self._write(child.node, height - 1)
                    if child.cid != before:
                        node.cid = None
            node.bitmap = sum(1 << slot for slot in node.children)
            node.links = [child.cid for _, child in sorted(node.children.items()) if child.cid is not None]

    def _open(self, cid: Cid) -> None:
        try:
            wire = cbor.decode_stored(self._store.get(cid))
            if not isinstance(wire, list) or [type(part) for part in wire[:-1]] != [int, int]:
                raise NodeError("the root is not an array of height, count and a node")
            self._height, self._count, node = wire
            if not 0 <= self._height <= HEIGHT_MAX or self._count < 0:
                raise NodeError(f"height {self._height} or count {self._count} is out of range")
            self._root = _parse(node)
        except NodeError as error:
            raise NodeError(f"AMT root {cid}: {error}") from None
        self._cid = self._root.cid = cid

    def _read(self, cid: Cid | None) -> _Node:
        """A node from the store."""
        assert cid is not None
        try:
            node = _parse(cbor.decode_stored(self._store.get(cid)))
        except NodeError as error:
            raise NodeError(f"AMT node {cid}: {error}") from None
        node.cid = cid
        return node


def _check_index(index: int) -> None:
    if not 0 <= index <= INDEX_MAX:
        raise EncodeError(f"AMT index {index}; indices run from 0 to {INDEX_MAX}")


def _span(height: int) -> int:
    """How many indices one slot at `height` covers."""
    return 1 << WIDTH_BITS * height


def _slot(index: int, height: int) -> int:
    return index >> WIDTH_BITS * height & _SLOTS[-1]


def _unpacked(node: _Node, packed: list[Any]) -> dict[int, Any]:
    """What is packed, by slot; what has no bit is left behind."""
    slots = [slot for slot in _SLOTS if node.bitmap >> slot & 1]
    if len(slots) > len(packed):
        raise NodeError(f"an AMT node has {len(slots)} bits for {len(packed)} links or values")
    if len(slots) < len(packed):
        node.cid = None
    return dict(zip(slots, packed, strict=False))


def _filled(node: _Node) -> dict[int, Any]:
    if node.filled is None:
        node.filled = _unpacked(node, node.values)
    return node.filled


def _children(node: _Node) -> dict[int, _Child]:
    if node.children is None:
        node.children = {slot: _Child(cid, None) for slot, cid in _unpacked(node, node.links).items()}
    return node.children


def _parse(wire: Any) -> _Node:
    if not isinstance(wire, list) or [type(part) for part in wire] != [bytes, list, list]:
        raise NodeError("a node is an array of bitmap, links and values")
    bitmap, links, values = wire
    if len(bitmap) != 1:
        raise NodeError(f"bitmap of {len(bitmap)} bytes; eight slots need one")
    if not all(isinstance(link, Cid) for link in links):
        raise NodeError("a link is no link")
    return _Node(bitmap[0], links, values)


def _wire(node: _Node) -> list[Any]:
    return [bytes([node.bitmap]), node.links, node.values]
