"""Sectors that end before their time, version 2: their fee is a debt that is paid as far as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from thespis.protocols.builtin.storage_miner.calls import epoch_reward, network_power
from thespis.protocols.builtin.storage_miner.declarations import Declarations
from thespis.protocols.builtin.storage_miner.money import add_pledge
from thespis.protocols.builtin.storage_miner.termination import (
    Settled,
    TerminateSectorsReturn,
    pop_early_terminations,
    terminate_declared,
    terminated_sectors,
)
from thespis.protocols.builtin.storage_miner.v2.money import termination_fee
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2, SectorOnChainInfoV2

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def terminate_sectors(runtime: ActorRuntime, params: Declarations) -> TerminateSectorsReturn:
    """End sectors before their time, and tell whether all fees have been settled."""
    return TerminateSectorsReturn(done=not terminate_declared(runtime, params, process_early_terminations))


def process_early_terminations(runtime: ActorRuntime) -> bool:
    """Settle early ends, as many as one message may: fees, pledges, deals; returns whether there are more."""
    reward, power = epoch_reward(runtime), network_power(runtime)

    def settle(state: MinerStateV2) -> tuple[MinerStateV2, Settled]:
        state, result, more = pop_early_terminations(runtime, state)
        if not result.sectors_processed:
            return state, Settled(more)
        size = int(state.load_info(runtime).sector_size)
        fee, pledge, deals = 0, 0, []
        for epoch, found in terminated_sectors(runtime, state, result):
            deals.append((epoch, [deal for sector in found for deal in sector.deal_ids]))
            pledge += sum(sector.initial_pledge for sector in found)
            newer = cast("list[SectorOnChainInfoV2]", found)
            fee += termination_fee(size, epoch, reward.smoothed, power.smoothed, newer)
        state = add_pledge(runtime, state.owing(fee), -pledge)
        state, vesting, balance = state.repay(runtime, runtime.epoch, runtime.balance())
        return state, Settled(more, vesting + balance, -(pledge + vesting), tuple(deals))

    _state, settled = runtime.transaction(MinerStateV2, settle)
    settled.tell(runtime)
    return settled.more
