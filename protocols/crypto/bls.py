"""BLS12-381 signatures: public keys in G1, signatures in G2, the basic scheme.

The ciphersuite is ``BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_``. Only compressed points are accepted, on the curve
and in the subgroup; the infinity point is no key, or one could sign for nobody. Aggregates are checked by one product
of pairings (reference: formats, section 4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import pyblst
from thespis.protocols.errors import SignatureError
from thespis.protocols.remembered import Remembered
from thespis.protocols.steps import Steps, at_once

DST = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_"
PUBLIC_KEY_BYTES = 48
SIGNATURE_BYTES = 96
PRIVATE_KEY_BYTES = 32
GROUP_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
INFINITY_SIGNATURE = b"\xc0" + bytes(95)
"""The aggregate of no signatures, which a block without BLS messages carries."""

_COMPRESSED = 0x80
_INFINITY = 0x40
_GENERATOR = bytes.fromhex(
    "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
)
_KEYS_CACHED = 4096
VERIFIED_REMEMBERED_BYTES = 4 << 20
"""Verified signatures that a process remembers, some five thousand of short messages."""
_VERIFIED_BYTES = 640
"""What one takes beyond its message: key, signature, the tuple of them, and its place in a dictionary."""
_WEIGHT_BYTES = 16
"""Chance weights of 128 bits: a sum of wrong signatures comes out right once in 2^128 tries."""


@lru_cache(maxsize=1)
def _generator() -> pyblst.BlstP1Element:
    return pyblst.BlstP1Element.uncompress(_GENERATOR)


def secret_scalar(private_key: bytes) -> int:
    """The scalar of a private key as Lotus stores it: 32 bytes, little-endian."""
    scalar = int.from_bytes(private_key, "little")
    if len(private_key) != PRIVATE_KEY_BYTES or not 0 < scalar < GROUP_ORDER:
        raise SignatureError("a BLS private key is 32 little-endian bytes below the group's order, and not zero")
    return scalar


def public_key(private_key: bytes) -> bytes:
    """The compressed public key."""
    return bytes(_generator().scalar_mul(secret_scalar(private_key)).compress())


def sign(private_key: bytes, message: bytes) -> bytes:
    """The compressed signature of a message."""
    return bytes(pyblst.BlstP2Element.hash_to_group(message, DST).scalar_mul(secret_scalar(private_key)).compress())


@lru_cache(maxsize=_KEYS_CACHED)
def _key_point(data: bytes) -> pyblst.BlstP1Element:
    if len(data) != PUBLIC_KEY_BYTES or not data[0] & _COMPRESSED or data[0] & _INFINITY:
        raise SignatureError(f"a BLS public key is {PUBLIC_KEY_BYTES} compressed bytes and not the infinity point")
    try:
        return pyblst.BlstP1Element.uncompress(data)
    except ValueError as error:
        raise SignatureError(f"not a BLS public key: {error}") from None


def check_public_key(data: bytes) -> None:
    """Raise SignatureError unless `data` is a usable public key."""
    _key_point(data)


def _signature_point(data: bytes) -> pyblst.BlstP2Element:
    if len(data) != SIGNATURE_BYTES or not data[0] & _COMPRESSED:
        raise SignatureError(f"a BLS signature is {SIGNATURE_BYTES} compressed bytes")
    try:
        return pyblst.BlstP2Element.uncompress(data)
    except ValueError as error:
        raise SignatureError(f"not a BLS signature: {error}") from None


def aggregate(signatures: Sequence[bytes]) -> bytes:
    """The sum of signatures; the infinity point for none."""
    if not signatures:
        return INFINITY_SIGNATURE
    total = _signature_point(signatures[0])
    for signature in signatures[1:]:
        total = total + _signature_point(signature)
    return bytes(total.compress())


_verified: Remembered[tuple[bytes, bytes, bytes], bool] = Remembered(VERIFIED_REMEMBERED_BYTES)


def _remember(key: bytes, message: bytes, signature: bytes, *, valid: bool) -> None:
    _verified.put((key, message, signature), valid, _VERIFIED_BYTES + len(message))


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is of `message` by `key`; malformed input raises SignatureError.

    Remembered, for a block comes by gossip, by sync and with its siblings.
    """
    valid = _verified.get((key, message, signature))
    if valid is None:
        valid = verify_aggregate([(key, message)], signature)
        _remember(key, message, signature, valid=valid)
    return valid


def verify_together(key: bytes, signed: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether every (message, signature) is by one key; if so, `verify` knows each of them from now on.

    A header has three signatures of its miner, and a product of two pairings with chance weights is enough for all:
    e(key, sum of r_i H(m_i)) = e(generator, sum of r_i s_i). The weights follow from all that is verified, so nobody
    can choose signatures that only add up. False may also mean a malformed one; which one, only `verify` tells
    (the small exponents test of Bellare, Garay and Rabin, "Fast Batch Verification for Modular Exponentiation and
    Digital Signatures", 1998).
    """
    if all(_verified.get((key, message, signature)) for message, signature in signed):
        return True
    try:
        point = _key_point(key)
        signatures = [_signature_point(signature) for _, signature in signed]
    except SignatureError:
        return False
    hashes = [pyblst.BlstP2Element.hash_to_group(message, DST) for message, _ in signed]
    seed = hashlib.blake2b(digest_size=32)
    for part in (key, *(part for pair in signed for part in pair)):
        seed.update(len(part).to_bytes(8, "big") + part)
    message_sum, signature_sum = hashes[0], signatures[0]  # one weight may be 1
    for number in range(1, len(signed)):
        digest = hashlib.blake2b(seed.digest() + number.to_bytes(8, "big"), digest_size=_WEIGHT_BYTES).digest()
        weight = int.from_bytes(digest, "big")
        message_sum = message_sum + hashes[number].scalar_mul(weight)
        signature_sum = signature_sum + signatures[number].scalar_mul(weight)
    product = pyblst.miller_loop(point, message_sum)
    if not pyblst.final_verify(product, pyblst.miller_loop(_generator(), signature_sum)):
        return False
    for message, signature in signed:
        _remember(key, message, signature, valid=True)
    return True


def verify_aggregate(pairs: Sequence[tuple[bytes, bytes]], signature: bytes) -> bool:
    """Whether `signature` is the sum of signatures of (key, message) pairs; of none, whether it is the infinity point.

    The same message may be signed by several keys: Filecoin's messages name their sender, which keeps rogue keys out.
    """
    return at_once(verifying_aggregate(pairs, signature))


def verifying_aggregate(pairs: Sequence[tuple[bytes, bytes]], signature: bytes) -> Steps[bool]:
    """As `verify_aggregate`, with a pause after each pair: a full block has thousands, a millisecond each."""
    if not pairs and signature == INFINITY_SIGNATURE:
        return True
    point = _signature_point(signature)
    if not pairs:
        return False
    product: pyblst.BlstFP12Element | None = None
    for key, message in pairs:
        term = pyblst.miller_loop(_key_point(key), pyblst.BlstP2Element.hash_to_group(message, DST))
        product = term if product is None else product * term
        yield
    return bool(pyblst.final_verify(product, pyblst.miller_loop(_generator(), point)))
