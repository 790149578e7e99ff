"""Unsigned LEB128, minimal form only.

A number has one encoding, because CIDs and addresses are compared as bytes (multiformats unsigned-varint;
reference: formats, section 1).
"""

from __future__ import annotations

from thespis.protocols.errors import EncodeError, VarintError

VARINT_BYTES_MAX = 9
"""multiformats: at most 9 bytes, 63 bits."""


def encode_varint(value: int) -> bytes:
    """Shortest LEB128 of a non-negative integer."""
    if value < 0:
        raise EncodeError(f"varints are unsigned, {value} is negative")
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data: bytes, offset: int = 0, *, bytes_max: int = VARINT_BYTES_MAX) -> tuple[int, int]:
    """Number at `offset` and the offset behind it.

    Raises VarintError when it is truncated, longer than `bytes_max` bytes, or padded with a zero byte.
    """
    value = shift = 0
    for position in range(offset, min(len(data), offset + bytes_max)):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004
            if byte == 0 and position > offset:
                raise VarintError(f"varint at byte {offset} ends in a zero byte; the minimal form is shorter")
            return value, position + 1
        shift += 7
    if len(data) < offset + bytes_max:
        raise VarintError(f"varint at byte {offset} is truncated after {max(0, len(data) - offset)} bytes")
    raise VarintError(f"varint at byte {offset} is longer than {bytes_max} bytes")
