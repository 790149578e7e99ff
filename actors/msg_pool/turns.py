"""Turns of senders: one message of each at a time is given a nonce and signed, in the order in which they came."""

from __future__ import annotations

from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import PoolError
from thespis.runtime.actor import turns

WAITING_MAX = 1000
"""Who wait for a turn, of all senders together."""


class BusyError(PoolError):
    """As many wait for their turn as may."""


class Turns(turns.Turns[Address]):
    """A turn for each sender."""

    def check_room(self, waiting: int) -> None:
        """Raise BusyError beyond the bound."""
        if waiting >= WAITING_MAX:
            raise BusyError(f"{WAITING_MAX} messages wait to be signed; try again when some are")
