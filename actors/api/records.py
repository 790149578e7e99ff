"""JSON forms of any chain record, its fields named as in Go (reference: formats, section 11)."""

from __future__ import annotations

import dataclasses
import typing
from functools import cache
from typing import Any

from thespis.actors.api.forms import bitfield_form, bytes_form, cid_form, signature_form
from thespis.protocols.builtin.methods import BIG_INTEGER, Form
from thespis.protocols.crypto.signature import Signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, Record, TokenAmount

_ACRONYMS = {"id": "ID", "ids": "IDs", "cid": "CID", "bls": "BLS", "qa": "QA"}
_GO_NAMES = {"number": "SectorNumber", "raw": "Raw", "adjusted": "QA"}
"""Fields whose names of ours are shorter than the reference's."""


def record_form(value: Any) -> Any:
    """Any chain record with its fields named as in Go: what ``StateReadState`` shows of an actor."""
    if isinstance(value, Record):
        record: Any = type(value)
        return {_go_name(name): _field_form(kind, getattr(value, name)) for name, kind in _fields(record)}
    if isinstance(value, tuple | list):
        return [record_form(item) for item in value]
    if isinstance(value, Cid):
        return cid_form(value)
    if isinstance(value, Address):
        return value
    if isinstance(value, Bitfield):
        return bitfield_form(value)
    if isinstance(value, Signature):
        return signature_form(value)
    if isinstance(value, bytes):
        return bytes_form(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        return str(value)
    return value


@cache
def _fields(cls: Any) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(cls)
    return tuple((field.name, hints[field.name]) for field in dataclasses.fields(cls))


def _field_form(kind: Any, value: Any) -> Any:
    """Big integers are texts, however small."""
    return str(value) if kind in (BigInteger, TokenAmount) else record_form(value)


def _go_name(name: str) -> str:
    if name in _GO_NAMES:
        return _GO_NAMES[name]
    return "".join(_ACRONYMS.get(part, part.capitalize()) for part in name.split("_"))


def item_form(form: Form[Any], value: Any) -> Any:
    """What a method takes or answers: a record with its fields named, or one big integer."""
    return str(value) if form is BIG_INTEGER else record_form(value)
