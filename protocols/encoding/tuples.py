"""Chain records: frozen dataclasses that are CBOR tuples, their encoding derived from their declaration.

A record is declared once, with the field names of the reference; the annotations say how each field is encoded, and
both directions are compiled from them. A decoder accepts exactly what the encoder writes, or as much more as a dialect
of others does.

=================  ==========================================================
annotation         encoding
=================  ==========================================================
int                signed 64-bit integer
Unsigned           unsigned 64-bit integer
BigInteger         byte string, sign and magnitude (also `TokenAmount`)
bool, str, bytes   themselves
Cid                link
Address, Bitfield  byte string
tuple[T, ...]      array; with `Items` or `Exactly` in ``Annotated`` of another bound, or of one length
a record           its tuple
T | None           T, or null
=================  ==========================================================
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any, ClassVar, NewType, Self, TypeVar, dataclass_transform

from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.bigint import decode_bigint, encode_bigint, read_bigint
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.errors import AddressProtocolError, CborError, DecodeError, EncodeError

T = TypeVar("T")

Unsigned = NewType("Unsigned", int)
"""An unsigned 64-bit integer."""
BigInteger = NewType("BigInteger", int)
"""An integer of at most 127 bytes, encoded as a byte string."""
TokenAmount = NewType("TokenAmount", int)
"""attoFIL, encoded as a big integer."""
ChainEpoch = NewType("ChainEpoch", int)
"""Height of a tipset, a signed 64-bit integer."""

TEXT_BYTES_MAX = 8192
"""Longest text that others' decoders take; cbor-gen has no bound of its own for it, but that of arrays."""
ARRAY_ITEMS_MAX = 8192
BYTES_MAX = 2 << 20
"""cbor-gen's bounds for arrays and byte strings (reference: formats, section 3)."""

_INT64 = range(-(1 << 63), 1 << 63)
_UINT64 = range(1 << 64)


@dataclasses.dataclass(frozen=True, slots=True)
class Items:
    """A bound of an array's own, for ``Annotated[tuple[T, ...], Items(most)]``."""

    most: int


@dataclasses.dataclass(frozen=True, slots=True)
class Exactly:
    """An array's one length, for ``Annotated[tuple[T, ...], Exactly(count)]``."""

    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


class Record:
    """Base of every chain record."""

    __slots__ = ("_cid", "_encoded")
    READER: ClassVar[Dialect] = Dialect.CANONICAL
    """How strictly it is read where nobody says otherwise."""
    _cid: Cid
    _encoded: bytes

    def to_wire(self) -> list[Any]:
        """The record as plain CBOR values."""
        return [field.pack(getattr(self, name)) for name, field in _layout(type(self)).items()]

    @classmethod
    def from_wire(cls, wire: Any, dialect: Dialect | None = None) -> Self:
        """The record of a decoded array; raises CborError naming the field that does not fit."""
        layout = _layout(cls, dialect or cls.READER)
        if not isinstance(wire, list) or len(wire) != len(layout):
            raise CborError(f"{cls.__name__} is an array of {len(layout)} fields")
        values: list[Any] = []
        try:
            for field, item in zip(layout.values(), wire, strict=True):
                values.append(field.unpack(item))
        except DecodeError as error:
            raise CborError(f"{cls.__name__}.{list(layout)[len(values)]}: {error}") from None
        return cls(*values)

    def with_(self, **changes: Any) -> Self:
        """The same record with other values in some fields, for rules that know only a base of several layouts."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]  # every record is a dataclass

    def encode(self) -> bytes:
        """The record's DAG-CBOR bytes; made once, for a message on its way is hashed and measured many times."""
        try:
            return self._encoded
        except AttributeError:
            self.keep_encoding(cbor.encode(self.to_wire()))
            return self._encoded

    def keep_encoding(self, encoded: bytes) -> None:
        """Take bytes as this record's encoding; they must be just that."""
        object.__setattr__(self, "_encoded", bytes(encoded))

    @classmethod
    def decode(cls, data: bytes, *, dialect: Dialect | None = None) -> Self:
        """The record of these bytes; in any dialect but the canonical one its own encoding may be another."""
        if (dialect or cls.READER) is not Dialect.CANONICAL:
            return cls.from_wire(cbor.decode_prefix(data), dialect)
        found = cls.from_wire(cbor.decode(data))
        found.keep_encoding(data)
        return found

    def cid(self) -> Cid:
        """The record's CID as a chain object."""
        try:
            return self._cid
        except AttributeError:
            cid = Cid.of(self.encode())
            object.__setattr__(self, "_cid", cid)
            return cid


