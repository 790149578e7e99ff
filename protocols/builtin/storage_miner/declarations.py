"""What messages declare of sectors, by deadline and partition (specs-actors v0.9.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING
from thespis.protocols.builtin.storage_miner.layouts import ADDRESSED_SECTORS_MAX, layout_of
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import Record, Unsigned, record
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class Declaration(Record):
    """Sectors of a partition."""

    deadline: Unsigned
    partition: Unsigned
    sectors: Bitfield


@record
class Declarations(Record):
    """Faults, recoveries or terminations."""

    declarations: tuple[Declaration, ...]


def check_deadline(runtime: ActorRuntime, index: int) -> None:
    """End the call for a deadline that no proving period has."""
    if index >= runtime.policy.deadlines:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"deadline {index}; there are {runtime.policy.deadlines}")


def by_place(runtime: ActorRuntime, declarations: tuple[Declaration, ...]) -> dict[int, dict[int, Bitfield]]:
    """Declared sectors by deadline and partition; ends the call for more than one message may name."""
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
    sectors = sum(len(numbers) for partitions in places.values() for numbers in partitions.values())
    if count > most or sectors > ADDRESSED_SECTORS_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{count} partitions and {sectors} sectors are too many")
    return dict(sorted(places.items()))
