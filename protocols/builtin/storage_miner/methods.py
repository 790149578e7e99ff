"""The miner's methods by number, version 0."""

from __future__ import annotations

from thespis.protocols.builtin.methods import BIG_INTEGER, Methods, method
from thespis.protocols.builtin.power.methods import ConfirmedSectors, MinerConstructorParams
from thespis.protocols.builtin.storage_miner import (
    balance,
    compaction,
    confirm,
    consensus_fault,
    cron,
    extension,
    faults,
    identity,
    pre_commit,
    prove_commit,
    termination,
    window_post,
)
from thespis.protocols.builtin.storage_miner.calls import CronEventPayload
from thespis.protocols.builtin.storage_miner.declarations import Declarations
from thespis.protocols.builtin.storage_miner.state import SectorPreCommitInfo

METHODS: Methods = {
    1: method(identity.constructor, MinerConstructorParams),
    2: method(identity.control_addresses, returns=identity.ControlAddresses),
    3: method(identity.change_worker_address, identity.ChangeWorkerAddressParams),
    4: method(identity.change_peer_id, identity.ChangePeerIdParams),
    5: method(window_post.submit_windowed_post, window_post.SubmitPostParams),
    6: method(pre_commit.pre_commit_sector, SectorPreCommitInfo),
    7: method(prove_commit.prove_commit_sector, prove_commit.ProveCommitParams),
    8: method(extension.extend_sector_expiration, extension.ExtendParams),
    9: method(termination.terminate_sectors, Declarations, termination.TerminateSectorsReturn),
    10: method(faults.declare_faults, Declarations),
    11: method(faults.declare_faults_recovered, Declarations),
    12: method(cron.on_deferred_cron_event, CronEventPayload),
    13: method(confirm.check_sector_proven, confirm.SectorNumberParams),
    14: method(balance.add_locked_fund, BIG_INTEGER),
    15: method(consensus_fault.report_consensus_fault, consensus_fault.ConsensusFaultParams),
    16: method(balance.withdraw_balance, balance.WithdrawBalanceParams),
    17: method(confirm.confirm_sector_proofs, ConfirmedSectors),
    18: method(identity.change_multiaddrs, identity.ChangeMultiaddrsParams),
    19: method(compaction.compact_partitions, compaction.CompactPartitionsParams),
    20: method(compaction.compact_sector_numbers, compaction.CompactNumbersParams),
}
