"""Filecoin's big integers and amounts.

Zero is the empty byte string; else a sign byte (00 or 01) and the big-endian magnitude without leading zeros, at most
128 bytes in all (go-state-types ``big/int.go``; reference: formats, section 3). Amounts print in FIL with 18 digits.
"""

from __future__ import annotations

import re

from thespis.protocols.errors import AmountError, BigIntError, EncodeError

SERIALIZED_BYTES_MAX = 128
ATTO_PER_FIL = 10**18
AMOUNT_TEXT_MAX = 50
"""Longest amount text that is parsed; go's parser has the same bound."""

_AMOUNT = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[ ]*(attofil|afil|fil))?", re.IGNORECASE)
_SHORT_UNITS = (
    (10**18, "FIL"),
    (10**15, "mFIL"),
    (10**12, "μFIL"),
    (10**9, "nFIL"),
    (10**6, "pFIL"),
    (10**3, "fFIL"),
    (1, "aFIL"),
)


def encode_bigint(value: int) -> bytes:
    """Sign byte and magnitude; empty for zero. Raises EncodeError beyond 128 bytes."""
    if value == 0:
        return b""
    magnitude = abs(value)
    data = (b"\x00" if value > 0 else b"\x01") + magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big")
    if len(data) > SERIALIZED_BYTES_MAX:
        raise EncodeError(f"integer of {len(data)} serialised bytes; the bound is {SERIALIZED_BYTES_MAX}")
    return data


def decode_bigint(data: bytes) -> int:
    """The integer, from its only canonical form."""
    if data[:1] in (b"\x00", b"\x01") and (len(data) == 1 or data[1] == 0):
        raise BigIntError("magnitude is empty or starts with a zero byte; zero is the empty string")
    return read_bigint(data)


def read_bigint(data: bytes) -> int:
    """The integer, as the reference reads it: with zeros in front, or a sign alone (``big/int.go``, FromBytes)."""
    if not data:
        return 0
    if len(data) > SERIALIZED_BYTES_MAX:
        raise BigIntError(f"integer of {len(data)} serialised bytes; the bound is {SERIALIZED_BYTES_MAX}")
    if data[0] > 1:
        raise BigIntError(f"sign byte {data[0]:02x}; it is 00 or 01")
    magnitude = int.from_bytes(data[1:], "big")
    return -magnitude if data[0] else magnitude


def parse_fil(text: str) -> int:
    """AttoFIL of a text such as ``1.5``, ``2 FIL`` or ``300 attofil``.

    Raises AmountError: a wrong amount is somebody's money, so nothing is rounded and nothing is guessed.
    """
    if len(text) > AMOUNT_TEXT_MAX:
        raise AmountError(f"amount of {len(text)} characters; the bound is {AMOUNT_TEXT_MAX}")
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or not (match[2] or match[3]):
        raise AmountError(f"{text!r} is no amount; write for example 1.5, 1.5 FIL or 1500 attofil")
    sign, whole, fraction, unit = match[1], match[2] or "0", match[3] or "", (match[4] or "fil").lower()
    digits = 18 if unit == "fil" else 0
    if len(fraction.rstrip("0")) > digits:
        raise AmountError(f"{text!r} has more than {digits} decimal places of {unit}")
    value = int(whole) * 10**digits + int((fraction[:digits].ljust(digits, "0")) or "0")
    return -int(value) if sign == "-" else int(value)


def format_fil(atto: int) -> str:
    """Exact amount in FIL, without trailing zeros."""
    sign, magnitude = ("-", -atto) if atto < 0 else ("", atto)
    whole, fraction = divmod(magnitude, ATTO_PER_FIL)
    text = f"{fraction:018d}".rstrip("0")
    return f"{sign}{whole}.{text} FIL" if text else f"{sign}{whole} FIL"


def format_fil_short(atto: int) -> str:
    """Amount in the largest unit that leaves a whole part, rounded to three decimals, halves away from zero.

    The unit is chosen before it is rounded, so there is a ``1000 pFIL`` (Lotus v1.34.1 ``chain/types/fil.go``, Short).
    """
    if atto == 0:
        return "0"
    sign, magnitude = ("-", -atto) if atto < 0 else ("", atto)
    size, unit = next((size, unit) for size, unit in _SHORT_UNITS if magnitude >= size)
    whole, thousandths = divmod((magnitude * 2000 + size) // (2 * size), 1000)
    decimals = f"{thousandths:03d}".rstrip("0")
    return f"{sign}{whole}{'.' + decimals if decimals else ''} {unit}"
