"""The miner's methods by number, version 2; what differs from version 0 is in this folder."""

from __future__ import annotations

from protocols.builtin.methods import Methods
from protocols.builtin.storage_miner import confirm, ending, identity, proving
from protocols.builtin.version_2 import miner_ending, miner_identity, miner_money, miner_proving, miner_sectors

METHODS: Methods = {
    1: miner_identity.constructor,
    2: identity.control_addresses,
    3: miner_identity.change_worker_address,
    4: miner_identity.change_peer_id,
    5: miner_proving.submit_windowed_post,
    6: miner_sectors.pre_commit_sector,
    7: miner_sectors.prove_commit_sector,
    8: ending.extend_sector_expiration,
    9: miner_ending.terminate_sectors,
    10: proving.declare_faults,
    11: miner_proving.declare_faults_recovered,
    12: miner_proving.on_deferred_cron_event,
    13: confirm.check_sector_proven,
    14: miner_money.apply_rewards,
    15: miner_money.report_consensus_fault,
    16: miner_money.withdraw_balance,
    17: miner_sectors.confirm_sector_proofs,
    18: miner_identity.change_multiaddrs,
    19: ending.compact_partitions,
    20: ending.compact_sector_numbers,
    21: miner_identity.confirm_update_worker_key,
    22: miner_money.repay_debt,
    23: miner_identity.change_owner_address,
}
