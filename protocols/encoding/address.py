"""Filecoin addresses: a protocol byte and its payload; five protocols.

========  ===============  ===========================================================
protocol  payload          meaning
========  ===============  ===========================================================
0         LEB128           actor id, below 2^63
1         20 bytes         blake2b-160 of a secp256k1 public key
2         20 bytes         blake2b-160 of what created the actor
3         48 bytes         BLS public key
4         LEB128 + 0..54   namespace and subaddress (f410: an Ethereum address)
========  ===============  ===========================================================

Text is ``f`` or ``t``, the protocol digit, then decimal (0) or canonical base32 of payload and a four-byte blake2b
checksum (go-address; reference: formats, section 1).
"""

from __future__ import annotations

import base64
import hashlib
from enum import IntEnum

from thespis.protocols.encoding.varint import decode_varint, encode_varint
from thespis.protocols.errors import (
    AddressChecksumError,
    AddressEncodingError,
    AddressError,
    AddressLengthError,
    AddressNetworkError,
    AddressPayloadError,
    AddressProtocolError,
    VarintError,
)

TEXT_MIN, TEXT_MAX = 3, 115
CBOR_BYTES_MAX = 64
ID_DIGITS_MAX = 19
HASH_BYTES = 20
BLS_BYTES = 48
SUBADDRESS_BYTES_MAX = 54
CHECKSUM_BYTES = 4
ID_LIMIT = 1 << 63
EAM_NAMESPACE = 10
"""Actor id of the Ethereum address manager: the namespace of f410 addresses."""

_MASKED_ID_PREFIX = b"\xff" + bytes(11)


class AddressProtocol(IntEnum):
    """What the payload is."""

    ID = 0
    SECP256K1 = 1
    ACTOR = 2
    BLS = 3
    DELEGATED = 4


_PROTOCOLS = tuple(AddressProtocol)


