"""Messages that are kept beside those that wait: what this node's users sent, durably, and what may be asked for again.

=======================  ===================  ==========================================================
key                      value                stands
=======================  ===================  ==========================================================
``local/`` + chain CID   the signed message   until its nonce is used for good, by it or by another, or
                                              somebody removes it
=======================  ===================  ==========================================================
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from thespis.protocols.chain.message import SignedMessage
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.store.interface import METADATA, Delete, Put, Store

REMEMBERED_MESSAGES_MAX = 20_000
REMEMBERED_BYTES_MAX = 32 << 20
OWN_MESSAGES_MAX = 20_000
OWN_BYTES_MAX = 64 << 20
"""Beyond it those go first that do not wait: only a deep reorganisation would ask for them."""
_OWN = b"local/"


class Remembered:
    """The last messages that a block may name without their signatures, or that left without being mined.

    A reorganisation brings back what it drops, and a block lists BLS messages without signatures, so those of mined
    ones are kept here. What was replaced may still be in another's block, and somebody may wait for it.
    """

    def __init__(self) -> None:
        self._messages: OrderedDict[Cid, SignedMessage] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def get(self, cid: Cid) -> SignedMessage | None:
        """A message by its chain CID."""
        return self._messages.get(cid)

    def add(self, signed: SignedMessage) -> None:
        """Remember a message, and forget the oldest beyond the bounds."""
        if signed.chain_cid() in self._messages:
            return
        self._messages[signed.chain_cid()] = signed
        self.size_bytes += len(signed.encode())
        while len(self._messages) > REMEMBERED_MESSAGES_MAX or self.size_bytes > REMEMBERED_BYTES_MAX:
            _cid, oldest = self._messages.popitem(last=False)
            self.size_bytes -= len(oldest.encode())


class OwnMessages:
    """What this node's users sent; every change is durable before it returns, but for what is forgotten."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._messages: dict[Cid, SignedMessage] = {}
        self.size_bytes = 0
        for _key, data in store.scan(METADATA, _OWN):
            self._note(SignedMessage.decode(data))

    def __contains__(self, cid: Cid) -> bool:
        return cid in self._messages

    def __iter__(self) -> Iterator[SignedMessage]:
        return iter(list(self._messages.values()))

    def __len__(self) -> int:
        return len(self._messages)

    def get(self, cid: Cid) -> SignedMessage | None:
        """A message by its chain CID."""
        return self._messages.get(cid)

    def _note(self, signed: SignedMessage) -> None:
        if signed.chain_cid() not in self._messages:
            self._messages[signed.chain_cid()] = signed
            self.size_bytes += len(signed.encode())

    def keep(self, signed: SignedMessage, waits: Callable[[Cid], bool]) -> None:
        """Write a message; beyond the bounds forget the oldest of those that do not wait."""
        self._store.write([Put(METADATA, _OWN + signed.chain_cid().data, signed.encode())])
        self._note(signed)
        if len(self._messages) <= OWN_MESSAGES_MAX and self.size_bytes <= OWN_BYTES_MAX:
            return
        done = (cid for cid in list(self._messages) if cid != signed.chain_cid() and not waits(cid))
        while len(self._messages) > OWN_MESSAGES_MAX or self.size_bytes > OWN_BYTES_MAX:
            oldest = next(done, None)
            if oldest is None:
                return
            self.forget(oldest)

    def forget(self, cid: Cid) -> None:
        """Drop a message; a crash may bring it back, and then it is looked at once more."""
        signed = self._messages.pop(cid, None)
        if signed is not None:
            self.size_bytes -= len(signed.encode())
            self._store.write([Delete(METADATA, _OWN + cid.data)], durable=False)
