"""What the storage market is asked by miners, and what it answers.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/market/``.
"""

from __future__ import annotations

from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Record, Unsigned, record


@record
class VerifyDealsParams(Record):
    """Deals of a sector, when it expires, and when it begins at the latest."""

    deal_ids: tuple[Unsigned, ...]
    sector_expiry: ChainEpoch
    sector_start: ChainEpoch


@record
class DealWeights(Record):
    """Byte-epochs of plain and of verified deals, from which the quality of a sector follows."""

    deal_weight: BigInteger
    verified_deal_weight: BigInteger


@record
class DealWeightsV2(DealWeights):
    """The same, with the deals' sizes in padded bytes."""

    deal_space: Unsigned


NO_DEALS = DealWeightsV2(BigInteger(0), BigInteger(0), Unsigned(0))


@record
class ActivateDealsParams(Record):
    """Deals of a sector, and when it expires."""

    deal_ids: tuple[Unsigned, ...]
    sector_expiry: ChainEpoch


@record
class ComputeDataCommitmentParams(Record):
    """Deals of a sector in their order, and its seal proof, which says how large it is."""

    deal_ids: tuple[Unsigned, ...]
    sector_type: int
