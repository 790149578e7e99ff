"""How chain types travel between subsystems; importing this gives CIDs and addresses their form in messages."""

from __future__ import annotations

from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.actor.fields import register_scalar

register_scalar(Cid, bytes, Cid.parse)
register_scalar(Address, bytes, Address.parse)

Key = tuple[Cid, ...]
"""A tipset key."""