class StateRecord(Record):
    """A record of the state, which is read as the machine reads it.

    A rule may keep what a message brought, a set, a link or a text, just as it came; then the reference reads that
    again, and so do we.
    """

    __slots__ = ()
    READER = Dialect.ACTORS


_READERS = {
    Dialect.CANONICAL: "from_bytes",
    Dialect.CHAIN: "from_chain_bytes",
    Dialect.ACTORS: "from_actors_bytes",
}
"""What a class with bytes of its own reads them by, where it has more than one way."""
_LAYOUTS: dict[Dialect, dict[type, dict[str, _Field]]] = {dialect: {} for dialect in Dialect}


def _layout(cls: type, dialect: Dialect = Dialect.CANONICAL) -> dict[str, _Field]:
    layout = _LAYOUTS[dialect].get(cls)
    if layout is None:
        hints = typing.get_type_hints(cls, include_extras=True)
        layout = {field.name: _compile(hints[field.name], dialect) for field in dataclasses.fields(cls)}
        _LAYOUTS[dialect][cls] = layout
    return layout


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Declare a chain record; a field without an encoding is an error at its first use."""
    return dataclasses.dataclass(frozen=True, slots=True)(cls)


def _integer(bounds: range, what: str) -> _Field:
    def pack(value: int) -> int:
        # not `in`: for a subclass of int, such as an enum, a range would count its way through 2^64 numbers
        if not bounds.start <= value < bounds.stop:
            raise EncodeError(f"{value} is no {what} integer")
        return int(value)

    def unpack(value: Any) -> int:
        if type(value) is not int or not bounds.start <= value < bounds.stop:
            raise CborError(f"{str(value)[:40]} is no {what} integer")
        return value

    return _Field(pack, unpack)


def _exactly(cls: type) -> _Field:
    def unpack(value: Any) -> Any:
        if type(value) is not cls:
            raise CborError(f"{type(value).__name__} where {cls.__name__} belongs")
        return value

    return _Field(lambda value: value, unpack)


def _byte_string(pack: Callable[[Any], bytes], parse: Callable[[bytes], Any]) -> _Field:
    def unpack(value: Any) -> Any:
        if type(value) is not bytes:
            raise CborError(f"{type(value).__name__} where a byte string belongs")
        if len(value) > BYTES_MAX:
            raise CborError(f"byte string of {len(value)} bytes; the bound is {BYTES_MAX}")
        return parse(value)

    return _Field(pack, unpack)


def _text() -> _Field:
    def unpack(value: Any) -> str:
        if type(value) is not str:
            raise CborError(f"{type(value).__name__} where a text belongs")
        size = len(value.encode("utf-8", "surrogateescape"))
        if size > TEXT_BYTES_MAX:
            raise CborError(f"text of {size} bytes; the bound is {TEXT_BYTES_MAX}")
        return value

    return _Field(lambda value: value, unpack)


def _read_early_address(data: bytes) -> Address:
    """An address as the network's first versions had them (go-address v0.0.5, NewFromBytes)."""
    address = Address.parse(data)
    if address.protocol is AddressProtocol.DELEGATED:
        raise AddressProtocolError("delegated addresses came with network version 18")
    return address


