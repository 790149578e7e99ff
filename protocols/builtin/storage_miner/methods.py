"""The miner's methods by number."""

from __future__ import annotations

from protocols.builtin.methods import Methods
from protocols.builtin.storage_miner import commit, confirm, cron, ending, identity, proving

METHODS: Methods = {
    1: identity.constructor,
    2: identity.control_addresses,
    3: identity.change_worker_address,
    4: identity.change_peer_id,
    5: proving.submit_windowed_post,
    6: commit.pre_commit_sector,
    7: commit.prove_commit_sector,
    8: ending.extend_sector_expiration,
    9: ending.terminate_sectors,
    10: proving.declare_faults,
    11: proving.declare_faults_recovered,
    12: cron.on_deferred_cron_event,
    13: confirm.check_sector_proven,
    14: identity.add_locked_fund,
    15: ending.report_consensus_fault,
    16: identity.withdraw_balance,
    17: confirm.confirm_sector_proofs,
    18: identity.change_multiaddrs,
    19: ending.compact_partitions,
    20: ending.compact_sector_numbers,
}
