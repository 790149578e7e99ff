"""Which row of docs/decoding.md says of a difference that it is meant."""

import dataclasses
import types
import typing

from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.tuples import TEXT_BYTES_MAX, Record

from tests.conformance.decoding.records import CANONICAL

MASKED = "f410 address that masks an id"
NULL = "null where a record belongs"
LINK = "link with a digest of unusual length"
TEXT = "text that is not UTF-8"
UNTYPED = "signature of type 0"
LONG = "text over 8192 bytes"


def parts(value):
    """A value and whatever it is made of, in the order of its fields."""
    yield value
    if isinstance(value, tuple):
        for each in value:
            yield from parts(each)
    elif isinstance(value, Record):
        for field in dataclasses.fields(value):
            yield from parts(getattr(value, field.name))


def lacks(hint, wire):
    """Whether null stands where a record belongs; the reference has a null pointer there."""
    if isinstance(hint, type) and issubclass(hint, Record):
        if wire is None:
            return True
        hints = typing.get_type_hints(hint)
        inner = [hints[field.name] for field in dataclasses.fields(hint)]
        return isinstance(wire, list) and len(wire) == len(inner) and any(map(lacks, inner, wire))
    if typing.get_origin(hint) is tuple and isinstance(wire, list):
        return any(lacks(typing.get_args(hint)[0], each) for each in wire)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return wire is not None and any(lacks(each, wire) for each in typing.get_args(hint))
    return False


def row_of(compared, data, theirs, own, reason):
    """The row's name; nothing for a difference that no row has."""
    strict = compared.dialect is CANONICAL
    if (theirs, own) == ("taken", "refused"):
        if "masked actor id" in reason:
            return MASKED
        if lacks(compared.form, cbor.decode_prefix(data)):
            return NULL
        if strict and ("CID digest of" in reason or "multihash 0x" in reason):
            return LINK
        if strict and "text string" in reason:
            return TEXT
    if strict and (theirs, own) == ("refused", "taken"):
        found = list(parts(compared.form.decode(data)))
        if any(isinstance(each, Signature) and each.type is SignatureType.UNKNOWN for each in found):
            return UNTYPED
        if any(isinstance(each, str) and len(each.encode()) > TEXT_BYTES_MAX for each in found):
            return LONG
    return None
