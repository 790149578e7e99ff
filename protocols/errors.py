"""The error tree of the protocols floor; every decoder raises one of these and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thespis.protocols.encoding.cid import Cid


class ProtocolError(ValueError):
    """Root of all errors about Filecoin data."""


class OutsideError(Exception):
    """What the rules stand on failed, such as a disk; it says nothing about the data, so no rule may judge by it."""


class DecodeError(ProtocolError):
    """Bytes or text are not what they claim to be."""


class VarintError(DecodeError):
    """A LEB128 integer is truncated, too long or not minimal."""


class CborError(DecodeError):
    """Bytes are not exactly one canonical DAG-CBOR value within the bounds."""


class CidError(DecodeError):
    """Not a CID this code understands."""


class AddressError(DecodeError):
    """Not a Filecoin address."""


class AddressProtocolError(AddressError):
    """The protocol digit is none of the five."""


class AddressNetworkError(AddressError):
    """The network prefix is neither f nor t."""


class AddressLengthError(AddressError):
    """Text or payload has a length that the protocol excludes."""


class AddressPayloadError(AddressError):
    """The payload cannot be of its protocol."""


class AddressChecksumError(AddressError):
    """The checksum does not match: a character is wrong."""


class AddressEncodingError(AddressError):
    """The text is not canonical base32."""


class BigIntError(DecodeError):
    """Bytes are not a serialised Filecoin integer."""


class AmountError(DecodeError):
    """Text is not an amount of FIL."""


class BitfieldError(DecodeError):
    """Bytes are not canonical RLE+, or the field is over its bound."""


class BrokenBitfieldError(BitfieldError):
    """RLE+ that was decoded as the reference does, unlooked at, and turns out broken where it is used."""


class CarError(DecodeError):
    """A CAR file is truncated, malformed, or holds a block that is not what its CID says."""


class BlockNotFoundError(ProtocolError):
    """A linked block is not in the store."""


class NodeError(DecodeError):
    """A HAMT or AMT node is malformed."""


class EncodeError(ProtocolError):
    """A value has no canonical encoding."""


class SignatureError(DecodeError):
    """A key or signature is malformed, or a signature is not of whom it should be."""


class InvalidMessageError(ProtocolError):
    """A message breaks a rule of inclusion."""


class NetworkVersionError(InvalidMessageError):
    """A message breaks a rule that holds in some network versions only; on another chain it may be a good one."""


class InvalidTipsetError(ProtocolError):
    """Blocks do not form a tipset."""


class InvalidBlockError(ProtocolError):
    """A block header breaks a rule of consensus; the subclass says which.

    `block` is the one that is proven to break it. Without it the error is of what somebody said about a block, and no
    block may count as bad for that.
    """

    block: Cid | None = None

    def about(self, block: Cid) -> InvalidBlockError:
        """The same error as the proof against one block, unless it is of another already."""
        self.block = self.block or block
        return self


class BlockParentsError(InvalidBlockError):
    """The parents, their order, or the height over them."""


class BlockTimestampError(InvalidBlockError):
    """The timestamp."""


class BlockWeightError(InvalidBlockError):
    """The weight of the parent chain."""


class BlockBaseFeeError(InvalidBlockError):
    """The base fee."""


class BlockStateRootError(InvalidBlockError):
    """The state after the parents."""


class BlockReceiptsError(InvalidBlockError):
    """The receipts of the parents' messages."""


class BlockBeaconError(InvalidBlockError):
    """The beacon entries."""


class BlockTicketError(InvalidBlockError):
    """The ticket."""


class BlockElectionError(InvalidBlockError):
    """The election proof."""


class BlockWinCountError(InvalidBlockError):
    """The number of wins."""


class BlockSignatureError(InvalidBlockError):
    """The miner's signature."""


class BlockMessagesError(InvalidBlockError):
    """The messages, or their signatures."""


class WireError(DecodeError):
    """A peer's message is outside the bounds of its protocol."""


class RefusedError(WireError):
    """The peer has not, or does not want to give, what was asked for; that is its right."""


class TipsetExecutionError(ProtocolError):
    """A message of the system itself failed: the state before it is not one that this code can continue."""


class GenesisError(ProtocolError):
    """A genesis template or file describes no network that can start."""


class BeaconUnavailableError(ProtocolError):
    """A beacon entry is needed that this node cannot produce."""


class ChainError(ProtocolError):
    """The chain does not have what was asked of it."""


class UnknownMinerError(ChainError):
    """A state does not have the miner, or has nobody who signs for it."""


class BlockProofError(InvalidBlockError):
    """The block's proof of storage is not what its network asks for."""


class BlockFutureError(ProtocolError):
    """The block's time has not come, which is no fault of it: it may be valid then, and clocks differ."""


class PoolError(ProtocolError):
    """The message pool does not take a message."""


class GasEstimateError(ProtocolError):
    """A message would fail, so there is no gas limit to recommend."""


class ProofError(ProtocolError):
    """A proof of storage, or what one is made of, cannot be right."""


class SectorFaultError(ProofError):
    """A sealed sector's files are not what was committed to."""
