"""A partition of version 2: new sectors wait for their first proof, and no change may leave it contradicting itself.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING, holds_all
from thespis.protocols.builtin.storage_miner.expiration_queue import ExpirationQueue
from thespis.protocols.builtin.storage_miner.partition import Partition
from thespis.protocols.builtin.storage_miner.state import NO_POWER, PowerPair
from thespis.protocols.builtin.storage_miner.v2.expiration_queue import ExpirationQueueV2
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import record
from thespis.protocols.vm.exit_codes import StateFault


@record
class PartitionV2(Partition):
    """Sectors by what became of them, when they expire, and their power."""

    sectors: Bitfield
    unproven: Bitfield
    faults: Bitfield
    recoveries: Bitfield
    terminated: Bitfield
    expirations_epochs: Cid
    early_terminated: Cid
    live_power: PowerPair
    unproven_power: PowerPair
    faulty_power: PowerPair
    recovering_power: PowerPair

    QUEUE: ClassVar[type[ExpirationQueue]] = ExpirationQueueV2

    @classmethod
    def empty(cls, empty_array: Cid) -> PartitionV2:
        """A partition without sectors."""
        return cls(
            NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, empty_array, empty_array,
            NO_POWER, NO_POWER, NO_POWER, NO_POWER,
        )  # fmt: skip

    def with_unproven(self, numbers: Bitfield, power: PowerPair) -> PartitionV2:
        """The same with other unproven sectors."""
        return dataclasses.replace(self, unproven=numbers, unproven_power=power)

    def checked(self) -> PartitionV2:
        """The same; raises StateFault where its powers or its sets of sectors contradict each other.

        Every rule ends with this, so that a mistake in one stops the message instead of the network's books.

        Source: ``partition_state.go``, ValidateState.
        """
        powers = (self.live_power, self.unproven_power, self.faulty_power, self.recovering_power)
        if any(power.is_negative for power in powers):
            raise StateFault("a partition would have negative power")
        if max(self.unproven_power.raw, self.faulty_power.raw) > self.live_power.raw:
            raise StateFault("a partition would have more unproven or faulty power than power")
        if self.recovering_power.raw > min(self.live_power.raw, self.faulty_power.raw):
            raise StateFault("a partition would have more recovering than faulty power")
        inactive = self.unproven | self.faults
        if (self.terminated & inactive).runs:
            raise StateFault("terminated sectors of a partition would be unproven or faulty, too")
        if not holds_all(self.sectors, inactive | self.terminated):
            raise StateFault("a partition would count sectors that it does not have")
        if not holds_all(self.faults, self.recoveries):
            raise StateFault("sectors of a partition would recover that are not faulty")
        return self
