"""secp256k1 signatures, recoverable: ``R || S || recovery id``, 65 bytes, over the blake2b-256 of what is signed.

Verifying recovers the key and compares its address, so a signature carries no key (reference: formats, section 4).
"""

from __future__ import annotations

import hashlib

from coincurve import PrivateKey, PublicKey
from thespis.protocols.errors import SignatureError

SIGNATURE_BYTES = 65
PRIVATE_KEY_BYTES = 32
_RECOVERY_IDS = 4


def digest(data: bytes) -> bytes:
    """What is signed in the name of `data`."""
    return hashlib.blake2b(data, digest_size=32).digest()


def _private(key: bytes) -> PrivateKey:
    try:
        if len(key) != PRIVATE_KEY_BYTES:
            raise ValueError("wrong length")
        return PrivateKey(key)
    except ValueError:
        raise SignatureError(
            "a secp256k1 private key is 32 big-endian bytes below the group's order, and not zero"
        ) from None


def public_key(private_key: bytes) -> bytes:
    """The uncompressed public key, 65 bytes."""
    return _private(private_key).public_key.format(compressed=False)


def sign(private_key: bytes, data: bytes) -> bytes:
    """The recoverable signature of `data`."""
    return _private(private_key).sign_recoverable(digest(data), hasher=None)


def recover(signature: bytes, data: bytes) -> bytes:
    """The uncompressed public key that signed `data`; raises SignatureError for what no key can have signed."""
    return recover_digest(signature, digest(data))


def recover_digest(signature: bytes, hashed: bytes) -> bytes:
    """The uncompressed public key that signed a 32-byte digest."""
    if len(signature) != SIGNATURE_BYTES or signature[-1] >= _RECOVERY_IDS:
        raise SignatureError(f"a secp256k1 signature is {SIGNATURE_BYTES} bytes that end in a recovery id of 0 to 3")
    try:
        return PublicKey.from_signature_and_message(signature, hashed, hasher=None).format(compressed=False)
    except Exception as error:
        raise SignatureError(f"no key can be recovered from the signature: {error}") from None
