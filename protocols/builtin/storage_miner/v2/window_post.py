"""SubmitWindowedPoSt, version 2: one proof, made since the challenge; what it leaves out is paid for later.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.storage_miner.calls import update_power
from thespis.protocols.builtin.storage_miner.declarations import check_deadline
from thespis.protocols.builtin.storage_miner.layouts import layout_of
from thespis.protocols.builtin.storage_miner.outcomes import Proven
from thespis.protocols.builtin.storage_miner.periods import current_deadline
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.v2.money import check_balance
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.builtin.storage_miner.window_post import SubmitPostParams, verify_post
from thespis.protocols.consensus.randomness import Purpose
from thespis.protocols.proofs.registry import SealProof
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

RANDOMNESS_BYTES = 32


def submit_windowed_post(runtime: ActorRuntime, params: SubmitPostParams) -> None:
    """Prove partitions of the open deadline; new sectors and those that were declared recovered get their power.

    The proof must have been made on this chain, which the ticket of an epoch since the challenge shows, and open at
    least one sector itself.

    Source: ``miner_actor.go``, SubmitWindowedPoSt.
    """
    policy, layout = runtime.policy, layout_of(runtime)
    check_deadline(runtime, params.deadline)
    if len(params.chain_commit_rand) > RANDOMNESS_BYTES:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.chain_commit_rand)} bytes of randomness")

    def prove(state: MinerStateV2) -> tuple[MinerStateV2, Proven]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        expected = SealProof(info.seal_proof_type).window_proof
        if len(params.proofs) != 1 or params.proofs[0].post_proof != expected:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.proofs)} proofs; one of type {expected} is due")
        if len(params.partitions) > layout.proof_partitions_max(info):
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.partitions)} partitions are too many")
        now, made = current_deadline(policy, state, runtime.epoch), params.chain_commit_epoch
        if not now.is_open:
            runtime.abort(ExitCode.ILLEGAL_STATE, f"the proving period from {now.period_start} has not begun")
        if params.deadline != now.index:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"deadline {params.deadline}; {now.index} is open")
        if not now.challenge <= made < runtime.epoch:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the proof's epoch {made}; from {now.challenge} on, and past")
        if runtime.ticket_randomness(Purpose.POST_CHAIN_COMMIT, made, b"") != params.chain_commit_rand:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the proof was made for another chain")
        sectors = Sectors(runtime, state)
        deadlines = state.load_deadlines(runtime)
        rules, expires_at = layout.deadline_rules(runtime, state, info, now.index), now.last + policy.fault_max_age
        deadline = deadlines.load(runtime, now.index)
        deadline, proven = rules.record_proven(deadline, sectors, expires_at, params.partitions)
        if not proven.good.runs:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "no sector of the partitions is active")
        verify_post(runtime, now.challenge, sectors, proven, params.proofs)
        return state.with_deadlines(runtime, deadlines.update(runtime, now.index, deadline)), proven

    _state, proven = runtime.transaction(MinerStateV2, prove)
    update_power(runtime, proven.delta)
    check_balance(runtime)
