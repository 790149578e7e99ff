"""The AMT: a sparse array from 64-bit indices to values, as a tree of fixed width.

The root is ``[bit width, height, count, node]`` in version 3 and ``[height, count, node]`` in version 0 (width 8); a
node is ``[bitmap, [link …], [value …]]``, its bitmap 2^width bits, least significant first. Values stand at height 0
only. The tree is as low as its highest index allows and has no empty nodes, so one array has one root
(go-amt-ipld ``amt.go``; reference: formats, section 7).

Only nodes on changed paths are written, and loaded nodes stay cached in their parents.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import EncodeError, NodeError
from thespis.protocols.ipld.blockstore import Blockstore, load, save

BIT_WIDTH_MAX = 18
V0_BIT_WIDTH = 3


class AmtVersion(enum.Enum):
    """The two root formats; each bounds its indices."""

    V0 = 0
    V3 = 3

    @property
    def index_max(self) -> int:
        """Highest index: 2^63 - 1 in version 0 (go-amt-ipld v2.1.0 ``amt.go``, MaxIndex), 2^64 - 2 in version 3."""
        return (1 << 63) - 1 if self is AmtVersion.V0 else (1 << 64) - 2


@dataclass(slots=True)
class _Link:
    cid: Cid | None
    node: _Node | None


@dataclass(slots=True)
class _Node:
    """`slots` maps a position to a value at height 0 and to a link above."""

    slots: dict[int, Any]


class Amt:
    """A persistent array; changes stay in memory until `flush`."""

    def __init__(
        self,
        store: Blockstore,
        root: Cid | None = None,
        *,
        bit_width: int = V0_BIT_WIDTH,
        version: AmtVersion = AmtVersion.V3,
    ) -> None:
        """Open the array at `root`, or an empty one; raises NodeError when its bit width is another."""
        if not 1 <= bit_width <= BIT_WIDTH_MAX or (version is AmtVersion.V0 and bit_width != V0_BIT_WIDTH):
            raise NodeError(
                f"AMT bit width {bit_width}; version 0 has {V0_BIT_WIDTH}, version 3 has 1 to {BIT_WIDTH_MAX}"
            )
        self._store = store
        self._width = bit_width
        self._version = version
        self._height = self._count = 0
        self._root = _Node({})
        self._cid = root
        if root is not None:
            self._open(root)

    def __len__(self) -> int:
        return self._count

    # -- reading ---------------------------------------------------------------------------------------------

    def get(self, index: int, default: Any = None) -> Any:
        """The value at `index`, or `default`."""
        self._check_index(index)
        if index >= self._span(self._height + 1):
            return default
        node = self._root
        for height in range(self._height, 0, -1):
            link = node.slots.get(self._slot(index, height))
            if link is None:
                return default
            node = self._node(link, height - 1)
        return node.slots.get(self._slot(index, 0), default)

    def items(self, start: int = 0) -> Iterator[tuple[int, Any]]:
        """Every index from `start` on, ascending, and its value."""
        yield from self._items(self._root, self._height, 0, start)

    def _items(self, node: _Node, height: int, base: int, start: int) -> Iterator[tuple[int, Any]]:
        for slot in sorted(node.slots):
            first = base + slot * self._span(height)
            if first + self._span(height) <= start:
                continue
            if height == 0:
                yield first, node.slots[slot]
            else:
                yield from self._items(self._node(node.slots[slot], height - 1), height - 1, first, start)

    # -- changing --------------------------------------------------------------------------------------------

    def set(self, index: int, value: Any) -> bool:
        """Set `index`; returns whether anything changed."""
        self._check_index(index)
        while index >= self._span(self._height + 1):
            self._grow()
        changed, added = self._set(self._root, self._height, index, value)
        self._count += added
        if changed:
            self._cid = None
        return changed

    def append(self, value: Any) -> int:
        """Set the index behind a dense array's last; returns it."""
        index = self._count
        self.set(index, value)
        return index

    def delete(self, index: int) -> bool:
        """Remove `index`; returns whether it was there."""
        self._check_index(index)
        if index >= self._span(self._height + 1) or not self._delete(self._root, self._height, index):
            return False
        self._count -= 1
        self._cid = None
        self._shrink()
        return True

    def flush(self) -> Cid:
        """Write every changed node, children first, and return the root."""
        if self._cid is None:
            node = self._wire(self._root, self._height)
            head = [self._height, self._count, node]
            self._cid = save(self._store, head if self._version is AmtVersion.V0 else [self._width, *head])
        return self._cid

    def _grow(self) -> None:
        if self._root.slots:
            self._root = _Node({0: _Link(None, self._root)})
        self._height += 1

    def _shrink(self) -> None:
        if not self._root.slots:
            self._height = 0
        while self._height and set(self._root.slots) == {0}:
            self._root = self._node(self._root.slots[0], self._height - 1)
            self._height -= 1

    def _set(self, node: _Node, height: int, index: int, value: Any) -> tuple[bool, bool]:
        slot = self._slot(index, height)
        if height == 0:
            added = slot not in node.slots
            if not added and cbor.encode(node.slots[slot]) == cbor.encode(value):
                return False, False
            node.slots[slot] = value
            return True, added
        link = node.slots.get(slot)
        if link is None:
            link = node.slots[slot] = _Link(None, _Node({}))
        changed, added = self._set(self._node(link, height - 1), height - 1, index, value)
        if changed:
            link.cid = None
        return changed, added

    def _delete(self, node: _Node, height: int, index: int) -> bool:
        slot = self._slot(index, height)
        if slot not in node.slots:
            return False
        if height == 0:
            del node.slots[slot]
            return True
        link: _Link = node.slots[slot]
        child = self._node(link, height - 1)
        if not self._delete(child, height - 1, index):
            return False
        link.cid = None
        if not child.slots:
            del node.slots[slot]
        return True

    # -- nodes -----------------------------------------------------------------------------------------------

    def _check_index(self, index: int) -> None:
        if not 0 <= index <= self._version.index_max:
            raise EncodeError(f"AMT index {index}; indices run from 0 to {self._version.index_max}")

    def _span(self, height: int) -> int:
        """How many indices one slot at `height` covers."""
        return 1 << self._width * height

    def _slot(self, index: int, height: int) -> int:
        return index >> self._width * height & ((1 << self._width) - 1)

    def _open(self, cid: Cid) -> None:
        try:
            wire = load(self._store, cid)
            head = 0 if self._version is AmtVersion.V0 else 1
            if not isinstance(wire, list) or len(wire) != 3 + head or not all(type(part) is int for part in wire[:-1]):
                raise NodeError("the root is not an array of numbers and a node")
            if head and wire[0] != self._width:
                raise NodeError(f"bit width is {wire[0]}, {self._width} was asked for")
            self._height, self._count = wire[head], wire[head + 1]
            if not 0 <= self._height <= 64 // self._width or self._count < 0:
                raise NodeError(f"height {self._height} or count {self._count} is out of range")
            self._root = self._parse(wire[-1], self._height)
            if self._height and not self._root.slots:
                raise NodeError("an empty array has height 0")
        except NodeError as error:
            raise NodeError(f"AMT root {cid}: {error}") from None

    def _node(self, link: _Link, height: int) -> _Node:
        if link.node is None:
            assert link.cid is not None
            try:
                link.node = self._parse(load(self._store, link.cid), height)
                if not link.node.slots:
                    raise NodeError("an inner node is empty")
            except NodeError as error:
                raise NodeError(f"AMT node {link.cid}: {error}") from None
        return link.node

    def _bitmap_bytes(self) -> int:
        return max(1, (1 << self._width) // 8)

    def _parse(self, wire: Any, height: int) -> _Node:
        if not isinstance(wire, list) or [type(part) for part in wire] != [bytes, list, list]:
            raise NodeError("a node is an array of bitmap, links and values")
        bitmap, links, values = wire
        if len(bitmap) != self._bitmap_bytes():
            raise NodeError(f"bitmap of {len(bitmap)} bytes; width {self._width} needs {self._bitmap_bytes()}")
        bits = int.from_bytes(bitmap, "little")
        filled, empty = (values, links) if height == 0 else (links, values)
        if empty or bits.bit_count() != len(filled) or bits >> (1 << self._width):
            raise NodeError(
                f"{bits.bit_count()} bits for {len(links)} links and {len(values)} values at height {height}"
            )
        if height and not all(isinstance(link, Cid) for link in links):
            raise NodeError("a link is no link")
        slots = (slot for slot in range(1 << self._width) if bits >> slot & 1)
        return _Node({slot: _Link(item, None) if height else item for slot, item in zip(slots, filled, strict=True)})

    def _wire(self, node: _Node, height: int) -> list[Any]:
        bits = sum(1 << slot for slot in node.slots)
        bitmap = bits.to_bytes(self._bitmap_bytes(), "little")
        filled = [node.slots[slot] for slot in sorted(node.slots)]
        if height == 0:
            return [bitmap, [], filled]
        return [bitmap, [self._write(link, height - 1) for link in filled], []]

    def _write(self, link: _Link, height: int) -> Cid:
        if link.cid is None:
            assert link.node is not None
            link.cid = save(self._store, self._wire(link.node, height))
        return link.cid
