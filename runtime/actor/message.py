"""The registry of message types, generated from frozen dataclasses, and their one wire form.

A message is declared with ``@message``. The declaration compiles a packer and a checker for every field, so a
type that cannot be encoded fails when it is declared and never when it is sent. What arrives is checked
field by field before an object exists: the wire is an edge, and edges parse (design: architecture, section 2).

======  ==========================================================
wire    meaning
======  ==========================================================
array   ``[type name, field, field, ...]``: one registered message
ext 1   integer beyond 64 bits, big-endian two's complement
ext 2   actor address, UTF-8
======  ==========================================================
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar, cast, dataclass_transform

import msgpack
from thespian.actors import ActorAddress
from thespis.runtime.actor.conversation import Ask, Event, Message, Plain, Tell
from thespis.runtime.actor.fields import (
    FieldCodec,
    compile_field,
    holds_a_list,
    is_page,
    pack_extension,
    unpack_extension,
)
from thespis.runtime.errors import MessageError, UnknownMessageError

T = TypeVar("T")

MESSAGE_BYTES_MAX = 16 << 20
"""Largest encoded message; bulk goes through the store (design: architecture, section 3)."""

COLLECTION_ITEMS_MAX = 1 << 20
"""Most items of one array or map in a message; bounds work before any object is built."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    read: Callable[[Any], tuple[Any, ...]]
    build: Callable[..., Any]
    packers: tuple[Callable[[Any], Any] | None, ...]
    unpackers: tuple[Callable[[Any], Any], ...]
    plain: bool


