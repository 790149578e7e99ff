"""What distinguishes one Filecoin network from another: constants, schedules, and which parts of the rules it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from thespis.protocols.builtin.policy import MAINNET, Policy
from thespis.protocols.consensus.beacon import Beacon
from thespis.protocols.consensus.finality import FINALITY_EPOCHS
from thespis.protocols.vm.interpreter import Rules, Upgrade

LOOKBACK_OLD, LOOKBACK = 10, FINALITY_EPOCHS
"""Epochs that elections look back, up to network version 3 and after."""
_LOOKBACK_CHANGES_AFTER = 3


class ProofPolicy(Enum):
    """What a network's blocks must prove about storage."""

    VANILLA = "vanilla"
    """Blocks carry the winning proof of spacetime as Merkle openings, which every node checks."""
    RECORDED = "recorded"
    """Proofs are SNARKs that this node cannot check; what the chain accepted is accepted. For replay only."""


@dataclass(frozen=True, slots=True)
class NetworkProfile:
    """Constants of a network; times in Unix seconds, heights in epochs."""

    name: str
    genesis_time_s: int
    block_delay_s: int
    beacon: Beacon
    network_version: Callable[[int], int]
    upgrade_smoke_height: int
    proofs: ProofPolicy
    policy: Policy = MAINNET
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict)
    finality_epochs: int = FINALITY_EPOCHS
    allowable_clock_drift_s: int = 1
    address_network: str = "t"
    """The letter with which addresses are written to people: ``f`` on mainnet alone (reference: formats, section 1)."""

    @property
    def rules(self) -> Rules:
        """What executing a tipset needs of the profile."""
        return Rules(self.network_version, self.policy, self.upgrades)

    def lookback(self, height: int) -> int:
        """How many epochs back the state is whose powers and keys decide an election.

        Source: Lotus v1.4.0 ``chain/actors/policy/policy.go``, GetWinningPoStSectorSetLookback.
        """
        return LOOKBACK if self.network_version(height) > _LOOKBACK_CHANGES_AFTER else LOOKBACK_OLD

    def timestamp_of(self, height: int) -> int:
        """When an epoch begins."""
        return self.genesis_time_s + height * self.block_delay_s

    def epoch_at(self, unix_s: float) -> int:
        """The epoch that an instant belongs to; negative before genesis."""
        return int((unix_s - self.genesis_time_s) // self.block_delay_s)
