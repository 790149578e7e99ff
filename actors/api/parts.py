"""Answers to calls from inside, in parts: what a caller asks for may be larger than a message.

Over HTTP an answer is as long as it is; between actors it must fit a frame. The first part comes at once, the others
are kept until they are asked for, of a bounded number of answers.
"""

from __future__ import annotations

from collections import OrderedDict

from thespis.actors.messages.api import RpcReply
from thespis.protocols.errors import ChainError

PART_BYTES_MAX = 4 << 20
ANSWERS_KEPT = 8


class PartGoneError(ChainError):
    """The rest of an answer is not kept any more."""


class Parts:
    """The rests of answers, by number."""

    def __init__(self) -> None:
        self._rests: OrderedDict[int, bytes] = OrderedDict()
        self._number = 0

    def first(self, body: bytes) -> RpcReply:
        """The answer, or its first part and the number of the rest; the oldest rest goes beyond the bound."""
        if len(body) <= PART_BYTES_MAX:
            return RpcReply(body)
        self._number += 1
        self._rests[self._number] = body[PART_BYTES_MAX:]
        if len(self._rests) > ANSWERS_KEPT:
            self._rests.popitem(last=False)
        return RpcReply(body[:PART_BYTES_MAX], self._number)

    def following(self, number: int) -> RpcReply:
        """The next part of an answer, once; raises PartGoneError."""
        rest = self._rests.pop(number, None)
        if rest is None:
            raise PartGoneError(f"the rest {number} of an answer is gone; {ANSWERS_KEPT} are kept, call again")
        return self.first(rest)
