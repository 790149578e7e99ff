"""What messages declare of sectors, by deadline and partition: faults, recoveries and terminations.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.policy import PERIOD_DEADLINES
from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING
from thespis.protocols.builtin.storage_miner.layouts import ADDRESSED_SECTORS_MAX, layout_of
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import Record, Unsigned, record
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class Declaration(Record):
    """Sectors of a partition that are all declared to be the same."""

    deadline: Unsigned
    partition: Unsigned
    sectors: Bitfield


@record
class Declarations(Record):
    """What a message declares of sectors: that they are faulty, will recover, or are to be terminated."""

    declarations: tuple[Declaration, ...]


def check_deadline(runtime: ActorRuntime, index: int) -> None:
    """Abort for a deadline that no proving period has."""
    if index >= PERIOD_DEADLINES:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"deadline {index}; there are {PERIOD_DEADLINES}")


def by_place(runtime: ActorRuntime, declarations: tuple[Declaration, ...]) -> dict[int, dict[int, Bitfield]]:
    """Declared sectors by deadline and partition, in that order; aborts for more than one message may name.

    Several declarations of one partition are one. The bounds are on partitions and sectors, for both are loaded. The
    reference walks its maps in an order that differs from run to run, for before network version 9 it sorted them by
    their places and not by their values: of several wrong declarations any may end the message there, here the first.

    Source: ``sector_map.go``, DeadlineSectorMap.Add, Check; ``policy.go``, loadPartitionsSectorsMax.
    """
    most = layout_of(runtime).partitions_max
    if runtime.actors_version and len(declarations) > most:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(declarations)} declarations; {most} are the most")
    places: dict[int, dict[int, Bitfield]] = {}
    for each in declarations:
        check_deadline(runtime, each.deadline)
        partitions = places.setdefault(int(each.deadline), {})
        index = int(each.partition)
        partitions[index] = partitions.get(index, NOTHING) | each.sectors
    count = sum(len(partitions) for partitions in places.values())
    sectors = sum(numbers.count() for partitions in places.values() for numbers in partitions.values())
    if count > most or sectors > ADDRESSED_SECTORS_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{count} partitions and {sectors} sectors are too many")
    return dict(sorted(places.items()))
