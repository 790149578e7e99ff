"""The book of peers that were good: where they were met, kept over restarts, so that a node finds back to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from thespis.protocols.encoding.tuples import Record, Unsigned, record
from thespis.protocols.errors import DecodeError
from thespis.runtime.store.interface import METADATA, Delete, Put, Store

BOOK_MAX = 256
PER_HOST_MAX = 4
"""Peers of one host in the book, whose names cost nothing; a network's own machine is no exception worth a rule."""
ADDRESS_CHARACTERS_MAX = 256
FAILURES_MAX = 8
"""Dials that fail one after the other until a peer is crossed out."""
_PEER = b"peer/"


@record
class KnownPeer(Record):
    """Where a peer was met; `reached` says whether a dial of ours found it there, and not only it us."""

    address: str
    reached: Unsigned
    failures: Unsigned


class Book:
    """Known peers by their ids. Who was reached goes before who only came, whatever crowd that was."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._peers: dict[str, KnownPeer] = {}
        for key, data in store.scan(METADATA, _PEER):
            try:
                self._peers[key.removeprefix(_PEER).decode()] = KnownPeer.decode(data)
            except (DecodeError, UnicodeDecodeError):
                store.write([Delete(METADATA, key)])

    def __len__(self) -> int:
        return len(self._peers)

    def note(self, peer: str, address: str, *, reached: bool) -> None:
        """A peer is there and behaves."""
        known = self._peers.get(peer)
        entry = KnownPeer(address, Unsigned(reached), Unsigned(0))
        if known is not None and known.reached and not reached:
            entry = replace(known, failures=Unsigned(0))  # it came by itself; where it was reached is worth more
        if entry == known or len(address) > ADDRESS_CHARACTERS_MAX:
            return
        if known is None and not self._makes_room(entry):
            return
        self._keep(peer, entry)

    def _makes_room(self, entry: KnownPeer) -> bool:
        hosts = Counter(_host(each.address) for each in self._peers.values())
        host = _host(entry.address)
        crowded = hosts[host] >= PER_HOST_MAX
        if not crowded and len(self._peers) < BOOK_MAX:
            return True
        rivals = {peer: each for peer, each in self._peers.items() if not crowded or _host(each.address) == host}
        peer, worst = min(rivals.items(), key=lambda rival: (rival[1].reached, -rival[1].failures))
        if worst.reached >= entry.reached and not worst.failures:
            return False
        self._cross_out(peer)
        return True

    def failed(self, peer: str) -> None:
        """A dial did not find a peer."""
        known = self._peers.get(peer)
        if known is None:
            return
        if known.failures + 1 >= FAILURES_MAX:
            self._cross_out(peer)
            return
        self._keep(peer, replace(known, failures=Unsigned(known.failures + 1)))

    def _keep(self, peer: str, entry: KnownPeer) -> None:
        self._peers[peer] = entry
        self._store.write([Put(METADATA, _PEER + peer.encode(), entry.encode())])

    def _cross_out(self, peer: str) -> None:
        del self._peers[peer]
        self._store.write([Delete(METADATA, _PEER + peer.encode())])

    def candidates(self, shuffle: Callable[[list[Any]], None]) -> list[tuple[str, str]]:
        """Peers and addresses in the order of trying them: who was reached first, who fails last, equals by chance."""
        listed = list(self._peers.items())
        shuffle(listed)
        listed.sort(key=lambda each: (each[1].failures, not each[1].reached))
        return [(peer, known.address) for peer, known in listed]


def _host(address: str) -> str:
    """The part of an address that costs something: an IP address, or a name."""
    return "/".join(address.split("/")[:3])
