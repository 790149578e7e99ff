"""Where one CBOR item ends: peers that keep their stream open send one item and wait, so its end must be seen in it."""

from __future__ import annotations

from thespis.protocols.errors import CborError

_ONE_BYTE, _EIGHT_BYTES = 24, 27
_BYTES, _TEXT, _ARRAY, _MAP, _TAG = 2, 3, 4, 5, 6


def item_length(data: bytes | memoryview, bytes_max: int) -> int | None:
    """How many bytes the first item takes, or None while it is not complete; raises CborError for what is no item."""
    return ItemLength(bytes_max).of(data)


class ItemLength:
    """Finds the end of an item in bytes that come by and by, and looks at none of them twice.

    Raises CborError for what is no item, and as soon as its own lengths say that it is longer than `bytes_max`: every
    part that is still to come takes a byte at least. Only lengths are looked at; what they enclose is checked by the
    decoder. Definite lengths only.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._offset, self._pending = 0, 1

    def of(self, data: bytes | bytearray | memoryview) -> int | None:
        """The item's length by what has come so far, all of it; None while it is not complete."""
        offset, pending, end = self._offset, self._pending, len(data)
        while True:
            if offset + pending > self._bytes_max:
                raise CborError(f"a CBOR item of at least {offset + pending} bytes; the bound is {self._bytes_max}")
            if not pending:
                break
            if offset >= end:
                break
            major, minor = data[offset] >> 5, data[offset] & 31
            if minor > _EIGHT_BYTES:
                raise CborError("CBOR of indefinite length or a reserved form")
            value, begin = minor, offset + 1
            if minor >= _ONE_BYTE:
                size = 1 << (minor - _ONE_BYTE)
                if begin + size > end:
                    break
                value = int.from_bytes(data[begin : begin + size], "big")
                begin += size
            offset = begin
            pending -= 1
            if major in (_BYTES, _TEXT):
                offset += value
            elif major == _ARRAY:
                pending += value
            elif major == _MAP:
                pending += 2 * value
            elif major == _TAG:
                pending += 1
        self._offset, self._pending = offset, pending
        return offset if not pending and offset <= end else None
