"""Packers and checkers for the field types a message may have.

Each is compiled once, at declaration, from a type annotation. A checker accepts exactly the declared type:
`True` is no integer and `1` is no float, because a message means the same on both sides or is refused.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

import msgpack
from thespian.actors import ActorAddress
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Record
from thespis.runtime.actor.conversation import Message, Plain
from thespis.runtime.errors import MessageError

if TYPE_CHECKING:
    from thespis.runtime.actor.message import Registry

EXT_BIG_INTEGER = 1
EXT_ADDRESS = 2
INTEGER_BYTES_MAX = 129
"""Filecoin's big integers serialise to at most 128 bytes plus a sign (reference: formats, section 3)."""


@dataclass(frozen=True, slots=True)
class FieldCodec:
    """How one field goes to the wire (`None`: as it is) and how it is checked when it comes back."""

    pack: Callable[[Any], Any] | None
    unpack: Callable[[Any], Any]


CHAIN_SCALARS: dict[type, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    Cid: (bytes, Cid.parse),
    Address: (bytes, Address.parse),
    Bitfield: (Bitfield.encode, Bitfield.decode),
}
"""Types of the chain that stand in messages as a byte string of their own form, with their own parser.

Beside them every chain record does, as its DAG-CBOR bytes, and every class with ``to_bytes`` and ``from_bytes``.
"""


def pack_extension(value: Any) -> Any:
    """Encode what msgpack has no type for: big integers and actor addresses."""
    if type(value) is int:
        return msgpack.ExtType(EXT_BIG_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
    if isinstance(value, ActorAddress):
        return msgpack.ExtType(EXT_ADDRESS, str(value.addressDetails).encode())
    raise TypeError(f"{type(value).__name__} has no wire form")


def unpack_extension(code: int, data: bytes) -> Any:
    """Decode the two extensions; any other code is refused."""
    if code == EXT_BIG_INTEGER and len(data) <= INTEGER_BYTES_MAX:
        return int.from_bytes(data, "big", signed=True)
    if code == EXT_ADDRESS:
        return ActorAddress(data.decode())
    raise ValueError(f"extension {code} of {len(data)} bytes is not a message field")


def _exactly(expected: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not expected:
            raise TypeError(f"expected {expected.__name__}, got {type(value).__name__}")
        return value

    return check


def _instance(expected: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, expected):
            raise TypeError(f"expected {expected.__name__}, got {type(value).__name__}")
        return value

    return check


_EXACT: dict[Any, FieldCodec] = {cls: FieldCodec(None, _exactly(cls)) for cls in (bool, int, str, bytes, type(None))}
# a whole number where a real one is declared means the same, so the sender's int goes out as a float
_EXACT[float] = FieldCodec(float, _exactly(float))


def compile_field(hint: Any, registry: Registry) -> FieldCodec:
    """Compile one annotation; raises TypeError with the reason when it has no wire form."""
    if hint is None:
        hint = type(None)
    if hint in _EXACT:
        return _EXACT[hint]
    if hint is Message:
        return FieldCodec(registry.to_wire, registry.from_wire)
    if hint is Plain:
        return FieldCodec(None, lambda value: value)
    if hint is ActorAddress:
        return FieldCodec(None, _instance(ActorAddress))
    if chain_form := _chain_form(hint):
        return _byte_string(*chain_form)
    if isinstance(hint, typing.NewType):
        return compile_field(hint.__supertype__, registry)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return FieldCodec(lambda member: member.value, hint)
    if isinstance(hint, type) and is_dataclass(hint):
        if not registry.knows(hint):
            raise TypeError(f"is a {hint.__name__}, which is not declared with @message")
        return FieldCodec(registry.to_wire, _nested(registry, hint))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return _tuple(arguments, registry)
    if origin is dict:
        return _mapping(arguments, registry)
    if origin in (typing.Union, types.UnionType):
        return _union(arguments, registry)
    raise TypeError(f"has type {hint!r}, which has no wire form")


def _chain_form(hint: Any) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]] | None:
    if not isinstance(hint, type) or hint is int or issubclass(hint, enum.Enum):
        return None
    if hint in CHAIN_SCALARS:
        return CHAIN_SCALARS[hint]
    if issubclass(hint, Record):
        return hint.encode, hint.decode
    if hasattr(hint, "to_bytes") and hasattr(hint, "from_bytes"):
        return hint.to_bytes, hint.from_bytes
    return None


