"""Multibase text: a first letter that names the base, then the bytes in it.

Clients name CIDs in any of them, and the reference's JSON reads what its library knows; we always write ``b``. As that
library does, base16 to base36 are read in either case, and what is left over of the last byte is not looked at
(go-multibase v0.2.0 ``multibase.go``, Decode). Its identity and emoji are no text that a client sends.
"""

from __future__ import annotations

import string

from thespis.protocols.errors import CidError

TEXT_MAX = 400
"""Longest text that is looked at; the longest CID of a chain has 100 bytes."""

_BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits
_BASE32 = string.ascii_lowercase + "234567"
_BASE32_HEX = string.digits + string.ascii_lowercase[:22]
_BASE58_UPPER, _BASE58_LOWER = "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz"

_OF_BITS: dict[str, tuple[str, int, int]] = {
    **dict.fromkeys("fF", ("0123456789abcdef", 4, 0)),
    **dict.fromkeys("bB", (_BASE32, 5, 0)),
    **dict.fromkeys("cC", (_BASE32, 5, 8)),
    **dict.fromkeys("vV", (_BASE32_HEX, 5, 0)),
    **dict.fromkeys("tT", (_BASE32_HEX, 5, 8)),
    "m": (_BASE64 + "+/", 6, 0),
    "M": (_BASE64 + "+/", 6, 4),
    "u": (_BASE64 + "-_", 6, 0),
    "U": (_BASE64 + "-_", 6, 4),
}
"""Digits, bits of one, and for padded bases how many digits a group has."""
_OF_NUMBERS: dict[str, str] = {
    **dict.fromkeys("kK", string.digits + string.ascii_lowercase),
    "z": string.digits[1:] + _BASE58_UPPER + _BASE58_LOWER,
    "Z": string.digits[1:] + _BASE58_LOWER + _BASE58_UPPER,
}
_ANY_CASE = frozenset("fFbBcCvVtTkK")


def decode_multibase(text: str) -> bytes:
    """The bytes of a multibase text; raises CidError naming what does not fit."""
    if not 1 < len(text) <= TEXT_MAX:
        raise CidError(f"CID text of {len(text)} characters; it has 2 to {TEXT_MAX}")
    base, digits = text[0], text[1:].lower() if text[0] in _ANY_CASE else text[1:]
    if base in _OF_NUMBERS:
        return _of_number(digits, _OF_NUMBERS[base], text)
    if base == "0":
        return _of_bits(digits.rjust(-(-len(digits) // 8) * 8, "0"), "01", 1, text)
    if base not in _OF_BITS:
        raise CidError(f"CID {text[:20]!r}: no base has the letter {base!r}; such text starts with b (base32)")
    alphabet, bits, group = _OF_BITS[base]
    if group:
        if len(digits) % group or len(digits) - len(digits.rstrip("=")) >= group:
            raise CidError(f"CID {text[:20]!r}: base {base!r} is padded to groups of {group} digits")
        digits = digits.rstrip("=")
    return _of_bits(digits, alphabet, bits, text)


def _of_bits(digits: str, alphabet: str, bits: int, text: str) -> bytes:
    value = _number(digits, alphabet, text)
    over = len(digits) * bits % 8
    if over >= bits:
        raise CidError(f"CID {text[:20]!r}: the last digit belongs to no byte")
    return (value >> over).to_bytes(len(digits) * bits // 8, "big")


def _of_number(digits: str, alphabet: str, text: str) -> bytes:
    value = _number(digits, alphabet, text)
    zeros = len(digits) - len(digits.lstrip(alphabet[0]))
    return bytes(zeros) + value.to_bytes((value.bit_length() + 7) // 8, "big")


def _number(digits: str, alphabet: str, text: str) -> int:
    value = 0
    for digit in digits:
        place = alphabet.find(digit)
        if place < 0:
            raise CidError(f"CID {text[:20]!r}: {digit!r} is no digit of base {text[0]!r}")
        value = value * len(alphabet) + place
    return value
