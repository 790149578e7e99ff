"""CompactPartitions and CompactSectorNumbers: what keeps a miner's state small.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.storage_miner.declarations import check_deadline
from thespis.protocols.builtin.storage_miner.layouts import layout_of
from thespis.protocols.builtin.storage_miner.periods import DeadlineInfo
from thespis.protocols.builtin.storage_miner.sectors import SECTOR_NUMBER_MAX, Sectors
from thespis.protocols.builtin.storage_miner.state import AnyMiner
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import Record, Unsigned, record, unpack_state
from thespis.protocols.ipld.blockstore import load, save
from thespis.protocols.vm.exit_codes import ExitCode, StateFault

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class CompactPartitionsParams(Record):
    """Partitions of a deadline, to be compacted."""

    deadline: Unsigned
    partitions: Bitfield


@record
class CompactNumbersParams(Record):
    """Sector numbers that the miner will not use."""

    mask: Bitfield


def compact_partitions(runtime: ActorRuntime, params: CompactPartitionsParams) -> None:
    """Move the live sectors of partitions together at the deadline's end, and forget the dead ones.

    Only a controller may, and only while the deadline's challenges are far. What moves must keep its power to the byte.

    Source: ``miner_actor.go``, CompactPartitions.
    """
    check_deadline(runtime, params.deadline)
    params.partitions.check()
    layout = layout_of(runtime)

    def compact(state: AnyMiner) -> tuple[AnyMiner, None]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        index = int(params.deadline)
        if not DeadlineInfo(runtime.policy, state.proving_period_start, index, runtime.epoch).is_mutable():
            runtime.abort(ExitCode.FORBIDDEN, f"deadline {index} is open or about to be")
        if params.partitions.count() > layout.proof_partitions_max(info):
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{params.partitions.count()} partitions are too many")
        deadlines = state.load_deadlines(runtime)
        rules = layout.deadline_rules(runtime, state, info, index)
        deadline, live, dead, removed = rules.remove_partitions(deadlines.load(runtime, index), params.partitions)
        sectors = Sectors(runtime, state)
        for number in dead:
            if not sectors.delete(number):
                raise StateFault(f"there is no sector {number}")
        state = state.with_(sectors=sectors.flush())
        moved = Sectors(runtime, state).load(live)
        size = int(info.window_post_partition_sectors)
        deadline, added = rules.add_sectors(deadline, size, moved, proven=True)
        if removed != added:
            runtime.abort(ExitCode.ILLEGAL_STATE, "compacting changes the power")
        if runtime.actors_version:  # version 0 of the reference forgets to keep the changed deadline
            state = state.with_deadlines(runtime, deadlines.update(runtime, index, deadline))
        return state, None

    runtime.transaction(layout.state, compact)


def compact_sector_numbers(runtime: ActorRuntime, params: CompactNumbersParams) -> None:
    """Give numbers up, so that the record of used ones has fewer runs.

    Source: ``miner_actor.go``, CompactSectorNumbers; ``miner_state.go``, MaskSectorNumbers.
    """
    mask = params.mask
    if not mask.runs or mask.runs[-1][1] - 1 > SECTOR_NUMBER_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the mask is empty or has numbers that sectors cannot have")

    def compact(state: AnyMiner) -> tuple[AnyMiner, None]:
        runtime.validate_caller(*state.load_info(runtime).controllers())
        allocated = unpack_state(Bitfield, load(runtime, state.allocated_sectors))
        return state.with_(allocated_sectors=save(runtime, (allocated | mask).encode())), None

    runtime.transaction(layout_of(runtime).state, compact)
