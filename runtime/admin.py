"""The admin channel of a running node: one ZeroMQ socket that only the owner of the home directory can reach.

It stands in ``<home>/run`` (mode 0700) and accepts connections of the owner's user id only, so there are two locks
and no password. It carries registered messages, one request and one reply at a time.
"""

from __future__ import annotations

import dataclasses
import difflib
import enum
import json
import os
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import zmq
from thespian.actors import ActorAddress
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Record
from thespis.protocols.errors import ProtocolError
from thespis.runtime.actor.conversation import Ask, Role, Tell
from thespis.runtime.actor.envelopes import Failure, Reply
from thespis.runtime.actor.message import REGISTRY, message
from thespis.runtime.bases.channels import HANDSHAKE_MS
from thespis.runtime.errors import MessageError, RemoteError, RuntimeFloorError, UnknownMessageError
from thespis.runtime.settings import parse_value

R = TypeVar("R")
SOCKET_NAME = "admin"
REQUEST_BYTES_MAX = 1 << 20
TEXT_FORMS: dict[type, Callable[[str], Address | Cid]] = {Address: Address.from_text, Cid: Cid.from_text}
"""Types of the chain that a person writes as text; whatever else is bytes on the wire is written as hexadecimals."""


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
    """A registered message from its name and ``field=value`` (or positional) texts.

    Values are TOML or plain text; addresses and CIDs stand in their usual text, and whatever else is bytes on the wire
    as hexadecimals. Raises MessageError for what is not known, with the names that are near it.
    """
    cls = _spoken(name)
    fields = [field.name for field in dataclasses.fields(cls)]
    values: dict[str, Any] = {}
    for position, argument in enumerate(arguments):
        key, separator, text = argument.partition("=")
        if not separator or key not in fields:
            if position >= len(fields):
                raise MessageError(f"{name} has {len(fields)} fields ({', '.join(fields) or 'none'}), more were given")
            key, text = fields[position], argument
        values[key] = text
    hints = typing.get_type_hints(cls)
    wire = {field.name: field.default for field in dataclasses.fields(cls) if field.default is not dataclasses.MISSING}
    for key, text in values.items():
        try:
            wire[key] = _field_from_text(hints[key], text)
        except (ProtocolError, ValueError) as error:
            raise MessageError(f"{name}: {key}: {error}") from None
    missing = [field for field in fields if field not in wire]
    if missing:
        raise MessageError(f"{name} needs {', '.join(missing)}; give them as field=value")
    return REGISTRY.from_wire((name, *(wire[field] for field in fields)))


def _field_from_text(hint: Any, text: str) -> Any:
    """What stands on the wire for a field that a person wrote."""
    value = parse_value(text)
    return _wire_value(hint, text if hint is str and not isinstance(value, str) else value)


def _wire_value(hint: Any, value: Any) -> Any:
    if isinstance(value, list):
        [item, *_] = [*typing.get_args(hint), hint]
        return tuple(_wire_value(item, each) for each in value)
    if not isinstance(value, str):
        return value
    kinds = [kind for kind in (hint, *typing.get_args(hint)) if isinstance(kind, type)]
    for kind, read in TEXT_FORMS.items():
        if kind in kinds:
            return bytes(read(value))
    return bytes.fromhex(value) if any(map(_is_bytes, kinds)) else value


def _is_bytes(kind: type) -> bool:
    return issubclass(kind, bytes | Record) or (hasattr(kind, "from_bytes") and not issubclass(kind, int))


def _spoken(name: str) -> type:
    """What is asked or told under a name; an unknown one is answered with those near it."""
    try:
        return REGISTRY.type_named(name)
    except UnknownMessageError as error:
        conversation = [kind for kind in REGISTRY.declared() if issubclass(kind, Ask | Tell) and kind.addressee.tree]
        known = [kind.__name__ for kind in conversation]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        raise UnknownMessageError(f"{error}; near it {' and '.join(near)}" if near else str(error)) from None


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
