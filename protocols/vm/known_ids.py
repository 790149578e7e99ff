"""Which ids addresses were found to have: what the init actor's map says, without walking it again.

A message names its accounts some twenty times, and each walk of the map would decode three or four nodes.
"""

from __future__ import annotations

from thespis.protocols.builtin.init.state import InitState, id_of
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.blockstore import Blockstore, load
from thespis.protocols.ipld.hamt import Hamt

IDS_REMEMBERED_BYTES = 32 << 20
"""Addresses and their ids that one tree remembers; beyond it all are forgotten, and what is still used comes back."""
_ID_BYTES = 512
"""What one takes at most: two addresses as objects, their bytes, and their place in a dictionary."""


class KnownIds:
    """Ids by address, as one state of the init actor gives them; the state is named by its CID.

    Whatever happens to the init actor, an answer is right: what is known holds for one CID only, and another one
    makes it forgotten. Only a registration carries it on, for the map then differs by one address; undoing the
    registration takes that one out and goes back to the CID before.
    """

    def __init__(self, store: Blockstore) -> None:
        self._store = store
        self._head: Cid | None = None
        self._ids: dict[Address, Address] = {}
        self._map: Hamt | None = None
        self._grown: list[list[tuple[Cid, Cid, Address]]] = []
        """Registrations since each snapshot that is open."""

    def resolve(self, head: Cid, address: Address) -> Address | None:
        """The id of an address by the init actor's state `head`, or None when it has none, which is not remembered."""
        if head != self._head:
            self._head, self._ids, self._map = head, {}, None
        number = self._ids.get(address)
        if number is None:
            if self._map is None:
                self._map = InitState.from_wire(load(self._store, head)).addresses(self._store)
            number = id_of(self._map, address)
            if number is not None:
                self._put(address, number)
        return number

    def _put(self, address: Address, number: Address) -> None:
        if len(self._ids) >= IDS_REMEMBERED_BYTES // _ID_BYTES:
            self._ids = {}
        self._ids[address] = number

    def grown(self, before: Cid, after: Cid, address: Address, number: Address) -> None:
        """One address was registered, which led from one state of the init actor to another."""
        if self._head == before:
            self._head, self._map = after, None
            self._put(address, number)
        if self._grown:
            self._grown[-1].append((before, after, address))

    def snapshot(self) -> None:
        """Begin registrations that may be undone."""
        self._grown.append([])

    def commit(self) -> None:
        """Keep the registrations since the last snapshot."""
        kept = self._grown.pop()
        if self._grown:
            self._grown[-1] += kept

    def revert(self) -> None:
        """Undo the registrations since the last snapshot, the last first."""
        for before, after, address in reversed(self._grown.pop()):
            if self._head == after:
                self._head, self._map = before, None
                self._ids.pop(address, None)
