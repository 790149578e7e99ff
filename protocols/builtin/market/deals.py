"""Deals as the chain keeps them.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/market/``.
"""

from __future__ import annotations

from thespis.protocols.crypto.signature import Signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch, Record, StateRecord, TokenAmount, Unsigned, record

NEVER = ChainEpoch(-1)
"""The epoch of what has not happened (``deal.go``, epochUndefined)."""


@record
class DealProposal(StateRecord):
    """What a client and a provider agree on; size in padded bytes, amounts in attoFIL.

    Source: ``deal.go``, DealProposal.
    """

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
        """How many epochs the deal lasts."""
        return self.end_epoch - self.start_epoch

    @property
    def storage_fee(self) -> int:
        """What the client pays in all, if the deal lasts to its end; attoFIL."""
        return self.storage_price_per_epoch * self.duration

    @property
    def client_balance(self) -> int:
        """What is locked of the client's balance: collateral and the whole fee; attoFIL."""
        return self.client_collateral + self.storage_fee

    @property
    def weight(self) -> int:
        """Its padded bytes times its epochs."""
        return self.duration * self.piece_size


@record
class ClientDealProposal(Record):
    """A proposal that its client signed."""

    proposal: DealProposal
    client_signature: Signature


@record
class DealState(StateRecord):
    """Since when a deal is in a sector, when it was last paid, and when its sector was lost; -1 for never.

    Source: ``deal.go``, DealState.
    """

    sector_start_epoch: ChainEpoch
    last_updated_epoch: ChainEpoch
    slash_epoch: ChainEpoch


@record
class Escrow(Record):
    """Whose balance is taken from, and how much attoFIL at most."""

    address: Address
    amount: TokenAmount


@record
class PublishDealsParams(Record):
    """Signed proposals, all of one provider."""

    deals: tuple[ClientDealProposal, ...]


@record
class PublishDealsReturn(Record):
    """The numbers of the published deals, in order."""

    ids: tuple[Unsigned, ...]
