"""Elements of BLS12-381's scalar field as Filecoin's proofs write them: 32 bytes, little-endian, below the modulus."""

from __future__ import annotations

from thespis.protocols.errors import ProofError
from thespis.protocols.proofs.kernels.field_scalar import MODULUS

ELEMENT_BYTES = 32


def to_int(data: bytes) -> int:
    """The element of 32 bytes; raises ProofError for a number that is not below the modulus."""
    if len(data) != ELEMENT_BYTES:
        raise ProofError(f"a field element of {len(data)} bytes; it has {ELEMENT_BYTES}")
    value = int.from_bytes(data, "little")
    if value >= MODULUS:
        raise ProofError(f"field element {data.hex()} is not below the modulus")
    return value


def to_bytes(value: int) -> bytes:
    """The 32 bytes of a number, taken modulo the field's."""
    return (value % MODULUS).to_bytes(ELEMENT_BYTES, "little")


def trimmed(digest: bytes) -> bytes:
    """A digest with its two highest bits cleared, which makes it an element."""
    return digest[:-1] + bytes([digest[-1] & 0x3F])
