"""The miner's methods by number, version 2."""

from __future__ import annotations

from thespis.protocols.builtin.methods import ADDRESS, Methods, method
from thespis.protocols.builtin.power.methods import ConfirmedSectors, MinerConstructorParams
from thespis.protocols.builtin.storage_miner import methods as version_0
from thespis.protocols.builtin.storage_miner.balance import WithdrawBalanceParams
from thespis.protocols.builtin.storage_miner.calls import CronEventPayload
from thespis.protocols.builtin.storage_miner.consensus_fault import ConsensusFaultParams
from thespis.protocols.builtin.storage_miner.declarations import Declarations
from thespis.protocols.builtin.storage_miner.identity import (
    ChangeMultiaddrsParams,
    ChangePeerIdParams,
    ChangeWorkerAddressParams,
)
from thespis.protocols.builtin.storage_miner.prove_commit import ProveCommitParams
from thespis.protocols.builtin.storage_miner.state import SectorPreCommitInfo
from thespis.protocols.builtin.storage_miner.termination import TerminateSectorsReturn
from thespis.protocols.builtin.storage_miner.v2 import (
    balance,
    confirm,
    consensus_fault,
    cron,
    faults,
    identity,
    pre_commit,
    prove_commit,
    termination,
    window_post,
)
from thespis.protocols.builtin.storage_miner.window_post import SubmitPostParams

METHODS: Methods = version_0.METHODS | {
    1: method(identity.constructor, MinerConstructorParams),
    3: method(identity.change_worker_address, ChangeWorkerAddressParams),
    4: method(identity.change_peer_id, ChangePeerIdParams),
    5: method(window_post.submit_windowed_post, SubmitPostParams),
    6: method(pre_commit.pre_commit_sector, SectorPreCommitInfo),
    7: method(prove_commit.prove_commit_sector, ProveCommitParams),
    9: method(termination.terminate_sectors, Declarations, TerminateSectorsReturn),
    11: method(faults.declare_faults_recovered, Declarations),
    12: method(cron.on_deferred_cron_event, CronEventPayload),
    14: method(balance.apply_rewards, balance.ApplyRewardsParams),
    15: method(consensus_fault.report_consensus_fault, ConsensusFaultParams),
    16: method(balance.withdraw_balance, WithdrawBalanceParams),
    17: method(confirm.confirm_sector_proofs, ConfirmedSectors),
    18: method(identity.change_multiaddrs, ChangeMultiaddrsParams),
    21: method(identity.confirm_update_worker_key),
    22: method(balance.repay_debt),
    23: method(identity.change_owner_address, ADDRESS),
}
