"""Sectors that end: terminated, extended, compacted, and the whole miner slashed (specs-actors v0.9.15)."""

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
    """Whether all fees have been settled."""

    done: bool


def terminate_sectors(runtime: ActorRuntime, params: Declarations) -> TerminateSectorsReturn:
    """End sectors before their time, and tell whether all fees have been settled."""
    return TerminateSectorsReturn(done=not terminate_declared(runtime, params, process_early_terminations))


def terminate_declared(runtime: ActorRuntime, params: Declarations, process: Callable[[ActorRuntime], bool]) -> bool:
    """End the sectors that a message declares, and settle what of it one message may; returns whether there is more."""
    places, layout = by_place(runtime, params.declarations), layout_of(runtime)

    def end(state: AnyMiner) -> tuple[AnyMiner, tuple[PowerPair, bool]]:
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

    _state, (lost, had) = runtime.transaction(layout.state, end)
    more = process(runtime)
    if more and not had:
        schedule_early_terminations(runtime)
    update_power(runtime, -lost)
    return more


def schedule_early_terminations(runtime: ActorRuntime) -> None:
    """Go on with the next epoch's cron."""
    enroll(runtime, runtime.epoch + 1, CronEventType.PROCESS_EARLY_TERMINATIONS)


def process_early_terminations(runtime: ActorRuntime) -> bool:
    """Settle early ends, as many as one message may: fees, pledges, deals; returns whether there are more."""
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
    """What came of settling early ends; amounts in attoFIL, deals by the epoch in which they lost their sector."""

    more: bool
    penalty: int = 0
    pledge_delta: int = 0
    deals: tuple[tuple[int, list[Unsigned]], ...] = ()

    def tell(self, runtime: ActorRuntime) -> None:
        """Burn the penalty, tell the change of the pledge, and end the deals."""
        burn(runtime, self.penalty)
        notify_pledge(runtime, self.pledge_delta)
        for epoch, deals in self.deals:
            terminate_deals(runtime, epoch, deals)


def terminated_sectors(
    runtime: ActorRuntime, state: AnyMiner, result: Terminated
) -> Iterator[tuple[int, list[SectorOnChainInfo]]]:
    """Sectors that ended early, by the epoch of that."""
    sectors = Sectors(runtime, state)
    for epoch, numbers in sorted(result.sectors.items()):
        yield epoch, sectors.load(numbers)


def pop_early_terminations(runtime: ActorRuntime, state: Miner) -> tuple[Miner, Terminated, bool]:
    """Take out early ends, as many as one message may settle; returns them, and whether there are more."""
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