def _byte_string(to_bytes: Callable[[Any], bytes], from_bytes: Callable[[bytes], Any]) -> FieldCodec:
    check = _exactly(bytes)
    return FieldCodec(to_bytes, lambda value: from_bytes(check(value)))


def _nested(registry: Registry, expected: type) -> Callable[[Any], Any]:
    def unpack(wire: Any) -> Any:
        value = registry.from_wire(wire)
        if type(value) is not expected:
            raise TypeError(f"expected {expected.__name__}, got {type(value).__name__}")
        return value

    return unpack


def _tuple(arguments: tuple[Any, ...], registry: Registry) -> FieldCodec:
    check = _exactly(tuple)
    if len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004
        item = compile_field(arguments[0], registry)
        pack, unpack = item.pack, item.unpack
        return FieldCodec(
            None if pack is None else lambda values: tuple(map(pack, values)),
            lambda values: tuple(map(unpack, check(values))),
        )
    items = [compile_field(argument, registry) for argument in arguments]

    def pack_all(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            value if item.pack is None else item.pack(value) for item, value in zip(items, values, strict=True)
        )

    def unpack_all(values: Any) -> tuple[Any, ...]:
        return tuple(item.unpack(value) for item, value in zip(items, check(values), strict=True))

    return FieldCodec(pack_all if any(item.pack for item in items) else None, unpack_all)


def _mapping(arguments: tuple[Any, ...], registry: Registry) -> FieldCodec:
    key, value = (compile_field(argument, registry) for argument in arguments)
    check = _exactly(dict)

    def pack(mapping: dict[Any, Any]) -> dict[Any, Any]:
        return {
            (k if key.pack is None else key.pack(k)): (v if value.pack is None else value.pack(v))
            for k, v in mapping.items()
        }

    return FieldCodec(
        pack if key.pack or value.pack else None,
        lambda wire: {key.unpack(k): value.unpack(v) for k, v in check(wire).items()},
    )


def _union(arguments: tuple[Any, ...], registry: Registry) -> FieldCodec:
    """Unions of scalars and of registered messages: what came is tried against each in turn."""
    codecs = {typing.get_origin(argument) or argument: compile_field(argument, registry) for argument in arguments}

    def pack(value: Any) -> Any:
        codec = codecs.get(type(value)) or codecs.get(Message)
        if codec is None and type(value) is int:
            codec = codecs.get(float)
        if codec is None:
            raise TypeError(f"{type(value).__name__} is not one of the union's types")
        return value if codec.pack is None else codec.pack(value)

    def unpack(wire: Any) -> Any:
        refusal: MessageError | None = None
        for codec in codecs.values():
            try:
                return codec.unpack(wire)
            except (TypeError, ValueError):
                continue
            except MessageError as error:
                refusal = error
        if refusal is not None and type(wire) is tuple:
            raise refusal
        raise TypeError(f"{type(wire).__name__} is none of {[getattr(a, '__name__', str(a)) for a in arguments]}")

    return FieldCodec(pack, unpack)


# -- how large an answer may be ------------------------------------------------------------------------------


def is_page(hint: Any) -> bool:
    """Whether an answer is a page: items, and where the next one begins (`thespis.runtime.actor.pages`)."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is not tuple or len(arguments) != 2 or arguments[1] is not bytes:  # noqa: PLR2004
        return False
    return typing.get_origin(arguments[0]) is tuple and typing.get_args(arguments[0])[-1] is Ellipsis


def holds_a_list(hint: Any) -> bool:
    """Whether values of a type, or of the messages in them, hold as many items as somebody puts in."""
    if isinstance(hint, type) and is_dataclass(hint) and not issubclass(hint, Record):
        return any(holds_a_list(each) for each in typing.get_type_hints(hint).values())
    arguments = typing.get_args(hint)
    return (
        typing.get_origin(hint) is dict
        or Ellipsis in arguments
        or any(holds_a_list(each) for each in arguments if each is not Ellipsis)
    )
