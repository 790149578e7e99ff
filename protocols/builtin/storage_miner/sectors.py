"""A miner's sectors on the chain, and those that it has committed to, by number.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from collections.abc import Iterable

from thespis.protocols.builtin.storage_miner.state import AnyMiner, Miner, SectorOnChainInfo, SectorPreCommitOnChainInfo
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.varint import encode_varint
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.historic import HistoricArray, HistoricMap
from thespis.protocols.vm.exit_codes import ExitCode, StateFault


class Sectors(HistoricArray):
    """A miner's proven sectors, also those that expired or were terminated and are not compacted yet.

    Source: ``sectors.go``.
    """

    def __init__(self, store: Blockstore, state: AnyMiner) -> None:
        super().__init__(store, state.sectors)
        self._kind = state.SECTOR

    def load(self, numbers: Bitfield) -> list[SectorOnChainInfo]:
        """Sectors of these numbers; raises StateFault where one is missing."""
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
        return None if wire is None else self._kind.from_wire(wire)

    def put_all(self, sectors: Iterable[SectorOnChainInfo]) -> None:
        """Write sectors under their numbers."""
        for sector in sectors:
            self.set(int(sector.number), sector.to_wire())


def pre_committed(store: Blockstore, state: AnyMiner) -> HistoricMap:
    """The table of commitments, by sector number."""
    return HistoricMap(store, state.pre_committed_sectors)


def find_pre_committed(store: Blockstore, state: AnyMiner, number: int) -> SectorPreCommitOnChainInfo | None:
    """What was committed to under a number, or None once it is proven or has expired.

    Source: ``miner_state.go``, GetPrecommittedSector.
    """
    wire = pre_committed(store, state).get(encode_varint(number))
    return None if wire is None else SectorPreCommitOnChainInfo.from_wire(wire)


def delete_pre_committed(store: Blockstore, state: Miner, numbers: list[int]) -> Miner:
    """Forget commitments; raises StateFault where one is missing.

    Source: ``miner_state.go``, DeletePrecommittedSectors.
    """
    table = pre_committed(store, state)
    for number in numbers:
        if not table.delete(encode_varint(number)):
            raise StateFault(f"sector {number} was not committed to")
    return state.with_(pre_committed_sectors=table.flush())


SECTOR_NUMBER_MAX = (1 << 63) - 1
