"""Messages: what an account asks the chain to do, and what makes one eligible for a block.

A message is signed over its CID's bytes. On chain a BLS message goes by the CID of its unsigned form, because its
signature is aggregated away; a secp256k1 message goes by the CID of its signed form (reference: formats, section 4).
"""

from __future__ import annotations

from typing import Self

from thespis.protocols.crypto.signature import Signature, SignatureType, check_signature
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.encoding.tuples import Record, StateRecord, TokenAmount, Unsigned, record
from thespis.protocols.errors import InvalidMessageError, NetworkVersionError

MESSAGE_VERSION = 0
MESSAGE_BYTES_MAX = 64 << 10
"""Largest message that the pool takes (Lotus: MaxMessageSize)."""
TOTAL_FILECOIN = 2_000_000_000 * 10**18
BLOCK_GAS_LIMIT = 10_000_000_000
ZERO_ADDRESS = Address.from_text(
    "f3yaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaby2smx7a"
)
"""A BLS address that nobody has; refused as recipient from network version 7 on."""

_SHORT_STRING_END, _ONE_BYTE_LENGTH_END = 24, 256
"""CBOR strings of these lengths in between have their length in one byte of its own."""


@record
class Message(Record):
    """An unsigned message; amounts in attoFIL, gas in gas units."""

    version: Unsigned
    to: Address
    sender: Address
    nonce: Unsigned
    value: TokenAmount
    gas_limit: int
    gas_fee_cap: TokenAmount
    gas_premium: TokenAmount
    method: Unsigned
    params: bytes

    def signing_bytes(self) -> bytes:
        """What the sender signs: the bytes of the message's CID."""
        return self.cid().data

    def highest_cost(self) -> int:
        """What the sender must own for it, in attoFIL: the value, and all gas at the fee cap.

        Source: Lotus v1.4.0 ``chain/types/message.go``, Message.RequiredFunds, and the value.
        """
        return self.value + self.gas_fee_cap * self.gas_limit


@record
class SignedMessage(Record):
    """A message and its sender's signature."""

    message: Message
    signature: Signature

    @classmethod
    def decode(cls, data: bytes, *, dialect: Dialect | None = None) -> Self:
        """The signed message of these bytes; if canonical, those of its unsigned part are kept too: it is hashed next.

        They stand between the array's head and the signature, a byte string with a head of two.
        """
        if (dialect or cls.READER) is not Dialect.CANONICAL:
            return cls.from_wire(cbor.decode_prefix(data), dialect)
        signed = cls.from_wire(cbor.decode(data))
        signed.keep_encoding(data)
        size = 1 + len(signed.signature.data)
        if _SHORT_STRING_END <= size < _ONE_BYTE_LENGTH_END:
            signed.message.keep_encoding(data[1 : -2 - size])
        return signed

    def chain_cid(self) -> Cid:
        """The CID by which blocks, receipts and the pool know the message."""
        return self.message.cid() if self.signature.type is SignatureType.BLS else self.cid()

    def chain_length(self) -> int:
        """Bytes that the message takes on chain, which is what its inclusion costs gas for."""
        unsigned = self.signature.type is SignatureType.BLS
        return len(self.message.encode() if unsigned else self.encode())

    def check_signature(self, signer: Address | None = None) -> None:
        """Raise SignatureError unless the sender signed; `signer` is its key address where the sender is an id."""
        check_signature(self.signature, signer or self.message.sender, self.message.signing_bytes())


def check_for_inclusion(message: Message, minimum_gas: int, network_version: int) -> None:
    """Raise InvalidMessageError unless a block of this network version may hold the message.

    These are the rules that need no state; balance, nonce and signature are checked against it elsewhere (Lotus:
    ValidForBlockInclusion). Those that hold in some versions only come last, and raise NetworkVersionError.
    """
    if message.version != MESSAGE_VERSION:
        raise InvalidMessageError(f"version {message.version}; the only version is {MESSAGE_VERSION}")
    if not 0 <= message.value <= TOTAL_FILECOIN:
        raise InvalidMessageError(f"value {message.value} attoFIL; it must be 0 to {TOTAL_FILECOIN}")
    if message.gas_fee_cap < 0 or message.gas_premium < 0:
        raise InvalidMessageError(f"gas fee cap {message.gas_fee_cap} or premium {message.gas_premium} is negative")
    if message.gas_premium > message.gas_fee_cap:
        raise InvalidMessageError(f"gas premium {message.gas_premium} is above the fee cap {message.gas_fee_cap}")
    if not 0 < message.gas_limit <= BLOCK_GAS_LIMIT:
        raise InvalidMessageError(f"gas limit {message.gas_limit}; it must be 1 to {BLOCK_GAS_LIMIT}")
    if message.gas_limit < minimum_gas:
        raise InvalidMessageError(f"gas limit {message.gas_limit} is below {minimum_gas}, the cost of being in a block")
    if message.to == ZERO_ADDRESS and network_version >= 7:  # noqa: PLR2004
        raise NetworkVersionError("the recipient is the zero address; nobody has it")
    if AddressProtocol.DELEGATED in (message.to.protocol, message.sender.protocol) and network_version < 18:  # noqa: PLR2004
        raise NetworkVersionError(f"f4 addresses came with network version 18, this is {network_version}")


@record
class Receipt(StateRecord):
    """What executing a message gave (network versions before 18)."""

    exit_code: int
    return_value: bytes
    gas_used: int
