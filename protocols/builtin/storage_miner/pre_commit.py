"""PreCommitSector: a miner commits to a sealed sector with a deposit, which is lost unless it proves it in time.

The commitment fixes the replica before the chain draws the seed of its proof, so nobody can seal towards a seed.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import MARKET
from thespis.protocols.builtin.market.calls import DealWeights, VerifyDealsParams
from thespis.protocols.builtin.methods import VERIFY_DEALS_FOR_ACTIVATION
from thespis.protocols.builtin.policy import PERIOD_DEADLINES
from thespis.protocols.builtin.storage_miner.bitfield_queue import BitfieldQueue
from thespis.protocols.builtin.storage_miner.calls import epoch_reward, network_power, notify_pledge
from thespis.protocols.builtin.storage_miner.deadline import load_partition
from thespis.protocols.builtin.storage_miner.layouts import layout_of
from thespis.protocols.builtin.storage_miner.money import (
    PRE_COMMIT_DEPOSIT_PERIOD,
    add_deposit,
    check_balance,
    expected_reward,
    quality_power,
    unlocked_balance,
)
from thespis.protocols.builtin.storage_miner.periods import every_deadline
from thespis.protocols.builtin.storage_miner.sectors import SECTOR_NUMBER_MAX, Sectors, pre_committed
from thespis.protocols.builtin.storage_miner.state import (
    AnyMiner,
    Miner,
    MinerInfo,
    MinerState,
    SectorOnChainInfo,
    SectorPreCommitInfo,
    SectorPreCommitOnChainInfo,
)
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import FIL_COMMITMENT_SEALED, POSEIDON_BLS12_381_A2_FC1
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount, unpack_state
from thespis.protocols.encoding.varint import encode_varint
from thespis.protocols.ipld.blockstore import load, save
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.exit_codes import ExitCode, StateFault

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

DEALS_MIN_MAX, DEAL_BYTES_SHARE = 256, 134_217_728
"""A sector may hold one deal for so many bytes, and 256 in any case (``policy.go``, SectorDealsMax)."""


def pre_commit_sector(runtime: ActorRuntime, params: SectorPreCommitInfo) -> None:
    """Commit to a sector; only a controller of the miner may.

    Three other actors are asked first, for a message may ask nobody while it changes its state.

    Source: v0.9.15 ``miner_actor.go``, PreCommitSector.
    """
    check_pre_commit(runtime, params, seal_proof_earliest(runtime))
    if params.expiration <= runtime.epoch:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"expiration {params.expiration} is past")
    reward, power = epoch_reward(runtime), network_power(runtime)
    asked = VerifyDealsParams(params.deal_ids, params.expiration, ChainEpoch(runtime.epoch)).encode()
    code, returned = runtime.send(MARKET, VERIFY_DEALS_FOR_ACTIVATION, asked, 0)
    runtime.require_success(code, "the deals cannot be activated")
    weights = DealWeights.decode(returned)

    def commit(state: MinerState) -> tuple[MinerState, int]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        if params.seal_proof != info.seal_proof_type:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"seal proof {params.seal_proof} is not the miner's")
        check_deal_count(runtime, params, info)
        state = allocate(runtime, state, params.sector_number)
        # the life must be long enough even if the proof comes at the last moment
        check_expiration(runtime, runtime.epoch + runtime.policy.seal_duration_max, params.expiration)
        least = check_replaced(runtime, state, params).initial_pledge if params.replace_capacity else 0
        state, freed = state.unlock_vested(runtime, runtime.epoch)
        available = unlocked_balance(runtime, state) - state.initial_pledge_requirement
        duration = params.expiration - runtime.epoch
        quality = quality_power(info.sector_size, duration, weights.deal_weight, weights.verified_deal_weight)
        deposit = max(expected_reward(reward.smoothed, power.smoothed, quality, PRE_COMMIT_DEPOSIT_PERIOD), least)
        if available < deposit:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, f"a deposit of {deposit} is due, {available} is available")
        state = add_deposit(runtime, state, deposit)
        check_balance(runtime, state)
        kept = SectorPreCommitOnChainInfo(
            params, TokenAmount(deposit), ChainEpoch(runtime.epoch), weights.deal_weight, weights.verified_deal_weight
        )
        return with_pre_commit(runtime, state, kept, runtime.policy.seal_duration_max), freed

    _state, freed = runtime.transaction(MinerState, commit)
    notify_pledge(runtime, -freed)


def seal_proof_earliest(runtime: ActorRuntime) -> int:
    """The earliest epoch whose ticket a seal may have been made with, if its proof comes now.

    Source: v0.9.15 ``miner_actor.go``, sealChallengeEarliest.
    """
    return runtime.epoch - runtime.policy.chain_finality - runtime.policy.seal_duration_max


def check_pre_commit(runtime: ActorRuntime, params: SectorPreCommitInfo, earliest: int) -> None:
    """Abort for a commitment that no miner may make, whatever its state; tickets before `earliest` are too old.

    Source: ``miner_actor.go``, PreCommitSector.
    """

    def refuse(reason: str) -> None:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, reason)

    if params.seal_proof not in runtime.policy.seal_proofs:
        refuse(f"seal proof {params.seal_proof} is not used on this network")
    if params.sector_number > SECTOR_NUMBER_MAX:
        refuse(f"sector number {params.sector_number}; they run to {SECTOR_NUMBER_MAX}")
    codec, multihash, digest = params.sealed_cid.parts()
    if (codec, multihash, len(digest)) != (FIL_COMMITMENT_SEALED, POSEIDON_BLS12_381_A2_FC1, 32):
        refuse(f"{params.sealed_cid} is no commitment to a replica")
    if params.seal_rand_epoch >= runtime.epoch:
        refuse(f"the ticket's epoch {params.seal_rand_epoch} is not before now")
    if params.seal_rand_epoch < earliest:
        refuse(f"the ticket's epoch {params.seal_rand_epoch} is too old")
    if params.replace_capacity and not params.deal_ids:
        refuse("a sector without deals cannot replace another")
    if params.replace_sector_deadline >= PERIOD_DEADLINES:
        refuse(f"deadline {params.replace_sector_deadline}; there are {PERIOD_DEADLINES}")
    if params.replace_sector_number > SECTOR_NUMBER_MAX:
        refuse(f"sector number {params.replace_sector_number}; they run to {SECTOR_NUMBER_MAX}")


def check_expiration(runtime: ActorRuntime, activation: int, expiration: int) -> None:
    """Abort unless a sector's life is neither too short nor too long, and does not reach too far ahead.

    Source: ``miner_actor.go``, validateExpiration.
    """
    policy = runtime.policy
    if expiration - activation < policy.sector_expiration_min:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a life of {expiration - activation} epochs is too short")
    if expiration > runtime.epoch + policy.sector_extension_max:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"expiration {expiration} is too far ahead")
    if expiration - activation > policy.sector_lifetime_max:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a life of {expiration - activation} epochs is too long")


def check_deal_count(runtime: ActorRuntime, params: SectorPreCommitInfo, info: MinerInfo) -> None:
    """Abort for more deals than a sector of the miner's size may hold.

    Source: v0.9.15 ``policy.go``, dealPerSectorLimit; v2.3.6 ``policy.go``, SectorDealsMax.
    """
    if len(params.deal_ids) > max(DEALS_MIN_MAX, info.sector_size // DEAL_BYTES_SHARE):
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.deal_ids)} deals are too many for a sector")


def allocate(runtime: ActorRuntime, state: Miner, number: int) -> Miner:
    """Use up a sector number; aborts if it was used before, also by a commitment that expired.

    A number is never used twice, for replicas of one number could stand in for each other. The two lookups after it
    cannot find anything, but the reference makes them, and reads are paid for with gas.

    Source: ``miner_state.go``, AllocateSectorNumber; ``miner_actor.go``, PreCommitSector.
    """
    allocated = unpack_state(Bitfield, load(runtime, state.allocated_sectors))
    if number in allocated:
        raise StateFault(f"sector number {number} was used before", ExitCode.ILLEGAL_ARGUMENT)
    root = save(runtime, (allocated | Bitfield.of([number])).encode())
    state = state.with_(allocated_sectors=root)
    if pre_committed(runtime, state).get(encode_varint(number)) is not None:
        runtime.abort(ExitCode.ILLEGAL_STATE, f"sector {number} is committed to already")
    if Sectors(runtime, state).find(number) is not None:
        runtime.abort(ExitCode.ILLEGAL_STATE, f"sector {number} is proven already")
    return state


def with_pre_commit(runtime: ActorRuntime, state: Miner, kept: SectorPreCommitOnChainInfo, duration: int) -> Miner:
    """The miner with a commitment that has to be proven within so many epochs, or expires.

    Source: ``miner_state.go``, PutPrecommittedSector, AddPreCommitExpiry.
    """
    number = kept.info.sector_number
    table = pre_committed(runtime, state)
    table.set(encode_varint(number), kept.to_wire())
    state = state.with_(pre_committed_sectors=table.flush())
    # one more epoch: a proof of the last one is confirmed by the cron that would find it expired
    due = runtime.epoch + duration + 1
    queue = BitfieldQueue(runtime, state.pre_committed_sectors_expiry, every_deadline(runtime.policy, state))
    queue.add(due, Bitfield.of([number]))
    return state.with_(pre_committed_sectors_expiry=queue.flush())


def check_replaced(runtime: ActorRuntime, state: AnyMiner, params: SectorPreCommitInfo) -> SectorOnChainInfo:
    """The sector without deals that a new one with deals takes the place of; aborts if it may not.

    Only an active sector that would expire no later may be replaced, and where it is due must be named rightly.

    Source: ``miner_actor.go``, validateReplaceSector; ``miner_state.go``, CheckSectorHealth.
    """
    number = params.replace_sector_number
    old = Sectors(runtime, state).find(number)
    if old is None:
        runtime.abort(ExitCode.NOT_FOUND, f"there is no sector {number} to replace")
    if old.deal_ids:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector {number} has deals and cannot be replaced")
    if params.seal_proof != old.seal_proof:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector {number} has another seal proof")
    if params.expiration < old.expiration:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector {number} lives longer than its replacement")
    deadline = state.load_deadlines(runtime).load(runtime, params.replace_sector_deadline)
    partitions = HistoricArray(runtime, deadline.partitions)
    partition = load_partition(layout_of(runtime).partition, partitions, params.replace_sector_partition)
    if number not in partition.sectors:
        raise StateFault(f"sector {number} is not in that partition", ExitCode.NOT_FOUND)
    if number in partition.faults:
        raise StateFault(f"sector {number} is faulty", ExitCode.FORBIDDEN)
    if number in partition.terminated:
        raise StateFault(f"sector {number} is terminated", ExitCode.NOT_FOUND)
    return old
