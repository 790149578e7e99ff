"""TerminateSectors, and how the fees of terminated sectors are settled.

Terminating a sector takes its power at once. Its fee, its pledge and its deals are settled as many sectors at a time as
one message can pay gas for; while any wait, cron is asked for each next epoch, and the owner may withdraw nothing.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from thespis.protocols.builtin.storage_miner.calls import (
    CronEventType,
    burn,
    enroll,
    epoch_reward,
    network_power,
    notify_pledge,
    terminate_deals,
    update_power,
)
from thespis.protocols.builtin.storage_miner.deadline import DeadlineRules
from thespis.protocols.builtin.storage_miner.declarations import Declarations, by_place
from thespis.protocols.builtin.storage_miner.layouts import ADDRESSED_SECTORS_MAX, layout_of
from thespis.protocols.builtin.storage_miner.money import add_pledge, termination_fee, unlocked_balance
from thespis.protocols.builtin.storage_miner.outcomes import Terminated
from thespis.protocols.builtin.storage_miner.periods import deadline_quant
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import (
    NO_POWER,
    AnyMiner,
    Miner,
    MinerState,
    PowerPair,
    SectorOnChainInfo,
)
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import Record, Unsigned, record

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class TerminateSectorsReturn(Record):
    """Whether the fees of all terminated sectors have been settled."""

    done: bool


def terminate_sectors(runtime: ActorRuntime, params: Declarations) -> TerminateSectorsReturn:
    """Terminate sectors before their time; only a controller of the miner may.

    Source: v0.9.15 ``miner_actor.go``, TerminateSectors.
    """
    return TerminateSectorsReturn(done=not terminate_declared(runtime, params, process_early_terminations))


def terminate_declared(runtime: ActorRuntime, params: Declarations, process: Callable[[ActorRuntime], bool]) -> bool:
    """Terminate the sectors that a message declares, and settle what it can of them; returns whether more wait.

    Power is lost last, as in the reference: whoever fails on the way has lost nothing.

    Source: ``miner_actor.go``, TerminateSectors.
    """
    places, layout = by_place(runtime, params.declarations), layout_of(runtime)

    def terminate(state: AnyMiner) -> tuple[AnyMiner, tuple[PowerPair, bool]]:
        had = bool(state.early_terminations.runs)
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        deadlines, sectors, lost = state.load_deadlines(runtime), Sectors(runtime, state), NO_POWER
        for index, wanted in places.items():
            rules = layout.deadline_rules(runtime, state, info, index)
            deadline, power = rules.terminate(deadlines.load(runtime, index), sectors, runtime.epoch, wanted)
            lost += power
            deadlines = deadlines.update(runtime, index, deadline)
        early = state.early_terminations | Bitfield.of(places)
        state = state.with_deadlines(runtime, deadlines).with_(early_terminations=early)
        return state, (lost, had)

    _state, (lost, had) = runtime.transaction(layout.state, terminate)
    more = process(runtime)
    if more and not had:
        schedule_early_terminations(runtime)
    update_power(runtime, -lost)
    return more


def schedule_early_terminations(runtime: ActorRuntime) -> None:
    """Ask cron to go on settling in the next epoch.

    Source: ``miner_actor.go``, scheduleEarlyTerminationWork.
    """
    enroll(runtime, runtime.epoch + 1, CronEventType.PROCESS_EARLY_TERMINATIONS)


def process_early_terminations(runtime: ActorRuntime) -> bool:
    """Settle terminated sectors, as many as one message may: fees, pledges, deals; returns whether more wait.

    Source: v0.9.15 ``miner_actor.go``, processEarlyTerminations.
    """
    reward, power = epoch_reward(runtime), network_power(runtime)

    def settle(state: MinerState) -> tuple[MinerState, Settled]:
        state, result, more = pop_early_terminations(runtime, state)
        if not result.sectors_processed:
            return state, Settled(more)
        size, version = int(state.load_info(runtime).sector_size), runtime.network_version
        fee, pledge, deals = 0, 0, []
        for epoch, found in terminated_sectors(runtime, state, result):
            deals.append((epoch, [deal for sector in found for deal in sector.deal_ids]))
            pledge += sum(sector.initial_pledge for sector in found)
            fee += termination_fee(size, epoch, reward.smoothed, power.smoothed, version, found)
        state, vesting, balance = state.penalize(runtime, runtime.epoch, fee, unlocked_balance(runtime, state))
        state = add_pledge(runtime, state, -pledge)
        return state, Settled(more, vesting + balance, -(pledge + vesting), tuple(deals))

    _state, settled = runtime.transaction(MinerState, settle)
    settled.tell(runtime)
    return settled.more


@dataclasses.dataclass(frozen=True, slots=True)
class Settled:
    """What settling came to, amounts in attoFIL; `more` says that further sectors wait.

    Deals stand by the epoch in which they lost their sector.
    """

    more: bool
    penalty: int = 0
    pledge_delta: int = 0
    deals: tuple[tuple[int, list[Unsigned]], ...] = ()

    def tell(self, runtime: ActorRuntime) -> None:
        """Burn the penalty, tell the power actor of the pledge, and the market of the deals."""
        burn(runtime, self.penalty)
        notify_pledge(runtime, self.pledge_delta)
        for epoch, deals in self.deals:
            terminate_deals(runtime, epoch, deals)


def terminated_sectors(
    runtime: ActorRuntime, state: AnyMiner, result: Terminated
) -> Iterator[tuple[int, list[SectorOnChainInfo]]]:
    """Terminated sectors with the epoch of that, as they still stand in the table."""
    sectors = Sectors(runtime, state)
    for epoch, numbers in sorted(result.sectors.items()):
        yield epoch, sectors.load(numbers)


def pop_early_terminations(runtime: ActorRuntime, state: Miner) -> tuple[Miner, Terminated, bool]:
    """Take out terminated sectors, as many as one message may settle; returns them, and whether more wait.

    Source: ``miner_state.go``, PopEarlyTerminations.
    """
    result, layout = Terminated(), layout_of(runtime)
    if not state.early_terminations.runs:
        return state, result, False
    left = state.early_terminations
    deadlines = state.load_deadlines(runtime)
    for index in state.early_terminations:
        # sizes of sectors are not needed here: nothing is grouped by its own power
        rules = DeadlineRules(runtime, 0, deadline_quant(runtime.policy, state, index), layout.partition)
        deadline, settled, more = rules.pop_early_terminations(
            deadlines.load(runtime, index),
            layout.partitions_max - result.partitions_processed,
            ADDRESSED_SECTORS_MAX - result.sectors_processed,
        )
        result.add(settled)
        if not more:
            left -= Bitfield.of([index])
        deadlines = deadlines.update(runtime, index, deadline)
        if not result.below(layout.partitions_max, ADDRESSED_SECTORS_MAX):
            break
    state = state.with_deadlines(runtime, deadlines).with_(early_terminations=left)
    return state, result, bool(left.runs)
