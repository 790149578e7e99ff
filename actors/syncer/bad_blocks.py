"""Blocks that broke a rule: neither they nor what is built on them is fetched again; bounded, oldest out first."""

from __future__ import annotations

from collections import OrderedDict

from thespis.protocols.encoding.cid import Cid

BLOCKS_MAX = 8192
REASON_CHARACTERS_MAX = 500


class BadBlocks:
    """Why blocks are refused, by CID."""

    def __init__(self) -> None:
        self._reasons: OrderedDict[Cid, str] = OrderedDict()

    def __contains__(self, cid: Cid) -> bool:
        return cid in self._reasons

    def __len__(self) -> int:
        return len(self._reasons)

    def add(self, cid: Cid, reason: str) -> None:
        """Refuse a block; the first reason stands."""
        self._reasons.setdefault(cid, reason[:REASON_CHARACTERS_MAX])
        if len(self._reasons) > BLOCKS_MAX:
            self._reasons.popitem(last=False)

    def remove(self, cid: Cid) -> None:
        """Stop refusing it."""
        self._reasons.pop(cid, None)

    def reason(self, cid: Cid) -> str:
        """Why, or an empty text."""
        return self._reasons.get(cid, "")
