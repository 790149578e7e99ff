"""ProveCommitSector, version 2: a proof is bounded in size, and the pledge is not looked at.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.storage_miner.prove_commit import ProveCommitParams, hand_in_proof
from thespis.protocols.builtin.storage_miner.sectors import SECTOR_NUMBER_MAX, find_pre_committed
from thespis.protocols.builtin.storage_miner.state import SectorPreCommitOnChainInfo
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

PROOF_BYTES_MAX_V4 = 1024
"""Up to network version 4, where it was a mistake: a proof of a sector of 32 GiB has 1,920 bytes."""
_OWN_BOUND_FROM = 5
"""The network version from which on the bound is the policy's own."""


def prove_commit_sector(runtime: ActorRuntime, params: ProveCommitParams) -> None:
    """Hand in the proof of a sector, as anyone may; it is checked at the end of the epoch, with all others.

    Its ticket may be as old as it was when the commitment was taken.

    Source: ``miner_actor.go``, ProveCommitSector.
    """
    runtime.accept_any_caller()
    bounded = runtime.network_version >= _OWN_BOUND_FROM
    number, most = params.sector_number, runtime.policy.seal_proof_bytes_max if bounded else PROOF_BYTES_MAX_V4
    if number > SECTOR_NUMBER_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector number {number}; they run to {SECTOR_NUMBER_MAX}")
    if len(params.proof) > most:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a proof of {len(params.proof)} bytes; {most} at most")

    def find(state: MinerStateV2) -> tuple[MinerStateV2, SectorPreCommitOnChainInfo]:
        found = find_pre_committed(runtime, state, number)
        if found is None:
            runtime.abort(ExitCode.NOT_FOUND, f"sector {number} was not committed to")
        return state, found

    # the reference of this version writes the state that it only reads
    _state, found = runtime.transaction(MinerStateV2, find)
    hand_in_proof(runtime, found, params.proof, runtime.policy.prove_commit_duration_max, found.info.seal_rand_epoch)
