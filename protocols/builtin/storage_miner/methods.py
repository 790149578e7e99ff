"""The miner's methods by number."""

from __future__ import annotations

from thespis.protocols.builtin.methods import BIG_INTEGER, Methods, method
from thespis.protocols.builtin.miner_state import SectorPreCommitInfo
from thespis.protocols.builtin.power import ConfirmedSectors, MinerConstructorParams
from thespis.protocols.builtin.storage_miner import commit, confirm, cron, ending, identity, proving
from thespis.protocols.builtin.storage_miner.calls import CronEventPayload

METHODS: Methods = {
    1: method(identity.constructor, MinerConstructorParams),
    2: method(identity.control_addresses, returns=identity.ControlAddresses),
    3: method(identity.change_worker_address, identity.ChangeWorkerAddressParams),
    4: method(identity.change_peer_id, identity.ChangePeerIdParams),
    5: method(proving.submit_windowed_post, proving.SubmitPostParams),
    6: method(commit.pre_commit_sector, SectorPreCommitInfo),
    7: method(commit.prove_commit_sector, commit.ProveCommitParams),
    8: method(ending.extend_sector_expiration, ending.ExtendParams),
    9: method(ending.terminate_sectors, proving.Declarations, ending.TerminateSectorsReturn),
    10: method(proving.declare_faults, proving.Declarations),
    11: method(proving.declare_faults_recovered, proving.Declarations),
    12: method(cron.on_deferred_cron_event, CronEventPayload),
    13: method(confirm.check_sector_proven, confirm.SectorNumberParams),
    14: method(identity.add_locked_fund, BIG_INTEGER),
    15: method(ending.report_consensus_fault, ending.ConsensusFaultParams),
    16: method(identity.withdraw_balance, identity.WithdrawBalanceParams),
    17: method(confirm.confirm_sector_proofs, ConfirmedSectors),
    18: method(identity.change_multiaddrs, identity.ChangeMultiaddrsParams),
    19: method(ending.compact_partitions, ending.CompactPartitionsParams),
    20: method(ending.compact_sector_numbers, ending.CompactNumbersParams),
}
