"""Strict DAG-CBOR on cbor2: canonical or refused.

Two nodes that accept different bytes for one value are two networks, so `decode` accepts exactly the bytes that the
encoder would write: minimal integers, definite lengths, map keys sorted by length and then bytewise, no duplicate keys,
64-bit floats, tag 42 only. `decode_prefix` takes what the reference's decoders do beyond that. Bounds on size and depth
come before any work (reference: formats, section 3; anchors, C3: no decoder in use refuses all of this by itself).
"""

from __future__ import annotations

import datetime
import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn
from uuid import UUID

import cbor2
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import CborError, CidError, EncodeError

SIZE_BYTES_MAX = 16 << 20
"""Largest encoded value; cbor-gen bounds single byte strings at 2 MiB and the network blocks far below this."""

DEPTH_MAX = 128
"""Deepest nesting; chain objects stay below 10, go-ipld-prime allows 1024."""

LINK_TAG = 42
LINK_BYTES_MAX = 512
"""Longest link that is read from others, with the zero byte before it: cbor-gen's bound in ReadCid."""


def _refuse_tag(_value: Any, _immutable: bool) -> NoReturn:
    raise CborError("only tag 42 (link) exists in DAG-CBOR")


def _refuse_unknown_tag(tag: cbor2.CBORTag, _immutable: bool) -> NoReturn:
    raise CborError(f"tag {tag.tag}: only tag 42 (link) exists in DAG-CBOR")


def _decode_link(value: Any, _immutable: bool) -> Cid:
    if type(value) is not bytes or value[:1] != b"\x00":
        raise CborError("a link is tag 42 over a byte string that starts with 00")
    return Cid.parse(value[1:])


def _read_link(value: Any, immutable: bool) -> Cid:
    if type(value) is not bytes or value[:1] != b"\x00":
        return _decode_link(value, immutable)
    if len(value) > LINK_BYTES_MAX:
        raise CborError(f"link of {len(value)} bytes; the bound is {LINK_BYTES_MAX}")
    return Cid.parse(value[1:], any_digest=True)


def _check_map(value: Mapping[Any, Any], _immutable: bool) -> dict[str, Any]:
    previous = b""
    for position, key in enumerate(value):
        if type(key) is not str:
            raise CborError(f"map key of type {type(key).__name__}; DAG-CBOR keys are text")
        encoded = key.encode()
        if position and (len(previous), previous) >= (len(encoded), encoded):
            raise CborError(f"map key {key!r} is out of order; keys sort by length, then bytewise")
        previous = encoded
    return dict(value)


# every tag cbor2 knows by itself; the others reach `_refuse_unknown_tag`
_SEMANTIC: dict[int, Callable[[Any, bool], Any]] = {
    **dict.fromkeys((0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100), _refuse_tag),
    **dict.fromkeys((256, 258, 260, 261, 1004, 43000, 55799), _refuse_tag),
    LINK_TAG: _decode_link,
}
_SEMANTIC_ANY_LINKS = {**_SEMANTIC, LINK_TAG: _read_link}


def encode_link(cid: Cid) -> bytes:
    """The encoding of a link, for who puts a block together: tag 42, then a byte string of a zero byte and the CID."""
    size = len(cid.data) + 1
    if size > 255:  # noqa: PLR2004  # only links that others made are as long
        return b"\xd8\x2a\x59" + size.to_bytes(2, "big") + b"\x00" + cid.data
    head = b"\xd8\x2a\x58" + bytes([size]) if size > 23 else b"\xd8\x2a" + bytes([0x40 | size])  # noqa: PLR2004
    return head + b"\x00" + cid.data


def _encode_link(encoder: cbor2.CBOREncoder, cid: Cid) -> None:
    encoder.write(encode_link(cid))


def _refuse_type(_encoder: cbor2.CBOREncoder, value: Any) -> NoReturn:
    raise EncodeError(f"{type(value).__name__} has no DAG-CBOR form")


def _encode_float(encoder: cbor2.CBOREncoder, value: float) -> None:
    if not math.isfinite(value):
        raise EncodeError(f"{value} has no DAG-CBOR form; floats are finite")
    encoder.encode_float(value)


def _encode_sorted(encoder: cbor2.CBOREncoder, value: dict[Any, Any]) -> None:
    for key in value:
        if type(key) is not str:
            raise EncodeError(f"map key of type {type(key).__name__}; DAG-CBOR keys are text")
    encoder.encode_length(5, len(value))
    for key in sorted(value, key=lambda key: (len(key.encode()), key.encode())):
        encoder.encode(key)
        encoder.encode(value[key])


