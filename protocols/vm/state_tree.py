"""The state tree: every actor's code, state root, nonce and balance, with snapshots that a failed call undoes.

Up to network version 3 the root is the actors' HAMT itself, a tuple of two; from 4 on a tuple of version, HAMT and an
info object (Lotus ``chain/state/statetree.go``; reference: formats, section 7). Builtin actors v0 and v2 both use
version 0 nodes; the HAMT of the first is the older library's, whose buckets are not sorted after deletions.

A message names its actors some twenty times by addresses that the init actor's map resolves, so ids that were found are
remembered, and so are entries that were read. Neither costs gas, so remembering changes no receipt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from thespis.protocols.builtin.codes import INIT
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import StateRecord, TokenAmount, Unsigned, record
from thespis.protocols.errors import NodeError
from thespis.protocols.ipld.blockstore import Blockstore, load, save
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import UnsortedMap
from thespis.protocols.vm.known_ids import KnownIds

TREE_VERSION_1 = 1
_VERSIONED_ROOT_FIELDS = 3
ENTRIES_REMEMBERED_BYTES = 32 << 20
"""Entries that a tree remembers of those that it read."""
_ENTRY_BYTES = 1024
"""What one takes at most: id, entry, two CIDs and a balance as objects, and their place in a dictionary."""


@record
class Actor(StateRecord):
    """One actor's entry."""

    code: Cid
    head: Cid
    nonce: Unsigned
    balance: TokenAmount


@record
class StateRoot(StateRecord):
    """The root of versioned trees."""

    version: Unsigned
    actors: Cid
    info: Cid


class StateTree:
    """A state tree under change; nothing is written to the actors' HAMT before `flush`."""

    def __init__(self, store: Blockstore, root: Cid) -> None:
        self.store = store
        self._info: Cid | None = None
        wire = load(store, root)
        if isinstance(wire, list) and len(wire) == _VERSIONED_ROOT_FIELDS:
            found = StateRoot.from_wire(wire)
            if found.version != TREE_VERSION_1:
                raise NodeError(f"state tree version {found.version}; network versions 4 and 5 have version 1")
            root, self._info = found.actors, found.info
        kind = UnsortedMap if self._info is None else Hamt
        self._actors = kind(store, root, version=HamtVersion.V0)
        self._layers: list[dict[Address, Actor | None]] = [{}]
        self._read: dict[Address, Actor] = {}
        self._ids = KnownIds(store)

    def resolve(self, address: Address) -> Address | None:
        """The id address, or None."""
        if address.protocol is AddressProtocol.ID:
            return address
        return self._ids.resolve(self._init_head(), address)

    def get(self, address: Address) -> Actor | None:
        """The actor at an address of any protocol, or None."""
        number = self.resolve(address)
        if number is None:
            return None
        for layer in reversed(self._layers):
            if number in layer:
                return layer[number]
        actor = self._read.get(number)
        if actor is None:
            wire = self._actors.get(number.data)
            if wire is None:
                return None
            actor = Actor.from_wire(wire)
            if len(self._read) >= ENTRIES_REMEMBERED_BYTES // _ENTRY_BYTES:
                self._read.clear()
            self._read[number] = actor
        return actor

    def set(self, address: Address, actor: Actor) -> None:
        """Put an actor's entry; the address must resolve."""
        number = self.resolve(address)
        if number is None:
            raise NodeError(f"{address} has no id; register it first")
        self._layers[-1][number] = actor

    def change(self, address: Address, **changes: object) -> None:
        """Replace fields of an existing actor's entry."""
        actor = self.get(address)
        if actor is None:
            raise NodeError(f"there is no actor at {address}")
        self.set(address, dataclasses.replace(actor, **changes))  # type: ignore[arg-type]

    def delete(self, address: Address) -> None:
        """Remove an existing actor's entry."""
        number = self.resolve(address)
        if number is None or self.get(number) is None:
            raise NodeError(f"there is no actor at {address}")
        self._layers[-1][number] = None

    def register(self, address: Address) -> Address:
        """Give a new address an id, in the init actor's state."""
        before = self._init_head()
        state, number = InitState.from_wire(load(self.store, before)).register(self.store, address)
        after = save(self.store, state.to_wire())
        self.change(INIT, head=after)
        self._ids.grown(before, after, address, number)
        return number

    def _init_head(self) -> Cid:
        actor = self.get(INIT)
        if actor is None:
            raise NodeError("the state tree has no init actor")
        return actor.head

    def actors(self) -> Iterator[tuple[Address, Actor]]:
        """Every written actor with its id, in the order of the tree."""
        for key, wire in self._actors.items():
            yield Address.parse(key), Actor.from_wire(wire)

    def snapshot(self) -> None:
        """Begin changes that may be undone."""
        self._layers.append({})
        self._ids.snapshot()

    def commit(self) -> None:
        """Keep the changes since the last snapshot."""
        changes = self._layers.pop()
        self._layers[-1].update(changes)
        self._ids.commit()

    def revert(self) -> None:
        """Undo the changes since the last snapshot."""
        self._layers.pop()
        self._ids.revert()

    def flush(self) -> Cid:
        """Write every change and return the root; no snapshot may be open."""
        assert len(self._layers) == 1, "a snapshot is open"
        for number, actor in self._layers[0].items():
            if actor is None:
                self._actors.delete(number.data)
            else:
                self._actors.set(number.data, actor.to_wire())
            self._read.pop(number, None)
        self._layers = [{}]
        root = self._actors.flush()
        return root if self._info is None else save_versioned(self.store, root, self._info)


def save_versioned(store: Blockstore, actors: Cid, info: Cid | None = None) -> Cid:
    """Write the root of a tree of network version 4 or later; the info object is an empty tuple."""
    info = save(store, []) if info is None else info
    return save(store, StateRoot(Unsigned(TREE_VERSION_1), actors, info).to_wire())
