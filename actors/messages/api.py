"""What the Api is asked from inside the system."""

from __future__ import annotations

from thespis.actors.roles import API
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.message import message


@message
class RpcReply:
    """A JSON-RPC answer."""

    body: bytes


@message
class RpcCall(Ask[RpcReply], to=API, within_s=8.0):
    """A JSON-RPC body with every permission."""

    body: bytes
