"""What the Api is asked from inside the system."""

from __future__ import annotations

from thespis.actors.roles import API
from thespis.protocols.errors import ChainError
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.message import message


@message
class RpcReply:
    """A JSON-RPC answer, or a part of one; `rest` is what to ask for the next by, 0 after the last."""

    body: bytes
    rest: int = 0


@message
class RpcCall(Ask[RpcReply], to=API, within_s=8.0):
    """A JSON-RPC body with every permission."""

    body: bytes


@message
class ReadRest(Ask[RpcReply], to=API, raises=(ChainError,), within_s=8.0):
    """The next part of an answer that does not fit a message."""

    rest: int
