"""DeclareFaultsRecovered, version 2: debts are paid first.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.storage_miner.calls import burn
from thespis.protocols.builtin.storage_miner.declarations import Declarations, by_place
from thespis.protocols.builtin.storage_miner.faults import with_recoveries
from thespis.protocols.builtin.storage_miner.v2.money import check_balance
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def declare_faults_recovered(runtime: ActorRuntime, params: Declarations) -> None:
    """Promise that the next proof covers faulty sectors; a miner that is excluded for a consensus fault may not.

    Source: ``miner_actor.go``, DeclareFaultsRecovered.
    """
    places = by_place(runtime, params.declarations)

    def declare(state: MinerStateV2) -> tuple[MinerStateV2, int]:
        state, debt = state.repay_all(runtime.balance())
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        if info.excluded(runtime.epoch):
            runtime.abort(ExitCode.FORBIDDEN, f"excluded for a consensus fault until {info.consensus_fault_elapsed}")
        return with_recoveries(runtime, state, info, places), debt

    _state, debt = runtime.transaction(MinerStateV2, declare)
    burn(runtime, debt)
    check_balance(runtime)