class Registry:
    """Maps message types to wire names and back; unknown on either side is an error."""

    def __init__(self) -> None:
        self._by_type: dict[type, _Entry] = {}
        self._by_name: dict[str, _Entry] = {}
        self._types: dict[str, type] = {}
        self._replies: dict[type, FieldCodec] = {}

    def declare(self, cls: type, name: str | None = None) -> None:
        """Compile and register one frozen dataclass under `name`, by default its class name."""
        wire_name = name or cls.__name__
        hints = typing.get_type_hints(cls, localns={cls.__name__: cls})
        names = [field.name for field in dataclasses.fields(cls)]
        codecs: list[FieldCodec] = []
        for field_name in names:
            try:
                codecs.append(compile_field(hints[field_name], self))
            except TypeError as error:
                raise MessageError(f"message {wire_name}: field {field_name!r} {error}") from None
        self._check_conversation(cls, wire_name)
        self.adapt(cls, wire_name, names, codecs, cls)

    def _check_conversation(self, cls: type, wire_name: str) -> None:
        """A message that is part of a conversation says with whom, and a question's answer has a wire form."""
        role = "publisher" if issubclass(cls, Event) else "addressee"
        if issubclass(cls, Ask | Tell | Event) and not hasattr(cls, role):
            raise MessageError(f"message {wire_name} does not say its role; declare it with to=ROLE, an event by=ROLE")
        if issubclass(cls, Ask):
            try:
                self._replies[cls] = compile_field(cls.reply_hint, self)
            except TypeError as error:
                raise MessageError(f"message {wire_name}: its answer {error}") from None
            self._check_answer_fits(cls, wire_name)

    def _check_answer_fits(self, cls: type[Ask[Any]], wire_name: str) -> None:
        """An answer that holds a list says how long it may be, or comes in pages."""
        bound = cls.answer_bytes_max
        if not 0 <= bound <= MESSAGE_BYTES_MAX:
            raise MessageError(f"message {wire_name}: answer_bytes_max={bound}; a frame holds {MESSAGE_BYTES_MAX}")
        if is_page(cls.reply_hint):
            if not any(field.name == "after" for field in dataclasses.fields(cast("Any", cls))):
                raise MessageError(f"message {wire_name} is answered in pages and has no field `after: bytes`")
        elif not bound and holds_a_list(cls.reply_hint):
            raise MessageError(
                f"message {wire_name} is answered with a list; say answer_bytes_max=, or answer it with a Page"
            )

    def adapt(
        self,
        cls: type,
        name: str,
        attributes: list[str],
        codecs: list[FieldCodec],
        build: Callable[..., Any],
    ) -> None:
        """Register a class that is not ours (Thespian's own messages) by its attributes."""
        known = self._types.get(name)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise MessageError(
                f"message name {name!r} is taken by {known.__module__}.{known.__qualname__}; "
                f"rename {cls.__module__}.{cls.__qualname__}"
            )
        read: Callable[[Any], tuple[Any, ...]]
        if not attributes:
            read = _no_fields
        elif len(attributes) == 1:
            get = attrgetter(attributes[0])
            read = lambda value: (get(value),)  # noqa: E731
        else:
            read = attrgetter(*attributes)
        packers = tuple(codec.pack for codec in codecs)
        entry = _Entry(name, read, build, packers, tuple(codec.unpack for codec in codecs), not any(packers))
        self._by_type[cls] = self._by_name[name] = entry
        self._types[name] = cls

    def to_wire(self, value: Any) -> tuple[Any, ...]:
        """Turn a registered message into plain arrays and scalars."""
        entry = self._by_type.get(type(value))
        if entry is None:
            raise MessageError(
                f"{type(value).__module__}.{type(value).__qualname__} is not a registered message; "
                "declare it with @message"
            )
        if entry.plain:
            return (entry.name, *entry.read(value))
        fields = [
            item if pack is None else pack(item) for pack, item in zip(entry.packers, entry.read(value), strict=True)
        ]
        return (entry.name, *fields)

    def from_wire(self, wire: Any) -> Any:
        """Check a decoded array and build the message it names."""
        if type(wire) is not tuple or not wire or type(wire[0]) is not str:
            raise MessageError(f"a message is an array that starts with its type name, not {_show(wire)}")
        entry = self._by_name.get(wire[0])
        if entry is None:
            raise UnknownMessageError(
                f"message type {wire[0][:80]!r} is not declared in this process; import the module that declares it"
            )
        if len(wire) != len(entry.unpackers) + 1:
            raise MessageError(
                f"message {entry.name}: {len(wire) - 1} fields came, {len(entry.unpackers)} are declared"
            )
        try:
            return entry.build(*[unpack(item) for unpack, item in zip(entry.unpackers, wire[1:], strict=True)])
        except (TypeError, ValueError) as error:
            raise MessageError(f"message {entry.name}: {error}") from None

    def reply_to_wire(self, question: type, reply: Any) -> Any:
        """An answer as plain values; raises MessageError for one that has no wire form."""
        pack = self._replies[question].pack
        try:
            return reply if pack is None else pack(reply)
        except (AttributeError, TypeError, ValueError) as error:
            raise MessageError(f"the answer to {question.__name__} cannot be encoded: {error}") from None

    def reply_from_wire(self, question: type, wire: Any) -> Any:
        """Check an answer by what its question declares; raises MessageError."""
        try:
            return self._replies[question].unpack(wire)
        except (TypeError, ValueError) as error:
            raise MessageError(f"the answer to {question.__name__}: {error}") from None

    def declared(self) -> tuple[type, ...]:
        """Every message type of this process, by name."""
        return tuple(cls for _name, cls in sorted(self._types.items()))

    def encode(self, value: Any) -> bytes:
        """Encode one message; raises MessageError when it is unknown, ill-typed or too large."""
        try:
            data: bytes = msgpack.packb(self.to_wire(value), default=pack_extension)
        except (TypeError, ValueError, OverflowError) as error:
            raise MessageError(f"message {type(value).__name__} cannot be encoded: {error}") from None
        if len(data) > MESSAGE_BYTES_MAX:
            raise MessageError(
                f"message {type(value).__name__} is {len(data)} bytes, the bound is {MESSAGE_BYTES_MAX}; "
                "send a reference and read the bulk from the store"
            )
        return data

    def decode(self, data: bytes) -> Any:
        """Decode one message; raises MessageError for anything that is not exactly one known message."""
        if len(data) > MESSAGE_BYTES_MAX:
            raise MessageError(f"encoded message is {len(data)} bytes, the bound is {MESSAGE_BYTES_MAX}")
        try:
            wire = msgpack.unpackb(
                data,
                use_list=False,
                ext_hook=unpack_extension,
                strict_map_key=False,
                max_array_len=COLLECTION_ITEMS_MAX,
                max_map_len=COLLECTION_ITEMS_MAX,
            )
        except Exception as error:
            raise MessageError(f"not a msgpack value: {type(error).__name__}: {error}"[:200]) from None
        return self.from_wire(wire)

    def type_named(self, name: str) -> type:
        """The type a wire name stands for; raises UnknownMessageError."""
        if name not in self._types:
            raise UnknownMessageError(f"message type {name[:80]!r} is not declared in this process")
        return self._types[name]

    def knows(self, cls: type) -> bool:
        """Whether `cls` was declared."""
        return cls in self._by_type


def _no_fields(_value: Any) -> tuple[Any, ...]:
    return ()


def _show(value: Any) -> str:
    return repr(value)[:80]


REGISTRY = Registry()
"""The process's declared messages; filled by ``@message`` at import, never at run time."""


@dataclass_transform(frozen_default=True)
def message(cls: type[T]) -> type[T]:
    """Declare a message: a frozen dataclass whose every field has a wire form.

    Frozen because a message is a fact that two actors share; declared because a process must be able to refuse
    what it does not know. Raises MessageError at declaration for a field that cannot be encoded.
    """
    record = dataclasses.dataclass(frozen=True, slots=True)(cls)
    REGISTRY.declare(record)
    return record


__all__ = ["REGISTRY", "ActorAddress", "Message", "Plain", "Registry", "message"]
