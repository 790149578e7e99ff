"""ReportConsensusFault, version 2: the miner is fined and excluded for a while, and keeps its sectors.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.methods import SEND
from thespis.protocols.builtin.storage_miner.calls import burn, epoch_reward, notify_pledge
from thespis.protocols.builtin.storage_miner.consensus_fault import ConsensusFaultParams, reported_fault
from thespis.protocols.builtin.storage_miner.v2.money import check_balance, slasher_reward
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.encoding.tuples import ChainEpoch
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

CONSENSUS_FAULT_FACTOR, LEADERS_PER_EPOCH = 5, 5


def report_consensus_fault(runtime: ActorRuntime, params: ConsensusFaultParams) -> None:
    """Fine the miner five times what an expected leader earns, and exclude it for the length of finality.

    While it is excluded it wins no blocks, commits to no sectors and recovers none. It is fined once for faults of that
    time: a report of a fault that was before an exclusion's end is refused. The reporter's share comes out of what the
    miner could pay, and a payment that fails stays with the miner's balance.

    Source: ``miner_actor.go``, ReportConsensusFault; ``monies.go``, ConsensusFaultPenalty.
    """
    fault, age = reported_fault(runtime, params)
    penalty = epoch_reward(runtime).smoothed.value() * CONSENSUS_FAULT_FACTOR // LEADERS_PER_EPOCH

    def punish(state: MinerStateV2) -> tuple[MinerStateV2, tuple[int, int]]:
        info = state.load_info(runtime)
        if fault.epoch < info.consensus_fault_elapsed:
            runtime.abort(ExitCode.FORBIDDEN, f"the miner was excluded until {info.consensus_fault_elapsed} already")
        state, vesting, balance = state.owing(penalty).repay(runtime, runtime.epoch, runtime.balance())
        until = ChainEpoch(runtime.epoch + runtime.policy.chain_finality)
        info = dataclasses.replace(info, consensus_fault_elapsed=until)
        return state.with_info(runtime, info), (vesting, balance)

    _state, (vesting, balance) = runtime.transaction(MinerStateV2, punish)
    reward = min(vesting + balance, slasher_reward(age, penalty))
    runtime.send(runtime.caller, SEND, b"", reward)
    burn(runtime, vesting + balance - reward)
    notify_pledge(runtime, -vesting)
    check_balance(runtime)