# what cbor2 would encode and DAG-CBOR does not have
_FOREIGN = (
    type(cbor2.undefined), cbor2.CBORSimpleValue, set, frozenset, complex, Decimal, Fraction, UUID,
    datetime.datetime, datetime.date, re.Pattern,
    ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network,
)  # fmt: skip
_Encoders = dict[type, Callable[[cbor2.CBOREncoder, Any], None]]
_CHECK_ENCODERS: _Encoders = {Cid: _encode_link, float: _encode_float, **dict.fromkeys(_FOREIGN, _refuse_type)}
_ENCODERS: _Encoders = {**_CHECK_ENCODERS, dict: _encode_sorted}


def _encode_any_text(encoder: cbor2.CBOREncoder, value: str) -> None:
    data = value.encode("utf-8", "surrogateescape")
    encoder.encode_length(3, len(data))
    encoder.write(data)


_ANY_TEXT = {str: _encode_any_text}
_CHECK_ANY_TEXT: _Encoders = _CHECK_ENCODERS | _ANY_TEXT
_BIG_INTEGER = re.compile(rb"[\xc2\xc3][\x49-\x5b]")
"""Where cbor2 may have written an integer beyond 64 bits, which DAG-CBOR does not have: a tag, then nine bytes."""


def decode(data: bytes) -> Any:
    """Decode exactly one canonical DAG-CBOR value; arrays become lists, links `Cid`.

    Raises CborError for everything else, within bounded time and memory.
    """
    value = _loads(data, "strict", _SEMANTIC)
    again = _again(value, _CHECK_ENCODERS)
    if again != data:
        raise CborError(f"not canonical: {len(data)} bytes came, the canonical form has {len(again)}")
    return value


def decode_prefix(data: bytes) -> Any:
    """Decode the value that the bytes begin with, as others read it; what follows is not looked at.

    Integers and lengths are minimal for the reference, too. Text need not be UTF-8: what is not stands as lone
    surrogates and is encoded again as it was; the chain has such labels of deals. Links may have any digest (cbor-gen
    v0.0.0-20200826160007 ``utils.go``).
    """
    value = _loads(data, "surrogateescape", _SEMANTIC_ANY_LINKS)
    if not data.startswith(_again(value, _CHECK_ANY_TEXT)):
        raise CborError("not canonical: the value that the bytes begin with is encoded otherwise")
    return value


def _again(value: Any, encoders: _Encoders) -> bytes:
    try:
        return cbor2.dumps(value, encoders=encoders, default=_refuse_type)
    except RecursionError:  # whoever called is too deep, which says nothing about the bytes
        raise
    except Exception as error:
        raise CborError(f"not DAG-CBOR: {error.__cause__ or error}"[:300]) from None


def decode_stored(data: bytes) -> Any:
    """Decode a value that this node encoded, or checked with `decode`, before it stored it under its CID.

    Bounds and types are checked as in `decode`; that the form is canonical follows from the CID. Text may be any.
    """
    return _loads(data, "surrogateescape", _SEMANTIC_ANY_LINKS)


def _loads(data: bytes, text_errors: str, tags: dict[int, Callable[[Any, bool], Any]]) -> Any:
    if len(data) > SIZE_BYTES_MAX:
        raise CborError(f"{len(data)} bytes of CBOR; the bound is {SIZE_BYTES_MAX}")
    try:
        return cbor2.loads(
            data,
            tag_hook=_refuse_unknown_tag,
            semantic_decoders=tags,
            object_hook=_check_map,
            max_depth=DEPTH_MAX,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            str_errors=text_errors,
        )
    except (CborError, CidError) as error:
        raise CborError(str(error)) from None
    except RecursionError:
        raise
    except Exception as error:  # the library raises its own errors and, on hostile input, Python's
        cause = error.__cause__ if isinstance(error.__cause__, CborError | CidError) else error
        raise CborError(f"not DAG-CBOR: {cause}"[:300]) from None


def array_head(count: int) -> bytes:
    """What an array of `count` items starts with, for items that are encoded already."""
    # an integer's head, under the major type of arrays
    integer = cbor2.dumps(count)
    return bytes([integer[0] | 0x80]) + integer[1:]


def encode(value: Any) -> bytes:
    """Canonical DAG-CBOR of None, bool, int, float, str, bytes, list, tuple, dict and `Cid`.

    Raises EncodeError for any other type, for integers beyond 64 bits and for NaN and infinities.
    """
    try:
        try:
            data = cbor2.dumps(value, encoders=_ENCODERS, default=_refuse_type)
        except UnicodeEncodeError:
            data = cbor2.dumps(value, encoders=_ENCODERS | _ANY_TEXT, default=_refuse_type)
    except (EncodeError, RecursionError):
        raise
    except Exception as error:
        cause = error.__cause__ if isinstance(error.__cause__, EncodeError) else error
        raise EncodeError(f"no DAG-CBOR form: {cause}"[:300]) from None
    if _BIG_INTEGER.search(data):
        try:
            decode_stored(data)
        except CborError as error:
            raise EncodeError(f"no DAG-CBOR form: {error}") from None
    return data
