"""TerminateSectors, version 2: the fee is a debt, which is paid as far as it goes.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

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
    """Terminate sectors before their time; only a controller of the miner may.

    Source: ``miner_actor.go``, TerminateSectors.
    """
    return TerminateSectorsReturn(done=not terminate_declared(runtime, params, process_early_terminations))


def process_early_terminations(runtime: ActorRuntime) -> bool:
    """Settle terminated sectors, as many as one message may: fees, pledges, deals; returns whether more wait.

    The pledge is freed before the fee is paid, so that it can pay for it.

    Source: ``miner_actor.go``, processEarlyTerminations.
    """
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
