"""The miner's methods by number, version 2; what differs from version 0 is in this folder."""

from __future__ import annotations

from thespis.protocols.builtin.methods import OPTIONAL_ADDRESS, Methods, method
from thespis.protocols.builtin.miner_state import SectorPreCommitInfo
from thespis.protocols.builtin.power import ConfirmedSectors, MinerConstructorParams
from thespis.protocols.builtin.storage_miner import commit, confirm, ending, identity, proving
from thespis.protocols.builtin.storage_miner.calls import CronEventPayload
from thespis.protocols.builtin.version_2 import miner_ending, miner_identity, miner_money, miner_proving, miner_sectors

METHODS: Methods = {
    1: method(miner_identity.constructor, MinerConstructorParams),
    2: method(identity.control_addresses, returns=identity.ControlAddresses),
    3: method(miner_identity.change_worker_address, identity.ChangeWorkerAddressParams),
    4: method(miner_identity.change_peer_id, identity.ChangePeerIdParams),
    5: method(miner_proving.submit_windowed_post, proving.SubmitPostParams),
    6: method(miner_sectors.pre_commit_sector, SectorPreCommitInfo),
    7: method(miner_sectors.prove_commit_sector, commit.ProveCommitParams),
    8: method(ending.extend_sector_expiration, ending.ExtendParams),
    9: method(miner_ending.terminate_sectors, proving.Declarations, ending.TerminateSectorsReturn),
    10: method(proving.declare_faults, proving.Declarations),
    11: method(miner_proving.declare_faults_recovered, proving.Declarations),
    12: method(miner_proving.on_deferred_cron_event, CronEventPayload),
    13: method(confirm.check_sector_proven, confirm.SectorNumberParams),
    14: method(miner_money.apply_rewards, miner_money.ApplyRewardsParams),
    15: method(miner_money.report_consensus_fault, ending.ConsensusFaultParams),
    16: method(miner_money.withdraw_balance, identity.WithdrawBalanceParams),
    17: method(miner_sectors.confirm_sector_proofs, ConfirmedSectors),
    18: method(miner_identity.change_multiaddrs, identity.ChangeMultiaddrsParams),
    19: method(ending.compact_partitions, ending.CompactPartitionsParams),
    20: method(ending.compact_sector_numbers, ending.CompactNumbersParams),
    21: method(miner_identity.confirm_update_worker_key),
    22: method(miner_money.repay_debt),
    23: method(miner_identity.change_owner_address, OPTIONAL_ADDRESS),
}
