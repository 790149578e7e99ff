"""Where one CBOR item ends: peers that keep their stream open send one item and wait, so its end must be seen in it."""

from __future__ import annotations

from thespis.protocols.errors import CborError

_ONE_BYTE, _EIGHT_BYTES = 24, 27
_BYTES, _TEXT, _ARRAY, _MAP, _TAG = 2, 3, 4, 5, 6


def item_length(data: bytes | memoryview, bytes_max: int) -> int | None:
    """How many bytes the first item takes, or None while it is not complete.

    Raises CborError for what is no item, and as soon as its own lengths say that it is longer than `bytes_max`: every
    part that is still to come takes a byte at least. Only lengths are looked at; what they enclose is checked by the
    decoder. Definite lengths only.
    """
    offset, pending = 0, 1
    while True:
        if offset + pending > bytes_max:
            raise CborError(f"a CBOR item of at least {offset + pending} bytes; the bound is {bytes_max}")
        if not pending:
            return offset if offset <= len(data) else None
        if offset >= len(data):
            return None
        major, minor = data[offset] >> 5, data[offset] & 31
        offset += 1
        value = minor
        if minor > _EIGHT_BYTES:
            raise CborError("CBOR of indefinite length or a reserved form")
        if minor >= _ONE_BYTE:
            size = 1 << (minor - _ONE_BYTE)
            if offset + size > len(data):
                return None
            value = int.from_bytes(data[offset : offset + size], "big")
            offset += size
        pending -= 1
        if major in (_BYTES, _TEXT):
            offset += value
        elif major == _ARRAY:
            pending += value
        elif major == _MAP:
            pending += 2 * value
        elif major == _TAG:
            pending += 1
