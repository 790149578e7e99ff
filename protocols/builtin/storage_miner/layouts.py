"""How each version of the actors lays a miner's state out, and what it lets one message do.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from thespis.protocols.builtin.storage_miner.deadline import DeadlineRules
from thespis.protocols.builtin.storage_miner.partition import Partition, PartitionV0
from thespis.protocols.builtin.storage_miner.periods import deadline_quant
from thespis.protocols.builtin.storage_miner.state import AnyMiner, MinerInfo, MinerState
from thespis.protocols.builtin.storage_miner.v2.partition import PartitionV2
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

ADDRESSED_SECTORS_MAX = 10_000
"""Sectors that one message may be about (``policy.go``, AddressedSectorsMax)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The records of one version; `partitions_max` is how many partitions one message may be about.

    `deadline_partitions_max` is how many partitions new sectors may fill of a deadline; `proven_at_once` says that a
    new sector has its power before its first window proof.
    """

    state: type[AnyMiner]
    partition: type[Partition]
    partitions_max: int
    deadline_partitions_max: int | None
    proven_at_once: bool

    def deadline_rules(self, runtime: ActorRuntime, state: AnyMiner, info: MinerInfo, index: int) -> DeadlineRules:
        """The rules of one deadline of a miner."""
        quant = deadline_quant(runtime.policy, state, index)
        return DeadlineRules(runtime, int(info.sector_size), quant, self.partition)

    def proof_partitions_max(self, info: MinerInfo) -> int:
        """Partitions that one message may be about if all their sectors are loaded.

        Source: ``policy.go``, loadPartitionsSectorsMax.
        """
        return min(ADDRESSED_SECTORS_MAX // int(info.window_post_partition_sectors), self.partitions_max)


LAYOUTS: dict[int, Layout] = {
    0: Layout(MinerState, PartitionV0, 200, None, proven_at_once=True),
    2: Layout(MinerStateV2, PartitionV2, 3000, 3000, proven_at_once=False),
}


def layout_for(state: AnyMiner) -> Layout:
    """The layout that a state has, for who looks at it without running a message."""
    return next(layout for layout in LAYOUTS.values() if isinstance(state, layout.state))


def layout_of(runtime: ActorRuntime) -> Layout:
    """The layout of the version in force."""
    return LAYOUTS[runtime.actors_version]
