"""The market's methods by number, version 0.

A deal is published with money of both sides locked, activated when its sector is proven, settled by cron again and
again while it lasts, and ends when its time is over, when its sector is terminated, or when it came into no sector.
"""

from __future__ import annotations

from thespis.protocols.builtin.market import activation, escrow, publication, settlement
from thespis.protocols.builtin.market.calls import (
    ActivateDealsParams,
    ComputeDataCommitmentParams,
    DealWeights,
    VerifyDealsParams,
)
from thespis.protocols.builtin.market.deals import Escrow, PublishDealsParams, PublishDealsReturn
from thespis.protocols.builtin.methods import ADDRESS, CID, Methods, method
from thespis.protocols.builtin.storage_miner.calls import SectorsTerminateParams

METHODS: Methods = {
    1: method(escrow.constructor),
    2: method(escrow.add_balance, ADDRESS),
    3: method(escrow.withdraw_balance, Escrow),
    4: method(publication.publish_storage_deals, PublishDealsParams, PublishDealsReturn),
    5: method(activation.verify_deals_for_activation, VerifyDealsParams, DealWeights),
    6: method(activation.activate_deals, ActivateDealsParams),
    7: method(activation.on_miner_sectors_terminate, SectorsTerminateParams),
    8: method(activation.compute_data_commitment, ComputeDataCommitmentParams, CID),
    9: method(settlement.cron_tick),
}
