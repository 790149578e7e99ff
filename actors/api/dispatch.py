"""From a request's bytes to an answer's bytes: parsing, batches, permissions, parameters, bounds, error codes."""

from __future__ import annotations

import inspect
import json
import logging
import math
from collections.abc import Iterator
from typing import Any, Protocol

from thespis.actors.api.channels import Identity
from thespis.actors.api.forms import written
from thespis.actors.api.methods import METHODS
from thespis.actors.api.registry import (
    APPLICATION,
    INVALID_REQUEST,
    LIMIT,
    NO_METHOD,
    PARSE,
    WRONG_PARAMS,
    Entries,
    Method,
    NodeView,
    RpcError,
)
from thespis.protocols.errors import ProtocolError
from thespis.runtime.errors import RemoteError, RuntimeFloorError

logger = logging.getLogger(__name__)

BATCH_MAX = 100
VALUES_MAX = 200_000
"""Values of a body: each takes up to a hundred times its length once it is read."""
ASIDE_BYTES = 16 << 10
"""Longer bodies are read in a lane."""
ANSWER_BYTES_MAX = 32 << 20
"""Of the answers to one body: a full pool can be listed, if nobody else has an answer of that size put together."""
NAME_CHARS_MAX = 80
"""Of what a caller said, so much is repeated in an error."""
CANCEL = "xrpc.cancel"
HTTP_STATUS = {PARSE: 500, INVALID_REQUEST: 400, NO_METHOD: 500, WRONG_PARAMS: 500}
"""Lotus' statuses; errors of the application are answered with 200."""


class CallNode(NodeView, Protocol):
    """What answering a body takes, beside what a method may use."""

    def named(self, request: Identity) -> CallNode:
        """The same for one request of the body."""
        ...

    def admit(self) -> None:
        """Go on; raises RpcError where too many calls of the client are in progress."""
        ...

    async def cancellable(self, answering: Any) -> Any:
        """What a coroutine gives; raises RpcError where the request is cancelled meanwhile."""
        ...

    def hold(self, size: int) -> bool:
        """Book bytes of an answer until all is answered; False where all that is being answered is too much."""
        ...


async def answer(node: CallNode, body: bytes, permissions: tuple[str, ...]) -> tuple[bytes, int]:
    """The answer to a body, empty for notifications, and its HTTP status."""
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > VALUES_MAX:
        text = f"the body has more than {VALUES_MAX} values; send less at once"
        return _error(None, INVALID_REQUEST, text), HTTP_STATUS[INVALID_REQUEST]
    try:
        request = await node.beside(lambda _view: _read(body)) if len(body) > ASIDE_BYTES else _read(body)
    except (ValueError, RecursionError):
        return _error(None, PARSE, "the body is not JSON"), HTTP_STATUS[PARSE]
    if isinstance(request, list):
        return await _batch(node, request, permissions)
    single, code = await _one(node, request, permissions)
    return single, HTTP_STATUS.get(code, 200)


def _read(body: bytes) -> Any:
    return json.loads(body, parse_constant=_refuse)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


async def _batch(node: CallNode, requests: list[Any], permissions: tuple[str, ...]) -> tuple[bytes, int]:
    if not 0 < len(requests) <= BATCH_MAX:
        text = f"a batch of {len(requests)} calls; it has 1 to {BATCH_MAX}"
        return _error(None, INVALID_REQUEST, text), HTTP_STATUS[INVALID_REQUEST]
    answers: list[bytes] = []
    held = 0
    while requests:
        request = requests.pop(0)
        given, _code = await _one(node, request, permissions, room=held <= ANSWER_BYTES_MAX)
        held += len(given)
        answers += [given] if given else []
    return (b"[" + b",".join(answers) + b"]" if answers else b""), 200


