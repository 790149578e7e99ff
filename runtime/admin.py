"""The admin channel of a running node: one ZeroMQ socket that only the owner of the home directory can reach.

It stands in ``<home>/run`` (mode 0700) and accepts connections of the owner's user id only, so there are two locks
and no password. It carries registered messages, one request and one reply at a time.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import zmq
from thespian.actors import ActorAddress
from thespis.runtime.actor.conversation import Ask, Role
from thespis.runtime.actor.envelopes import Failure, Reply
from thespis.runtime.actor.message import REGISTRY, message
from thespis.runtime.bases.channels import HANDSHAKE_MS
from thespis.runtime.config import parse_value
from thespis.runtime.errors import MessageError, RemoteError, RuntimeFloorError

R = TypeVar("R")
SOCKET_NAME = "admin"
REQUEST_BYTES_MAX = 1 << 20


class NodeUnreachableError(RuntimeFloorError):
    """No node answers at this home."""


LAUNCHER = Role("Launcher", "")
"""The process that runs a node and serves its admin channel."""


@message
class AdminTell(Ask[str], to=LAUNCHER):
    """Send a message, given by name and text, to a role; the reply comes back as JSON."""

    role: str
    message: str
    arguments: tuple[str, ...]
    limit_s: float


@message
class StopNode(Ask[None], to=LAUNCHER):
    """Stop the node in order and end its process."""


def _url(run: Path) -> tuple[str, int]:
    fd = os.open(run, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"ipc:///proc/self/fd/{fd}/{SOCKET_NAME}", fd


class AdminServer:
    """Serves the channel from the thread that calls `serve`."""

    def __init__(self, run: Path, answer: Callable[[Any], Any]) -> None:
        self._answer = answer
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.REP)
        for option, value in (
            (zmq.MAXMSGSIZE, REQUEST_BYTES_MAX),
            (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
            (zmq.IPC_FILTER_UID, os.getuid()),
            (zmq.LINGER, 200),
        ):
            self._socket.setsockopt(option, value)
        url, self._fd = _url(run)
        self._socket.bind(url)
        (run / SOCKET_NAME).chmod(0o600)

    def serve(self, wait_s: float) -> None:
        """Answer at most one request, waiting `wait_s` for it."""
        if not self._socket.poll(int(wait_s * 1000)):
            return
        data = self._socket.recv()
        try:
            question = REGISTRY.decode(data)
            encoded = REGISTRY.encode(Reply(0, REGISTRY.reply_to_wire(type(question), self._answer(question))))
        except RemoteError as error:
            encoded = REGISTRY.encode(Failure(0, error.kind, error.detail))
        except Exception as error:
            encoded = REGISTRY.encode(Failure(0, type(error).__name__, str(error)[:2000]))
        self._socket.send(encoded)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        self._context.term()
        os.close(self._fd)


def admin_ask(run: Path, question: Ask[R], within_s: float = 10.0) -> R:
    """Ask the node that runs at a home; raises NodeUnreachableError or RemoteError."""
    try:
        owner = run.stat().st_uid
        reachable = (run / SOCKET_NAME).exists()
    except PermissionError:
        raise NodeUnreachableError(
            f"{run} belongs to another user; only the owner of the home may command the node"
        ) from None
    except FileNotFoundError:
        raise NodeUnreachableError(f"no node runs at {run.parent} (is the daemon running?)") from None
    if owner != os.getuid():
        raise NodeUnreachableError(f"{run} belongs to user {owner}; only the owner of the home may command the node")
    if not reachable:
        raise NodeUnreachableError(f"no node runs at {run.parent} (is the daemon running?)")
    context = zmq.Context()
    url, fd = _url(run)
    try:
        with context.socket(zmq.REQ) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(url)
            socket.send(REGISTRY.encode(question))
            if not socket.poll(int(within_s * 1000)):
                raise NodeUnreachableError(f"the node at {run.parent} did not answer within {within_s} s")
            answer = REGISTRY.decode(socket.recv())
    finally:
        context.term()
        os.close(fd)
    if isinstance(answer, Failure):
        raise RemoteError(answer.kind, answer.detail)
    reply: R = REGISTRY.reply_from_wire(type(question), answer.body)
    return reply


def build_message(name: str, arguments: tuple[str, ...]) -> Any:
    """A registered message from its name and ``field=value`` (or positional) texts; values are TOML or plain text."""
    cls = REGISTRY.type_named(name)
    fields = [field.name for field in dataclasses.fields(cls)]
    values: dict[str, Any] = {}
    for position, argument in enumerate(arguments):
        key, separator, text = argument.partition("=")
        if not separator or key not in fields:
            if position >= len(fields):
                raise MessageError(f"{name} has {len(fields)} fields ({', '.join(fields) or 'none'}), more were given")
            key, text = fields[position], argument
        values[key] = _plain(parse_value(text))
    missing = [field for field in fields if field not in values]
    if missing:
        raise MessageError(f"{name} needs {', '.join(missing)}; give them as field=value")
    return REGISTRY.from_wire((name, *(values[field] for field in fields)))


def _plain(value: Any) -> Any:
    return tuple(_plain(item) for item in value) if isinstance(value, list) else value


def to_json(value: Any) -> str:
    """A message as JSON, for people and scripts."""
    return json.dumps(_jsonable(value), indent=2, ensure_ascii=False)


def _jsonable(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, ActorAddress):
        return str(value.addressDetails)
    if isinstance(value, tuple | list):
        return [_jsonable(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
