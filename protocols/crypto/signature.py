"""Filecoin signatures: a type byte and its data, and what it means for one to be valid."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum

from thespis.protocols.crypto import bls, secp256k1
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.errors import SignatureError

SIGNATURE_BYTES_MAX = 200
"""go-state-types' bound on a signature, its type included."""


class SignatureType(IntEnum):
    """The schemes; 0 is what an empty signature reads as and signs nothing."""

    UNKNOWN = 0
    SECP256K1 = 1
    BLS = 2
    DELEGATED = 3


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature of either scheme."""

    type: SignatureType
    data: bytes

    def to_bytes(self) -> bytes:
        """Type byte, then data."""
        return bytes([self.type]) + self.data

    @classmethod
    def from_bytes(cls, data: bytes) -> Signature:
        """Parse what `to_bytes` wrote."""
        if not 0 < len(data) <= SIGNATURE_BYTES_MAX:
            raise SignatureError(f"signature of {len(data)} bytes; they have 1 to {SIGNATURE_BYTES_MAX}")
        try:
            return cls(SignatureType(data[0]), data[1:])
        except ValueError:
            raise SignatureError(f"signature type {data[0]}; types run from 0 to 3") from None

    @classmethod
    def from_chain_bytes(cls, data: bytes) -> Signature:
        """Parse as peers do: a signature on chain has a type (go-state-types v0.17.0 ``crypto``, UnmarshalCBOR)."""
        found = cls.from_bytes(data)
        if found.type is SignatureType.UNKNOWN:
            raise SignatureError("signature type 0; on chain types run from 1 to 3")
        return found

    @classmethod
    def from_actors_bytes(cls, data: bytes) -> Signature:
        """Parse as the network's first actors do, which had two types."""
        found = cls.from_chain_bytes(data)
        if found.type is SignatureType.DELEGATED:
            raise SignatureError("signature type 3; in parameters types are 1 and 2")
        return found


def sign(kind: SignatureType, private_key: bytes, data: bytes) -> Signature:
    """Sign bytes; the delegated scheme is refused, its messages are signed in their Ethereum form."""
    if kind is SignatureType.SECP256K1:
        return Signature(kind, secp256k1.sign(private_key, data))
    if kind is SignatureType.BLS:
        return Signature(kind, bls.sign(private_key, data))
    raise SignatureError(f"cannot sign with type {kind.name}; use SECP256K1 or BLS")


def key_from_seed(kind: SignatureType, seed: str) -> bytes:
    """The private key that a text gives, for local networks: whoever knows the text has the key."""
    digest = hashlib.blake2b(seed.encode(), digest_size=48).digest()
    scalar = int.from_bytes(digest, "big") % (bls.GROUP_ORDER - 1) + 1
    return scalar.to_bytes(32, "little" if kind is SignatureType.BLS else "big")


def address_of(kind: SignatureType, private_key: bytes) -> Address:
    """The address of a private key."""
    if kind is SignatureType.SECP256K1:
        return Address.secp256k1(secp256k1.public_key(private_key))
    if kind is SignatureType.BLS:
        return Address.bls(bls.public_key(private_key))
    raise SignatureError(f"type {kind.name} has no key address; use SECP256K1 or BLS")


def check_signature(signature: Signature, signer: Address, data: bytes) -> None:
    """Raise SignatureError unless `signer`, a key address, signed `data`.

    The scheme must be that of the address: a signature of one kind never speaks for a key of the other.
    """
    if signature.type is SignatureType.SECP256K1 and signer.protocol is AddressProtocol.SECP256K1:
        valid = Address.secp256k1(secp256k1.recover(signature.data, data)) == signer
    elif signature.type is SignatureType.BLS and signer.protocol is AddressProtocol.BLS:
        valid = bls.verify(signer.payload, data, signature.data)
    elif signature.type is SignatureType.DELEGATED:
        raise SignatureError("delegated signatures (type 3) came after the network versions that this node implements")
    else:
        raise SignatureError(
            f"a {signature.type.name} signature cannot be of {signer}, which is {signer.protocol.name}"
        )
    if not valid:
        raise SignatureError(f"the signature is not of {signer} over these bytes")
