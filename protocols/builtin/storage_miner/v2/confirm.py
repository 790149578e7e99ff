"""ConfirmSectorProofsValid, version 2: new sectors have no power before their first window proof.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from thespis.protocols.builtin.power.methods import ConfirmedSectors
from thespis.protocols.builtin.storage_miner.calls import notify_pledge, update_power
from thespis.protocols.builtin.storage_miner.confirm import Confirming, confirming, reschedule_replaced, with_sectors
from thespis.protocols.builtin.storage_miner.money import add_deposit, add_pledge
from thespis.protocols.builtin.storage_miner.state import PowerPair, SectorOnChainInfo, SectorPreCommitOnChainInfo
from thespis.protocols.builtin.storage_miner.v2.money import check_balance, expected_reward
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2, SectorOnChainInfoV2
from thespis.protocols.encoding.tuples import ChainEpoch
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def confirm_sector_proofs(runtime: ActorRuntime, params: ConfirmedSectors) -> None:
    """Activate sectors whose proofs held: their deals begin, they get a deadline and a pledge, but no power yet.

    Only the power actor calls this, at the end of the epoch in which the proofs were handed in.

    Source: ``miner_actor.go``, ConfirmSectorProofsValid.
    """
    given = confirming(runtime, params)

    def activate(state: MinerStateV2) -> tuple[MinerStateV2, tuple[PowerPair, int, int]]:
        state, moved = reschedule_replaced(runtime, state, given.info, given.replaced)
        lasting = given.lasting(runtime)
        sectors = [_activated(runtime, each, given, moved) for each in lasting]
        state, new_power = with_sectors(runtime, state, given.info, sectors)
        state, freed = state.unlock_vested(runtime, runtime.epoch)
        state = add_deposit(runtime, state, -sum(each.pre_commit_deposit for each in lasting))
        pledge, unlocked = sum(each.initial_pledge for each in sectors), state.unlocked_balance(runtime.balance())
        if unlocked < pledge:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, f"a pledge of {pledge} is due, {unlocked} is unlocked")
        state = add_pledge(runtime, state, pledge)
        check_balance(runtime, state)
        return state, (new_power, pledge, freed)

    _state, (new_power, pledge, freed) = runtime.transaction(MinerStateV2, activate)
    update_power(runtime, new_power)
    notify_pledge(runtime, pledge - freed)


def _activated(
    runtime: ActorRuntime,
    kept: SectorPreCommitOnChainInfo,
    given: Confirming,
    moved: Sequence[SectorOnChainInfo],
) -> SectorOnChainInfoV2:
    """The sector of a commitment; one that replaces another pledges no less, and remembers it for a termination fee.

    Source: ``miner_actor.go``, replacedSectorParameters.
    """
    committed, made = kept.info, SectorOnChainInfoV2.of(given.activated(runtime, kept, expected_reward))
    if not committed.replace_capacity:
        return made
    old = next((sector for sector in moved if sector.number == committed.replace_sector_number), None)
    if old is None:
        runtime.abort(ExitCode.NOT_FOUND, f"sector {committed.replace_sector_number} cannot be replaced any more")
    return dataclasses.replace(
        made,
        initial_pledge=max(made.initial_pledge, old.initial_pledge),
        replaced_sector_age=ChainEpoch(max(0, runtime.epoch - old.activation)),
        replaced_day_reward=old.expected_day_reward,
    )
