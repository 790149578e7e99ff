"""ExtendSectorExpiration: active sectors that go on for longer.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.storage_miner.calls import notify_pledge, update_power
from thespis.protocols.builtin.storage_miner.deadline import load_partition
from thespis.protocols.builtin.storage_miner.declarations import check_deadline
from thespis.protocols.builtin.storage_miner.layouts import ADDRESSED_SECTORS_MAX, layout_of
from thespis.protocols.builtin.storage_miner.periods import deadline_quant
from thespis.protocols.builtin.storage_miner.pre_commit import check_expiration
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import NO_POWER, AnyMiner, PowerPair, SectorOnChainInfo
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import ChainEpoch, Record, Unsigned, record
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class Extension(Record):
    """Sectors of a partition, and the epoch at which they want to expire."""

    deadline: Unsigned
    partition: Unsigned
    sectors: Bitfield
    new_expiration: ChainEpoch


@record
class ExtendParams(Record):
    """Extensions of any deadlines and partitions."""

    extensions: tuple[Extension, ...]


def extend_sector_expiration(runtime: ActorRuntime, params: ExtendParams) -> None:
    """Let active sectors expire later; only a controller of the miner may.

    Their power is worked out anew, since the same deals are spread over a longer life. As in the reference, the
    partition's queue learns of the new expiration and the deadline's does not; up to network version 6 that is the
    rule.

    Source: ``miner_actor.go``, ExtendSectorExpiration.
    """
    _check_extensions(runtime, params)
    layout = layout_of(runtime)

    def extend(state: AnyMiner) -> tuple[AnyMiner, tuple[PowerPair, int]]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        size, power, pledge = int(info.sector_size), NO_POWER, 0
        deadlines = state.load_deadlines(runtime)
        by_deadline: dict[int, list[Extension]] = {}
        for each in params.extensions:
            by_deadline.setdefault(int(each.deadline), []).append(each)
        sectors = Sectors(runtime, state)
        for index, extensions in by_deadline.items():
            deadline = deadlines.load(runtime, index)
            partitions = HistoricArray(runtime, deadline.partitions)
            quant = deadline_quant(runtime.policy, state, index)
            for each in extensions:
                partition = load_partition(layout.partition, partitions, int(each.partition))
                old = sectors.load(each.sectors)
                new = [_extended(runtime, sector, each.new_expiration) for sector in old]
                sectors.put_all(new)
                partition, gained, pledged = partition.replace_sectors(runtime, old, new, size, quant)
                power, pledge = power + gained, pledge + pledged
                partitions.set(int(each.partition), partition.to_wire())
            deadline = dataclasses.replace(deadline, partitions=partitions.flush())
            deadlines = deadlines.update(runtime, index, deadline)
        state = state.with_(sectors=sectors.flush())
        return state.with_deadlines(runtime, deadlines), (power, pledge)

    _state, (power, pledge) = runtime.transaction(layout.state, extend)
    update_power(runtime, power)
    notify_pledge(runtime, pledge)


def _check_extensions(runtime: ActorRuntime, params: ExtendParams) -> None:
    """Abort for more than one message may name, or a deadline that is not there."""
    if len(params.extensions) > layout_of(runtime).partitions_max:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.extensions)} extensions are too many")
    for each in params.extensions:
        check_deadline(runtime, each.deadline)
    count = sum(each.sectors.count() for each in params.extensions)
    if count > ADDRESSED_SECTORS_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{count} sectors are too many")


def _extended(runtime: ActorRuntime, sector: SectorOnChainInfo, expiration: ChainEpoch) -> SectorOnChainInfo:
    """A sector with a later expiration; aborts for one that may not have it.

    One whose time is over may still wait for the close of its deadline to expire; version 2 extends it no more.
    """
    if runtime.actors_version and (
        sector.seal_proof not in runtime.policy.seal_proofs or sector.expiration < runtime.epoch
    ):
        runtime.abort(ExitCode.FORBIDDEN, f"sector {sector.number} expired at {sector.expiration} or has an old proof")
    if expiration < sector.expiration:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector {sector.number} lives until {sector.expiration}")
    check_expiration(runtime, sector.activation, expiration)
    return dataclasses.replace(sector, expiration=expiration)
