"""Deals as the chain keeps them (specs-actors v0.9.15 ``deal.go``)."""

from __future__ import annotations

from thespis.protocols.crypto.signature import Signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch, Record, TokenAmount, Unsigned, record

NEVER = ChainEpoch(-1)


@record
class DealProposal(Record):
    """What a client and a provider agree on; size in padded bytes, amounts in attoFIL."""

    piece_cid: Cid
    piece_size: Unsigned
    verified_deal: bool
    client: Address
    provider: Address
    label: str
    start_epoch: ChainEpoch
    end_epoch: ChainEpoch
    storage_price_per_epoch: TokenAmount
    provider_collateral: TokenAmount
    client_collateral: TokenAmount

    @property
    def duration(self) -> int:
        """Epochs."""
        return self.end_epoch - self.start_epoch

    @property
    def storage_fee(self) -> int:
        """What the client pays in all."""
        return self.storage_price_per_epoch * self.duration

    @property
    def client_balance(self) -> int:
        """What is locked of the client's balance."""
        return self.client_collateral + self.storage_fee

    @property
    def weight(self) -> int:
        """Byte-epochs."""
        return self.duration * self.piece_size


@record
class ClientDealProposal(Record):
    """A proposal that its client signed."""

    proposal: DealProposal
    client_signature: Signature


@record
class DealState(Record):
    """Since when a deal is in a sector, when it was last paid, and when its sector was lost; -1 for never."""

    sector_start_epoch: ChainEpoch
    last_updated_epoch: ChainEpoch
    slash_epoch: ChainEpoch


@record
class Escrow(Record):
    """Whose balance is taken from, and how much."""

    address: Address
    amount: TokenAmount


@record
class PublishDealsParams(Record):
    """Signed proposals of one provider."""

    deals: tuple[ClientDealProposal, ...]


@record
class PublishDealsReturn(Record):
    """The deals' numbers."""

    ids: tuple[Unsigned, ...]
