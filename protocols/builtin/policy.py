"""What distinguishes the builtin actors of one network from those of another: periods, delays, sizes; all in epochs.

The rules are the same everywhere; a local network only has shorter periods and smaller sectors (specs-actors:
``policy.go`` of the miner, market and power actors).
"""

from __future__ import annotations

from dataclasses import dataclass

from thespis.protocols.consensus.finality import FINALITY_EPOCHS

EPOCHS_IN_HOUR = 120
EPOCHS_IN_DAY = 2880
"""Builtin actors count time in epochs of 30 seconds, whatever a network's block time."""
EPOCHS_IN_YEAR = 1_051_200
PERIOD_DEADLINES = 48
"""How many deadlines a proving period has, on every network: the list of them in a miner's state is no longer.

Source: specs-actors v0.9.15 ``actors/builtin/miner/policy.go``, WPoStPeriodDeadlines.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """The constants of one network; the defaults are mainnet's."""

    seal_proofs: frozenset[int] = frozenset({3, 4})
    proving_period: int = EPOCHS_IN_DAY
    challenge_window: int = 60
    challenge_lookback: int = 20
    fault_declaration_cutoff: int = 70
    fault_max_age_periods: int = 14
    chain_finality: int = FINALITY_EPOCHS
    pre_commit_challenge_delay: int = 150
    seal_duration_max: int = 10_000
    prove_commit_duration_max: int = EPOCHS_IN_DAY + 150
    """How long a commitment may wait for its proof, from version 2 on; before, `seal_duration_max`."""
    pre_commit_lookback_max: int = EPOCHS_IN_DAY + FINALITY_EPOCHS
    seal_proof_bytes_max: int = 10_240
    """The largest proof of a sector's sealing, from network version 5 on."""
    sector_expiration_min: int = 180 * EPOCHS_IN_DAY
    sector_extension_max: int = 540 * EPOCHS_IN_DAY
    sector_lifetime_max: int = 5 * EPOCHS_IN_YEAR
    deal_duration_min: int = 180 * EPOCHS_IN_DAY
    deal_duration_max: int = 540 * EPOCHS_IN_DAY
    deal_updates_interval: int = EPOCHS_IN_DAY

    @property
    def fault_max_age(self) -> int:
        """How long a sector may be faulty before it is terminated."""
        return self.fault_max_age_periods * self.proving_period


MAINNET = Policy()
