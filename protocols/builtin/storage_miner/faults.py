"""DeclareFaults and DeclareFaultsRecovered: what a miner says of its sectors before their deadline.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from thespis.protocols.builtin.storage_miner.calls import update_power
from thespis.protocols.builtin.storage_miner.deadline import PartitionSectors
from thespis.protocols.builtin.storage_miner.declarations import Declarations, by_place
from thespis.protocols.builtin.storage_miner.layouts import layout_of
from thespis.protocols.builtin.storage_miner.periods import DeadlineInfo
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import NO_POWER, AnyMiner, Miner, MinerInfo, MinerState, PowerPair
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def declaration_deadline(runtime: ActorRuntime, state: AnyMiner, index: int) -> DeadlineInfo:
    """The deadline that a declaration is about, in its next period; aborts for one that comes too late.

    Shortly before a deadline opens nothing is declared any more, for its challenges could be foreseen.

    Source: ``miner_actor.go``, declarationDeadlineInfo, validateFRDeclarationDeadline.
    """
    found = DeadlineInfo(runtime.policy, state.proving_period_start, index, runtime.epoch).next_not_elapsed()
    if found.fault_cutoff_passed:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a declaration for deadline {index} comes too late")
    return found


def declare_faults(runtime: ActorRuntime, params: Declarations) -> None:
    """Declare sectors faulty before their deadline: they lose their power, and cost less than if it is found out.

    They may recover until they were faulty for too long, counted from the end of that deadline; then they expire.

    Source: ``miner_actor.go``, DeclareFaults.
    """
    places, layout = by_place(runtime, params.declarations), layout_of(runtime)

    def declare(state: AnyMiner) -> tuple[AnyMiner, PowerPair]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        deadlines, sectors, delta = state.load_deadlines(runtime), Sectors(runtime, state), NO_POWER
        for index, wanted in places.items():
            target = declaration_deadline(runtime, state, index)
            rules = layout.deadline_rules(runtime, state, info, index)
            expires_at = target.last + runtime.policy.fault_max_age
            deadline, change = rules.declare_faults(deadlines.load(runtime, index), sectors, expires_at, wanted)
            deadlines = deadlines.update(runtime, index, deadline)
            delta += change
        return state.with_deadlines(runtime, deadlines), delta

    _state, delta = runtime.transaction(layout.state, declare)
    update_power(runtime, delta)


def declare_faults_recovered(runtime: ActorRuntime, params: Declarations) -> None:
    """Promise that the next proof covers faulty sectors; they have no power before it does.

    Source: v0.9.15 ``miner_actor.go``, DeclareFaultsRecovered.
    """
    places = by_place(runtime, params.declarations)

    def declare(state: MinerState) -> tuple[MinerState, None]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        return with_recoveries(runtime, state, info, places), None

    runtime.transaction(MinerState, declare)


def with_recoveries(
    runtime: ActorRuntime, state: Miner, info: MinerInfo, places: Mapping[int, PartitionSectors]
) -> Miner:
    """The miner with declared recoveries.

    Source: ``miner_actor.go``, DeclareFaultsRecovered.
    """
    layout = layout_of(runtime)
    deadlines, sectors = state.load_deadlines(runtime), Sectors(runtime, state)
    for index, wanted in places.items():
        declaration_deadline(runtime, state, index)
        rules = layout.deadline_rules(runtime, state, info, index)
        deadline = rules.declare_recovered(deadlines.load(runtime, index), sectors, wanted)
        deadlines = deadlines.update(runtime, index, deadline)
    return state.with_deadlines(runtime, deadlines)