_ENCODED = methodcaller("encode")
_BIG = _byte_string(encode_bigint, decode_bigint)
_ANY_BIG = _byte_string(encode_bigint, read_bigint)
_SIMPLE: dict[Any, _Field] = {
    int: _integer(_INT64, "signed 64-bit"),
    ChainEpoch: _integer(_INT64, "signed 64-bit"),
    Unsigned: _integer(_UINT64, "unsigned 64-bit"),
    BigInteger: _BIG,
    TokenAmount: _BIG,
    bool: _exactly(bool),
    str: _exactly(str),
    Cid: _exactly(Cid),
    bytes: _byte_string(bytes, bytes),
    Address: _byte_string(bytes, Address.parse),
    Bitfield: _byte_string(_ENCODED, Bitfield.decode),
}
_CHAIN: dict[Any, _Field] = {**_SIMPLE, BigInteger: _ANY_BIG, TokenAmount: _ANY_BIG, str: _text()}
_FIELDS: dict[Dialect, dict[Any, _Field]] = {
    Dialect.CANONICAL: _SIMPLE,
    Dialect.CHAIN: _CHAIN,
    Dialect.ACTORS: {
        **_CHAIN,
        Address: _byte_string(bytes, _read_early_address),
        Bitfield: _byte_string(_ENCODED, Bitfield.read),
    },
}


def _compile(hint: Any, dialect: Dialect) -> _Field:
    if hint in _FIELDS[dialect]:
        return _FIELDS[dialect][hint]
    if isinstance(hint, type) and issubclass(hint, Record):
        return _Field(lambda value: value.to_wire(), partial(hint.from_wire, dialect=dialect))
    if isinstance(hint, type) and hasattr(hint, "from_bytes") and hasattr(hint, "to_bytes") and hint is not int:
        return _byte_string(hint.to_bytes, getattr(hint, _READERS[dialect], hint.from_bytes))
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Annotated:
        item, bound = _compile(typing.get_args(arguments[0])[0], dialect), arguments[1]
        return _array(item, bound.most) if isinstance(bound, Items) else _array_of(item, bound.count)
    if typing.get_origin(hint) is tuple and arguments[1:] == (Ellipsis,):
        return _array(_compile(arguments[0], dialect))
    if typing.get_origin(hint) in (typing.Union, types.UnionType) and type(None) in arguments:
        [inner] = [argument for argument in arguments if argument is not type(None)]
        return _optional(_compile(inner, dialect))
    raise EncodeError(f"{hint!r} has no tuple encoding")


def unpack(hint: Any, wire: Any, dialect: Dialect = Dialect.CANONICAL) -> Any:
    """One decoded value as what a field of this annotation holds; raises CborError, or the error of its type."""
    return _compile(hint, dialect).unpack(wire)


def unpack_state(hint: Callable[..., T], wire: Any) -> T:
    """One decoded value of the state that is no record, as the machine reads it (`StateRecord`)."""
    value: T = unpack(hint, wire, Dialect.ACTORS)
    return value


def pack(hint: Any, value: Any) -> Any:
    """The plain CBOR value of what a field of this annotation holds."""
    return _compile(hint, Dialect.CANONICAL).pack(value)


def _array(item: _Field, most: int = ARRAY_ITEMS_MAX) -> _Field:
    def unpack(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise CborError(f"{type(value).__name__} where an array belongs")
        if len(value) > most:
            raise CborError(f"array of {len(value)} items; the bound is {most}")
        return tuple(map(item.unpack, value))

    return _Field(lambda values: [item.pack(value) for value in values], unpack)


def _array_of(item: _Field, count: int) -> _Field:
    inner = _array(item, count)

    def pack(values: Any) -> Any:
        if len(values) != count:
            raise EncodeError(f"array of {len(values)} items; it has {count}")
        return inner.pack(values)

    def unpack(value: Any) -> Any:
        if isinstance(value, list) and len(value) != count:
            raise CborError(f"array of {len(value)} items; it has {count}")
        return inner.unpack(value)

    return _Field(pack, unpack)


def _optional(inner: _Field) -> _Field:
    return _Field(
        lambda value: None if value is None else inner.pack(value),
        lambda value: None if value is None else inner.unpack(value),
    )
