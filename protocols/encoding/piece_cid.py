"""Piece CIDs: version 1 (the commitment alone) and version 2 (with height and padding, FRC-0069).

A piece of `n` payload bytes is padded by Fr32 (254 bits in 256) to leaves of 32 bytes, and those to a power of two.
Version 2 carries the tree's height and how many payload bytes of its capacity are padding, so the payload's size can
be told from the CID (reference: formats, section 2).
"""

from __future__ import annotations

from thespis.protocols.encoding.cid import (
    FIL_COMMITMENT_SEALED,
    FIL_COMMITMENT_UNSEALED,
    FR32_SHA256_TRUNC254_PADBINTREE,
    POSEIDON_BLS12_381_A2_FC1,
    RAW,
    SHA2_256_TRUNC254_PADDED,
    Cid,
)
from thespis.protocols.encoding.varint import decode_varint, encode_varint
from thespis.protocols.errors import CidError

LEAF_BYTES = 32
PAYLOAD_BITS_PER_LEAF = 254
PAYLOAD_BYTES_MIN = 127
"""Smallest payload of a piece: four leaves."""
HEIGHT_MAX = 58
"""A tree of 2^63 bytes; no sector comes near."""


def height_of_payload(payload_bytes: int) -> int:
    """Height of the tree over a payload, in levels above the leaves."""
    leaves = -(-payload_bytes * 8 // PAYLOAD_BITS_PER_LEAF)
    return max(0, leaves - 1).bit_length()


def height_of_padded(padded_bytes: int) -> int:
    """Height of the tree over bytes that are Fr32-padded already."""
    leaves = -(-padded_bytes // LEAF_BYTES)
    return max(0, leaves - 1).bit_length()


def capacity_of_height(height: int) -> int:
    """Payload bytes that a tree of this height holds; heights below 2 hold none of a piece's."""
    return (LEAF_BYTES << height) * 127 // 128


def padding_of_payload(payload_bytes: int) -> int:
    """Payload bytes of padding in the tree over a payload."""
    return capacity_of_height(height_of_payload(payload_bytes)) - payload_bytes


def piece_cid_v1(commitment: bytes) -> Cid:
    """The CID of a 32-byte piece commitment; a sector's CommD is that of a piece which fills it."""
    return Cid.make(FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED, commitment)


def sealed_cid(commitment: bytes) -> Cid:
    """The CID of a replica's commitment."""
    return Cid.make(FIL_COMMITMENT_SEALED, POSEIDON_BLS12_381_A2_FC1, commitment)


def commitment_of(cid: Cid) -> bytes:
    """The 32-byte root that a piece CID of either version holds."""
    codec, multihash, digest = cid.parts()
    if (codec, multihash) == (FIL_COMMITMENT_UNSEALED, SHA2_256_TRUNC254_PADDED):
        return digest
    return _parse_v2(cid)[2]


def to_v2(cid: Cid, payload_bytes: int) -> Cid:
    """Version 2 of a version 1 piece CID, given the size of its payload."""
    if payload_bytes < PAYLOAD_BYTES_MIN:
        raise CidError(f"piece of {payload_bytes} payload bytes; the smallest has {PAYLOAD_BYTES_MIN}")
    height = height_of_payload(payload_bytes)
    digest = encode_varint(padding_of_payload(payload_bytes)) + bytes([height]) + commitment_of(cid)
    return Cid.make(RAW, FR32_SHA256_TRUNC254_PADBINTREE, digest)


def from_v2(cid: Cid) -> tuple[Cid, int]:
    """Version 1 of a version 2 piece CID, and the size of its payload."""
    padding, height, commitment = _parse_v2(cid)
    return piece_cid_v1(commitment), capacity_of_height(height) - padding


def _parse_v2(cid: Cid) -> tuple[int, int, bytes]:
    codec, multihash, digest = cid.parts()
    if (codec, multihash) != (RAW, FR32_SHA256_TRUNC254_PADBINTREE):
        raise CidError(f"{cid} is no piece CID: codec 0x{codec:x}, multihash 0x{multihash:x}")
    padding, position = decode_varint(digest)
    if len(digest) != position + 33:
        raise CidError(f"piece CID {cid} has {len(digest) - position} bytes behind its padding; it needs 33")
    height = digest[position]
    if not 2 <= height <= HEIGHT_MAX:  # noqa: PLR2004
        raise CidError(f"piece CID {cid} has height {height}; heights run from 2 to {HEIGHT_MAX}")
    if padding > capacity_of_height(height) - PAYLOAD_BYTES_MIN:
        raise CidError(f"piece CID {cid} has {padding} bytes of padding, more than a tree of height {height} leaves")
    # a smaller tree would do, and one piece would have two CIDs (go-fil-commcid v0.3.1, PieceCidV2ToDataCommitment)
    if padding >= capacity_of_height(height) // 2:
        raise CidError(f"piece CID {cid} has {padding} bytes of padding, half of its tree of height {height} or more")
    return padding, height, digest[position + 1 :]
