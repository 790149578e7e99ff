"""What the operator ordered last, mine or do not mine: it stands over crashes, until the setting itself is changed."""

from __future__ import annotations

from thespis.runtime.store.interface import METADATA, Put, Store

_ORDER = b"order"


class Orders:
    """The standing order of one node, kept durably before it is acknowledged."""

    def __init__(self, store: Store, configured: bool) -> None:
        """`configured` is the setting; an order that was given under another setting is overtaken by it."""
        self._store = store
        self._configured = configured

    @property
    def mining(self) -> bool:
        """Whether to mine."""
        kept = self._store.get(METADATA, _ORDER)
        if kept is None or bool(kept[0]) != self._configured:
            return self._configured
        return bool(kept[1])

    def give(self, mining: bool) -> None:
        """Remember an order."""
        self._store.write([Put(METADATA, _ORDER, bytes((self._configured, mining)))])
