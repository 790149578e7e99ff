"""Maps and arrays that read and write their nodes as the network's libraries of 2020 did.

Gas is charged for each node that is read and written, so the chain's receipts depend on habits of those libraries that
the data does not need: a root is read when it is opened and written at every flush; so is every node that was only
looked at; walking an array does not keep the nodes it reads; a bucket that overflows is written at once. Up to actors
v0 the entries of a collapsed node are not sorted, so their order depends on history
(go-hamt-ipld v0.1.5 and v2.0.0, go-amt-ipld v2.1.0).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.amt import Amt, AmtVersion
from thespis.protocols.ipld.amt import _Link as ArrayLink
from thespis.protocols.ipld.amt import _Node as ArrayNode
from thespis.protocols.ipld.blockstore import Blockstore, save, save_block
from thespis.protocols.ipld.hamt import Entry, Hamt, HamtVersion
from thespis.protocols.ipld.hamt import _Link as MapLink
from thespis.protocols.ipld.hamt import _Node as MapNode


class _Seen:
    """A store that remembers what went through it, so that an unchanged node is written again without encoding it."""

    def __init__(self, below: Blockstore) -> None:
        self._below = below
        self._blocks: dict[Cid, bytes] = {}

    def get(self, cid: Cid) -> bytes:
        """A block's bytes."""
        block = self._blocks[cid] = self._below.get(cid)
        return block

    def put(self, cid: Cid, block: bytes) -> None:
        """Keep a block."""
        self._blocks[cid] = block
        self._below.put(cid, block)

    def has(self, cid: Cid) -> bool:
        """Whether a block is there."""
        return self._below.has(cid)

    def again(self, cid: Cid) -> Cid:
        """Write a block once more."""
        self._below.put(cid, self._blocks[cid])
        return cid


class HistoricMap(Hamt):
    """A map from byte strings to values with the reads and writes of 2020."""

    def __init__(self, store: Blockstore, root: Cid | None = None) -> None:
        self._seen = _Seen(store)
        self._sorts = getattr(store, "actors_version", 0) > 0
        super().__init__(self._seen, root, version=HamtVersion.V0)
        self._node(self._root)

    def flush(self) -> Cid:
        """Write every node that was looked at, children first, and return the root."""
        node = self._node(self._root)
        self._flush_children(node)
        self._root.cid = self._save(self._root, node)
        return self._root.cid

    def _flush_children(self, node: MapNode) -> None:
        for slot in sorted(node.pointers):
            link = node.pointers[slot]
            if isinstance(link, MapLink) and link.node is not None:
                self._flush_children(link.node)
                link.cid = self._save(link, link.node)
                link.node = None

    def _bucket(self, entries: list[Entry]) -> list[Entry]:
        """What is left of a child that fits into a bucket; before actors v2 nobody sorted it."""
        return super()._bucket(entries) if self._sorts else entries

    def _save(self, link: MapLink, node: MapNode) -> Cid:
        return save_block(self._seen, self._encode(node)) if link.cid is None else self._seen.again(link.cid)

    def _set_in_bucket(self, node: MapNode, slot: int, bucket: list[Entry], depth: int, entry: Entry) -> bool:
        changed = super()._set_in_bucket(node, slot, bucket, depth, entry)
        child = node.pointers[slot]
        if isinstance(child, MapLink) and child.node is not None:
            child.cid = self._save(child, child.node)
            child.node = None
        return changed


class HistoricArray(Amt):
    """A sparse array with the reads and writes of 2020; one that was emptied keeps its height."""

    def __init__(self, store: Blockstore, root: Cid | None = None) -> None:
        self._seen = _Seen(store)
        super().__init__(self._seen, root, version=AmtVersion.V0)

    _empty_may_be_high = True

    def flush(self) -> Cid:
        """Write every node that was looked at, children first, and return the root."""
        self._flush_children(self._root, self._height)
        if self._cid is None:
            self._cid = save(self._seen, [self._height, self._count, self._wire(self._root, self._height)])
        else:
            self._seen.again(self._cid)
        return self._cid

    def _flush_children(self, node: ArrayNode, height: int) -> None:
        if height == 0:
            return
        for slot in sorted(node.slots):
            link: ArrayLink = node.slots[slot]
            if link.node is not None:
                self._flush_children(link.node, height - 1)
                if link.cid is None:
                    link.cid = save(self._seen, self._wire(link.node, height - 1))
                else:
                    self._seen.again(link.cid)

    def _grow(self) -> None:
        """One level more; what was the root is written at once and no longer kept."""
        if self._root.slots:
            self._flush_children(self._root, self._height)
            cid = save(self._seen, self._wire(self._root, self._height))
            self._root = ArrayNode({0: ArrayLink(cid, None)})
        self._height += 1

    def _shrink(self) -> None:
        while self._height and set(self._root.slots) == {0}:
            self._root = self._node(self._root.slots[0], self._height - 1)
            self._height -= 1

    def _items(self, node: ArrayNode, height: int, base: int, start: int) -> Iterator[tuple[int, Any]]:
        if height == 0:
            for slot in sorted(node.slots):
                if base + slot >= start:
                    yield base + slot, node.slots[slot]
            return
        for slot, link in sorted(node.slots.items()):
            first = base + slot * self._span(height)
            child = link.node if link.node is not None else self._read(link, height - 1)
            if first + self._span(height) > start:
                yield from self._items(child, height - 1, first, start)

    def _read(self, link: ArrayLink, height: int) -> ArrayNode:
        """A node that is not kept."""
        return self._node(ArrayLink(link.cid, None), height)