class Address:
    """One address; immutable, hashable, ordered by its bytes."""

    __slots__ = ("_hash", "data")

    def __init__(self, data: bytes) -> None:
        """Wrap checked bytes; use `parse` for bytes from elsewhere."""
        self.data = data
        self._hash = hash(data)

    @classmethod
    def id(cls, number: int) -> Address:
        """The address of an actor id."""
        if not 0 <= number < ID_LIMIT:
            raise AddressPayloadError(f"actor id {number}; ids run from 0 to 2^63 - 1")
        return cls(b"\x00" + encode_varint(number))

    @classmethod
    def secp256k1(cls, public_key: bytes) -> Address:
        """The address of an uncompressed 65-byte public key."""
        return cls(b"\x01" + hashlib.blake2b(public_key, digest_size=HASH_BYTES).digest())

    @classmethod
    def actor(cls, seed: bytes) -> Address:
        """The address of an actor created from `seed`."""
        return cls(b"\x02" + hashlib.blake2b(seed, digest_size=HASH_BYTES).digest())

    @classmethod
    def bls(cls, public_key: bytes) -> Address:
        """The address of a 48-byte compressed public key."""
        return cls.parse(b"\x03" + public_key)

    @classmethod
    def delegated(cls, namespace: int, subaddress: bytes) -> Address:
        """The address that the actor `namespace` gave out."""
        if not 0 <= namespace < ID_LIMIT:
            raise AddressPayloadError(f"namespace {namespace}; namespaces run from 0 to 2^63 - 1")
        return cls.parse(b"\x04" + encode_varint(namespace) + subaddress)

    @classmethod
    def parse(cls, data: bytes) -> Address:
        """Bytes that are exactly one address."""
        if not 2 <= len(data) <= CBOR_BYTES_MAX:  # noqa: PLR2004
            raise AddressLengthError(f"address of {len(data)} bytes; they have 2 to {CBOR_BYTES_MAX}")
        protocol, payload = data[0], data[1:]
        if protocol in (AddressProtocol.SECP256K1, AddressProtocol.ACTOR):
            _need(payload, HASH_BYTES, protocol)
        elif protocol == AddressProtocol.BLS:
            _need(payload, BLS_BYTES, protocol)
        elif protocol == AddressProtocol.ID:
            _number, end = _leb128(payload)
            if end != len(payload):
                raise AddressPayloadError(f"{len(payload) - end} bytes follow the actor id")
        elif protocol == AddressProtocol.DELEGATED:
            namespace, end = _leb128(payload)
            subaddress = payload[end:]
            if len(subaddress) > SUBADDRESS_BYTES_MAX:
                raise AddressLengthError(f"subaddress of {len(subaddress)} bytes; the bound is {SUBADDRESS_BYTES_MAX}")
            if (
                namespace == EAM_NAMESPACE
                and len(subaddress) == HASH_BYTES
                and subaddress.startswith(_MASKED_ID_PREFIX)
            ):
                raise AddressPayloadError("an f410 address must not hold a masked actor id; use the f0 address")
        else:
            raise AddressProtocolError(f"address protocol {protocol}; protocols run from 0 to 4")
        return cls(data)

    @classmethod
    def from_text(cls, text: str) -> Address:
        """Parse text of either network; it must be canonical."""
        if not TEXT_MIN <= len(text) <= TEXT_MAX:
            raise AddressLengthError(f"address text of {len(text)} characters; it has {TEXT_MIN} to {TEXT_MAX}")
        if text[0] not in "ft":
            raise AddressNetworkError(f"address {text!r} starts with {text[0]!r}; f is mainnet, t any test network")
        digit, body = text[1], text[2:]
        if digit not in "01234":
            raise AddressProtocolError(f"address {text!r} has protocol {digit!r}; protocols run from 0 to 4")
        protocol = int(digit)
        if protocol == AddressProtocol.ID:
            return cls.id(_decimal(body, "actor id"))
        prefix = bytes([protocol])
        if protocol == AddressProtocol.DELEGATED:
            namespace, separator, body = body.partition("f")
            if not separator:
                raise AddressEncodingError(f"address {text!r} has no f between namespace and subaddress")
            prefix += encode_varint(_decimal(namespace, "namespace"))
        decoded = _base32(body)
        if len(decoded) < CHECKSUM_BYTES:
            raise AddressLengthError(f"address {text!r} is shorter than its checksum")
        data, checksum = prefix + decoded[:-CHECKSUM_BYTES], decoded[-CHECKSUM_BYTES:]
        address = cls.parse(data)
        if _checksum(data) != checksum:
            raise AddressChecksumError(f"address {text!r} has a wrong checksum; a character is mistyped")
        return address

    @property
    def protocol(self) -> AddressProtocol:
        """What the payload is."""
        return _PROTOCOLS[self.data[0]]

    @property
    def payload(self) -> bytes:
        """Everything behind the protocol byte."""
        return self.data[1:]

    @property
    def actor_id(self) -> int:
        """The number of an ID address; raises for other protocols."""
        if self.protocol is not AddressProtocol.ID:
            raise AddressPayloadError(f"{self} is no ID address; look its id up on the chain")
        return _leb128(self.payload)[0]

    def text(self, network: str = "f") -> str:
        """Canonical text; `network` is f (mainnet) or t."""
        head = f"{network}{self.data[0]}"
        if self.protocol is AddressProtocol.ID:
            return f"{head}{self.actor_id}"
        payload = self.payload
        if self.protocol is AddressProtocol.DELEGATED:
            namespace, end = _leb128(payload)
            head, payload = f"{head}{namespace}f", payload[end:]
        return head + base64.b32encode(payload + _checksum(self.data)).decode().rstrip("=").lower()

    def to_ethereum(self) -> bytes:
        """The 20-byte Ethereum form: an f410 subaddress, or a masked id; raises for others."""
        if self.protocol is AddressProtocol.ID:
            return _MASKED_ID_PREFIX + self.actor_id.to_bytes(8, "big")
        if self.protocol is AddressProtocol.DELEGATED:
            namespace, end = _leb128(self.payload)
            subaddress = self.payload[end:]
            if namespace == EAM_NAMESPACE and len(subaddress) == HASH_BYTES:
                return subaddress
        raise AddressPayloadError(f"{self} has no Ethereum form; f0 and f410 addresses have")

    @classmethod
    def from_ethereum(cls, data: bytes) -> Address:
        """The Filecoin address of 20 Ethereum bytes: f0 for a masked id, else f410."""
        if len(data) != HASH_BYTES:
            raise AddressLengthError(f"Ethereum address of {len(data)} bytes; it has {HASH_BYTES}")
        if data.startswith(_MASKED_ID_PREFIX):
            return cls.id(int.from_bytes(data[12:], "big"))
        return cls.delegated(EAM_NAMESPACE, data)

    def __bytes__(self) -> bytes:
        return self.data

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"Address({self.text()!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self.data == other.data

    def __lt__(self, other: Address) -> bool:
        return self.data < other.data

    def __hash__(self) -> int:
        return self._hash


def _need(payload: bytes, size: int, protocol: int) -> None:
    if len(payload) != size:
        raise AddressPayloadError(f"protocol {protocol} has {size} payload bytes, not {len(payload)}")


def _leb128(payload: bytes) -> tuple[int, int]:
    try:
        return decode_varint(payload)
    except VarintError as error:
        raise AddressPayloadError(str(error)) from None


def _decimal(text: str, what: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > ID_DIGITS_MAX or (text[0] == "0" and text != "0"):
        raise AddressPayloadError(f"{what} {text!r} is not a plain decimal of at most {ID_DIGITS_MAX} digits")
    number = int(text)
    if number >= ID_LIMIT:
        raise AddressPayloadError(f"{what} {number}; it must be below 2^63")
    return number


def _checksum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=CHECKSUM_BYTES).digest()


def _base32(text: str) -> bytes:
    try:
        data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        raise AddressEncodingError(f"{text!r} is not base32") from None
    if base64.b32encode(data).decode().rstrip("=").lower() != text:
        raise AddressEncodingError(f"{text!r} is not canonical base32 in lower case")
    return data


__all__ = ["Address", "AddressError", "AddressProtocol"]
