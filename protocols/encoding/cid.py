"""Content identifiers: a codec and the multihash of the bytes it speaks of.

Chain objects are CIDv1, DAG-CBOR, blake2b-256 (prefix ``0171a0e40220``); nothing is inlined (reference: formats,
section 2). Text is base32 in lower case; CIDv0 is read because snapshots in the wild hold it.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

import base58
from thespis.protocols.encoding.multibase import decode_multibase
from thespis.protocols.encoding.varint import decode_varint, encode_varint
from thespis.protocols.errors import CidError, VarintError

RAW: Final = 0x55
DAG_PB: Final = 0x70
DAG_CBOR: Final = 0x71
FIL_COMMITMENT_UNSEALED: Final = 0xF101
FIL_COMMITMENT_SEALED: Final = 0xF102

IDENTITY: Final = 0x00
SHA2_256: Final = 0x12
BLAKE2B_256: Final = 0xB220
SHA2_256_TRUNC254_PADDED: Final = 0x1012
FR32_SHA256_TRUNC254_PADBINTREE: Final = 0x1011
POSEIDON_BLS12_381_A2_FC1: Final = 0xB401

CHAIN_PREFIX: Final = bytes.fromhex("0171a0e40220")
"""CIDv1, DAG-CBOR, blake2b-256, 32 bytes: what every chain object starts with."""

_KNOWN_PREFIXES = {38: CHAIN_PREFIX, 40: bytes.fromhex("0182e20381e80220")}
"""By whole length: chain objects and commitments to replicas, which are nearly all links of a state."""

DIGEST_BYTES_MAX: Final = 128
"""Longest multihash digest of a CID of ours; identity CIDs of actor codes have about 20."""

_DIGEST_BYTES = {SHA2_256: 32, BLAKE2B_256: 32, SHA2_256_TRUNC254_PADDED: 32, POSEIDON_BLS12_381_A2_FC1: 32}


class Cid:
    """A content identifier; immutable, hashable, ordered by its bytes."""

    __slots__ = ("_hash", "data")

    def __init__(self, data: bytes) -> None:
        """Wrap bytes that were parsed; use `parse` for bytes from elsewhere."""
        self.data = data
        self._hash = hash(data)

    @classmethod
    def of(cls, block: bytes, codec: int = DAG_CBOR, multihash: int = BLAKE2B_256) -> Cid:
        """The CID of a block's bytes; raises CidError for a hash that cannot be computed from bytes."""
        if codec == DAG_CBOR and multihash == BLAKE2B_256:
            return cls(CHAIN_PREFIX + hashlib.blake2b(block, digest_size=32).digest())
        return cls.make(codec, multihash, digest_of(block, multihash))

    @classmethod
    def make(cls, codec: int, multihash: int, digest: bytes) -> Cid:
        """A CIDv1 from its parts."""
        return cls(b"\x01" + encode_varint(codec) + encode_varint(multihash) + encode_varint(len(digest)) + digest)

    @classmethod
    def parse(cls, data: bytes, *, any_digest: bool = False) -> Cid:
        """Bytes that are exactly one CID; with `any_digest` its digest may have a length that its hash never gives.

        The reference's decoders never look at that length (go-cid v0.0.7 ``cid.go``, Cast).
        """
        if _KNOWN_PREFIXES.get(len(data)) == data[:-32]:
            return cls(data)
        cid, end = cls.read(data, any_digest=any_digest)
        if end != len(data):
            raise CidError(f"{len(data) - end} bytes follow the CID")
        return cid

    @classmethod
    def read(cls, data: bytes, offset: int = 0, *, any_digest: bool = False) -> tuple[Cid, int]:
        """The CID at `offset` and the offset behind it."""
        if data[offset : offset + 2] == b"\x12\x20":
            end = offset + 34
            if len(data) < end:
                raise CidError(
                    f"CIDv0 at byte {offset} is truncated: 34 bytes are needed, {len(data) - offset} are there"
                )
            return cls(data[offset:end]), end
        try:
            version, position = decode_varint(data, offset)
            if version != 1:
                raise CidError(f"CID version {version} at byte {offset}; versions 0 and 1 exist")
            _codec, position = decode_varint(data, position)
            multihash, position = decode_varint(data, position)
            size, position = decode_varint(data, position)
        except VarintError as error:
            raise CidError(f"CID at byte {offset}: {error}") from None
        if not any_digest:
            _check_digest_size(multihash, size)
        end = position + size
        if len(data) < end:
            raise CidError(
                f"CID at byte {offset} is truncated: {size} digest bytes are needed, {len(data) - position} are there"
            )
        return cls(data[offset:end]), end

    @classmethod
    def from_text(cls, text: str) -> Cid:
        """Parse ``b…`` (base32) or ``Qm…`` (CIDv0); the text must be canonical."""
        if len(text) > 400:  # noqa: PLR2004
            raise CidError(f"CID text of {len(text)} characters; the bound is 400")
        if len(text) == 46 and text.startswith("Qm"):  # noqa: PLR2004
            try:
                return cls.parse(base58.b58decode(text))
            except ValueError as error:
                raise CidError(f"CID {text!r} is not base58: {error}") from None
        if not text.startswith("b"):
            raise CidError(f"CID {text[:20]!r}: text starts with b (base32) or Qm (version 0)")
        try:
            data = base64.b32decode(text[1:].upper() + "=" * (-(len(text) - 1) % 8))
        except ValueError as error:
            raise CidError(f"CID {text!r} is not base32: {error}") from None
        cid = cls.parse(data)
        if str(cid) != text:
            raise CidError(f"CID {text!r} is not canonical base32")
        return cid

    @classmethod
    def from_any_text(cls, text: str) -> Cid:
        """Parse what clients write: version 0 bare, or a CID in any multibase (go-cid v0.5.0 ``cid.go``, Decode)."""
        bare = len(text) == 46 and text.startswith("Qm")  # noqa: PLR2004
        return cls.parse(decode_multibase("z" + text if bare else text))

    @property
    def version(self) -> int:
        """0 or 1."""
        return 0 if self.data[0] == SHA2_256 else 1

    def parts(self) -> tuple[int, int, bytes]:
        """Codec, multihash code and digest."""
        if self.version == 0:
            return DAG_PB, SHA2_256, self.data[2:]
        codec, position = decode_varint(self.data, 1)
        multihash, position = decode_varint(self.data, position)
        _size, position = decode_varint(self.data, position)
        return codec, multihash, self.data[position:]

    def matches(self, block: bytes) -> bool:
        """Whether `block` hashes to this CID; raises CidError for a hash that cannot be computed from bytes."""
        if self.data[:6] == CHAIN_PREFIX:
            return hashlib.blake2b(block, digest_size=32).digest() == self.data[6:]
        _codec, multihash, digest = self.parts()
        return digest_of(block, multihash) == digest

    def __bytes__(self) -> bytes:
        return self.data

    def __str__(self) -> str:
        if self.version == 0:
            return base58.b58encode(self.data).decode()
        return "b" + base64.b32encode(self.data).decode().rstrip("=").lower()

    def __repr__(self) -> str:
        return f"Cid({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cid) and self.data == other.data

    def __lt__(self, other: Cid) -> bool:
        return self.data < other.data

    def __hash__(self) -> int:
        return self._hash


def _check_digest_size(multihash: int, size: int) -> None:
    if size > DIGEST_BYTES_MAX:
        raise CidError(f"CID digest of {size} bytes; the bound is {DIGEST_BYTES_MAX}")
    expected = _DIGEST_BYTES.get(multihash)
    if expected is not None and size != expected:
        raise CidError(f"multihash 0x{multihash:x} has {size} digest bytes; it needs {expected}")


def digest_of(block: bytes, multihash: int) -> bytes:
    """Digest of a block under one of the multihashes that speak of plain bytes."""
    if multihash == BLAKE2B_256:
        return hashlib.blake2b(block, digest_size=32).digest()
    if multihash == SHA2_256:
        return hashlib.sha256(block).digest()
    if multihash == IDENTITY:
        return block
    raise CidError(f"multihash 0x{multihash:x} cannot be computed from a block's bytes")
