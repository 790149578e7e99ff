"""From a request's bytes to an answer's bytes: parsing, batches, permissions, parameters, error codes."""

from __future__ import annotations

import inspect
import json
import logging
from typing import Any

from thespis.actors.api.methods import METHODS
from thespis.actors.api.registry import (
    APPLICATION,
    INVALID_REQUEST,
    NO_METHOD,
    PARSE,
    WRONG_PARAMS,
    Method,
    NodeView,
    RpcError,
)
from thespis.protocols.errors import ProtocolError
from thespis.runtime.errors import RemoteError, RuntimeFloorError

logger = logging.getLogger(__name__)

BATCH_MAX = 100
HTTP_STATUS = {PARSE: 500, INVALID_REQUEST: 400, NO_METHOD: 500, WRONG_PARAMS: 500}
"""Lotus' statuses; errors of the application are answered with 200."""


async def answer(node: NodeView, body: bytes, permissions: tuple[str, ...]) -> tuple[bytes, int]:
    """The answer to a body, empty for notifications, and its HTTP status."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return _encode(_error(None, PARSE, "the body is not JSON")), HTTP_STATUS[PARSE]
    if isinstance(request, list):
        if not 0 < len(request) <= BATCH_MAX:
            text = f"a batch of {len(request)} calls; it has 1 to {BATCH_MAX}"
            return _encode(_error(None, INVALID_REQUEST, text)), HTTP_STATUS[INVALID_REQUEST]
        answers = [await _one(node, each, permissions) for each in request]
        given = [each for each in answers if each is not None]
        return (_encode(given) if given else b""), 200
    single = await _one(node, request, permissions)
    if single is None:
        return b"", 200
    return _encode(single), HTTP_STATUS.get(single.get("error", {}).get("code", 0), 200)


async def _one(node: NodeView, request: Any, permissions: tuple[str, ...]) -> dict[str, Any] | None:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return _error(None, INVALID_REQUEST, "a request is an object with a method")
    identity = request.get("id")
    try:
        result = await _call(node, request["method"], request.get("params"), permissions)
    except RpcError as error:
        return None if identity is None else _error(identity, error.code, str(error))
    except RemoteError as error:
        return None if identity is None else _error(identity, APPLICATION, error.detail)
    except (ProtocolError, RuntimeFloorError) as error:
        return None if identity is None else _error(identity, APPLICATION, str(error))
    except Exception:
        logger.exception("%s failed", request["method"])
        return None if identity is None else _error(identity, APPLICATION, "the node failed; its log says more")
    return None if identity is None else {"jsonrpc": "2.0", "id": identity, "result": result}


async def _call(node: NodeView, name: str, params: Any, permissions: tuple[str, ...]) -> Any:
    method = METHODS.get(name)
    if method is None:
        raise RpcError(NO_METHOD, f"method '{name}' not found")
    if method.permission not in permissions:
        raise RpcError(
            APPLICATION, f"missing permission to invoke '{name.rpartition('.')[2]}' (need '{method.permission}')"
        )
    result = method.function(node, *_parse(method, params))
    return await result if inspect.isawaitable(result) else result


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


def _error(identity: Any, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": text}}


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
