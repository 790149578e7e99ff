"""Events: published to the Node, which routes them to the subsystems that subscribe (actors/node.py)."""

from __future__ import annotations

from thespis.actors.messages.forms import Key
from thespis.runtime.actor.message import message


@message
class NewHead:
    """The heaviest chain changed: `reverted` from the old head down, `applied` from the common ancestor up."""

    head: Key
    height: int
    weight: int
    reverted: tuple[Key, ...]
    applied: tuple[Key, ...]


@message
class PeerJoined:
    """A peer is connected."""

    peer: str


@message
class PeerMisbehaved:
    """A peer sent what no honest peer sends; the network drops it."""

    peer: str
    reason: str
