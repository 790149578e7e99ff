"""What the storage market is asked and answers, shared with the miner actor (specs-actors v0.9.15)."""

from __future__ import annotations

from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Record, Unsigned, record


@record
class VerifyDealsParams(Record):
    """Deals of a sector, and its life."""

    deal_ids: tuple[Unsigned, ...]
    sector_expiry: ChainEpoch
    sector_start: ChainEpoch


@record
class DealWeights(Record):
    """Byte-epochs of plain and of verified deals."""

    deal_weight: BigInteger
    verified_deal_weight: BigInteger


@record
class DealWeightsV2(DealWeights):
    """The same, with the deals' sizes in padded bytes."""

    deal_space: Unsigned


NO_DEALS = DealWeightsV2(BigInteger(0), BigInteger(0), Unsigned(0))


@record
class ActivateDealsParams(Record):
    """Deals of a sector, and when it ends."""

    deal_ids: tuple[Unsigned, ...]
    sector_expiry: ChainEpoch


@record
class ComputeDataCommitmentParams(Record):
    """Deals of a sector, and its seal proof."""

    deal_ids: tuple[Unsigned, ...]
    sector_type: int