async def _one(node: CallNode, request: Any, permissions: tuple[str, ...], *, room: bool = True) -> tuple[bytes, int]:
    """The answer to one request, empty for a notification, and its error's code, or 0."""
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return _error(None, INVALID_REQUEST, "a request is an object with a method"), INVALID_REQUEST
    identity = request.get("id")
    if not _is_identity(identity):
        return _error(None, INVALID_REQUEST, "a request's id is a text, a number or null"), INVALID_REQUEST
    name = request["method"]
    try:
        if not room:
            raise RpcError(LIMIT, f"the answers are over {ANSWER_BYTES_MAX} bytes; ask for less at once")
        view = node.named(identity)
        if name != CANCEL:
            view.admit()
        result = await view.cancellable(_call(view, name, request.get("params"), permissions))
        if len(result) > ANSWER_BYTES_MAX or not node.hold(len(result)):
            raise RpcError(LIMIT, f"an answer of {len(result)} bytes; the node has no room for it now, ask for less")
    except Exception as error:
        code, text = _fault(name, error)
        return (b"" if identity is None else _error(identity, code, text)), code
    if identity is None:
        return b"", 0
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (json.dumps(identity).encode(), result), 0


def _is_identity(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or (isinstance(value, str | int) and not isinstance(value, bool))


def _fault(name: str, error: Exception) -> tuple[int, str]:
    """Code and text of what a method raised; what none of it may raise is this node's fault, and logged."""
    if isinstance(error, RpcError):
        return error.code, str(error)
    if isinstance(error, RemoteError):
        return APPLICATION, error.detail
    if isinstance(error, ProtocolError | RuntimeFloorError):
        return APPLICATION, str(error)
    logger.error("%s failed", name, exc_info=error)
    return APPLICATION, "the node failed; its log says more"


async def _call(node: CallNode, name: str, params: Any, permissions: tuple[str, ...]) -> bytes:
    """A method's result as JSON; what only reads is done beside the mailbox."""
    method = METHODS.get(name)
    if method is None:
        raise RpcError(NO_METHOD, f"method '{name[:NAME_CHARS_MAX]}' not found")
    if method.permission not in permissions:
        raise RpcError(
            APPLICATION, f"missing permission to invoke '{name.rpartition('.')[2]}' (need '{method.permission}')"
        )
    parsed = _parse(method, params)
    network = node.address_network
    if inspect.iscoroutinefunction(method.function):
        found = await method.function(node, *parsed)
        return found if isinstance(found, bytes) else put_together(found, network)
    result: bytes = await node.beside(
        lambda view: put_together(method.function(view, *parsed), network), quick=method.quick
    )
    return result


def put_together(value: Any, network: str) -> bytes:
    """A result as JSON; an iterator's items and entries one by one, and no further than an answer may be long.

    What a chain keeps has no bound, and as objects of Python it takes ten times as much as in JSON: who made all of it
    before looking at its length would be made to by anyone.
    """
    if isinstance(value, Entries):
        pairs = ((written(name, network), written(each, network)) for name, each in value.pairs)
        return b"{%b}" % _joined(b"%b:%b" % pair for pair in pairs)
    if isinstance(value, Iterator):
        return b"[%b]" % _joined(written(each, network) for each in value)
    return written(value, network)


def _joined(parts: Iterator[bytes]) -> bytes:
    taken: list[bytes] = []
    size = 0
    for part in parts:
        size += len(part) + 1
        if size > ANSWER_BYTES_MAX:
            raise RpcError(LIMIT, f"the answer is over {ANSWER_BYTES_MAX} bytes; ask for less")
        taken.append(part)
    return b",".join(taken)


def _parse(method: Method, params: Any) -> list[Any]:
    given = [] if params is None else params
    if not isinstance(given, list):
        raise RpcError(WRONG_PARAMS, "parameters are a list")
    for parsers in method.signatures:
        if len(parsers) == len(given):
            try:
                return [parse(value) for parse, value in zip(parsers, given, strict=True)]
            except ProtocolError as error:
                raise RpcError(WRONG_PARAMS, str(error)) from None
    counts = " or ".join(str(len(parsers)) for parsers in method.signatures)
    raise RpcError(WRONG_PARAMS, f"wrong param count (method '{method.name}'): {len(given)} != {counts}")


def _error(identity: Identity, code: int, text: str) -> bytes:
    error = {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": text}}
    return json.dumps(error, separators=(",", ":")).encode()
