"""A miner's sectors on the chain, and those that it has committed to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from protocols.builtin.miner_state import MinerState, SectorOnChainInfo, SectorPreCommitOnChainInfo
from protocols.encoding.bitfield import Bitfield
from protocols.encoding.varint import encode_varint
from protocols.ipld.historic import HistoricArray, HistoricMap
from protocols.vm.exit_codes import ExitCode, StateFault

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime


class Sectors(HistoricArray):
    """A miner's sectors by number."""

    def load(self, numbers: Bitfield) -> list[SectorOnChainInfo]:
        """Sectors that must be there."""
        found = []
        for number in numbers:
            sector = self.find(number)
            if sector is None:
                raise StateFault(f"there is no sector {number}", ExitCode.NOT_FOUND)
            found.append(sector)
        return found

    def find(self, number: int) -> SectorOnChainInfo | None:
        """A sector, or None."""
        wire = self.get(number)
        return None if wire is None else SectorOnChainInfo.from_wire(wire)

    def put_all(self, sectors: Iterable[SectorOnChainInfo]) -> None:
        """Write sectors."""
        for sector in sectors:
            self.set(int(sector.number), sector.to_wire())


def pre_committed(runtime: ActorRuntime, state: MinerState) -> HistoricMap:
    """The table of commitments by sector number."""
    return HistoricMap(runtime, state.pre_committed_sectors)


def find_pre_committed(runtime: ActorRuntime, state: MinerState, number: int) -> SectorPreCommitOnChainInfo | None:
    """What was committed to under a number, or None."""
    wire = pre_committed(runtime, state).get(encode_varint(number))
    return None if wire is None else SectorPreCommitOnChainInfo.from_wire(wire)


def delete_pre_committed(runtime: ActorRuntime, state: MinerState, numbers: list[int]) -> MinerState:
    """Forget commitments, which must be there."""
    table = pre_committed(runtime, state)
    for number in numbers:
        if not table.delete(encode_varint(number)):
            raise StateFault(f"sector {number} was not committed to")
    return dataclasses.replace(state, pre_committed_sectors=table.flush())
