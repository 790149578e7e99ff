"""New sectors: committed to, proven, and confirmed when their proofs held (specs-actors v0.9.15)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from protocols.builtin.codes import MARKET, POWER
from protocols.builtin.market_types import (
    ActivateDealsParams,
    ComputeDataCommitmentParams,
    DealWeights,
    VerifyDealsParams,
)
from protocols.builtin.methods import (
    ACTIVATE_DEALS,
    COMPUTE_DATA_COMMITMENT,
    SUBMIT_POREP,
    VERIFY_DEALS_FOR_ACTIVATION,
)
from protocols.builtin.miner_state import (
    NO_POWER,
    MinerInfo,
    MinerState,
    PowerPair,
    SectorOnChainInfo,
    SectorPreCommitInfo,
    SectorPreCommitOnChainInfo,
)
from protocols.builtin.policy import EPOCHS_IN_DAY
from protocols.builtin.power import ConfirmedSectors
from protocols.builtin.storage_miner.calls import epoch_reward, network_power, notify_pledge, update_power
from protocols.builtin.storage_miner.deadline import Due, need
from protocols.builtin.storage_miner.money import (
    PLEDGE_PERIOD,
    PRE_COMMIT_DEPOSIT_PERIOD,
    add_deposit,
    add_pledge,
    check_balance,
    expected_reward,
    initial_pledge,
    quality_power,
    unlocked_balance,
)
from protocols.builtin.storage_miner.periods import (
    DeadlineInfo,
    assign_deadlines,
    deadline_quant,
    every_deadline,
)
from protocols.builtin.storage_miner.queues import NOTHING, BitfieldQueue
from protocols.builtin.storage_miner.sectors import Sectors, delete_pre_committed, find_pre_committed, pre_committed
from protocols.consensus.randomness import Purpose
from protocols.encoding import cbor
from protocols.encoding.bitfield import Bitfield
from protocols.encoding.cid import FIL_COMMITMENT_SEALED, POSEIDON_BLS12_381_A2_FC1, Cid
from protocols.encoding.tuples import ChainEpoch, Record, TokenAmount, Unsigned, record
from protocols.encoding.varint import encode_varint
from protocols.ipld.blockstore import load, save
from protocols.ipld.historic import HistoricArray
from protocols.vm.exit_codes import ExitCode, StateFault
from protocols.vm.world import SealVerifyInfo, SectorId

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime

SECTOR_NUMBER_MAX = (1 << 63) - 1
DEALS_MIN_MAX, DEAL_BYTES_SHARE = 256, 134_217_728
"""A sector may hold one deal for so many bytes, and 256 in any case."""


@record
class ProveCommitParams(Record):
    """The proof of a sector's sealing."""

    sector_number: Unsigned
    proof: bytes


def seal_proof_earliest(runtime: ActorRuntime) -> int:
    """The oldest ticket that a seal may have."""
    return runtime.epoch - runtime.policy.chain_finality - runtime.policy.seal_duration_max


def validate_expiration(runtime: ActorRuntime, activation: int, expiration: int) -> None:
    """End the call unless a sector's life is neither too short nor too long."""
    policy = runtime.policy
    if expiration - activation < policy.sector_expiration_min:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a life of {expiration - activation} epochs is too short")
    if expiration > runtime.epoch + policy.sector_extension_max:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"expiration {expiration} is too far ahead")
    if expiration - activation > policy.sector_lifetime_max:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a life of {expiration - activation} epochs is too long")


def pre_commit_sector(runtime: ActorRuntime, data: bytes) -> bytes:
    """Commit to a sector, with a deposit that is lost unless it is proven in time."""
    params = runtime.params(SectorPreCommitInfo, data)
    _check_pre_commit(runtime, params)
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
        if len(params.deal_ids) > max(DEALS_MIN_MAX, info.sector_size // DEAL_BYTES_SHARE):
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.deal_ids)} deals are too many for a sector")
        state = _allocate(runtime, state, params.sector_number)
        if pre_committed(runtime, state).get(encode_varint(params.sector_number)) is not None:
            runtime.abort(ExitCode.ILLEGAL_STATE, f"sector {params.sector_number} is committed to already")
        if Sectors(runtime, state.sectors).find(params.sector_number) is not None:
            runtime.abort(ExitCode.ILLEGAL_STATE, f"sector {params.sector_number} is proven already")
        validate_expiration(runtime, runtime.epoch + runtime.policy.seal_duration_max, params.expiration)
        least = _replaced_pledge(runtime, state, params) if params.replace_capacity else 0
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
        table = pre_committed(runtime, state)
        table.set(encode_varint(params.sector_number), kept.to_wire())
        state = dataclasses.replace(state, pre_committed_sectors=table.flush())
        # one more epoch: a proof of the last one is confirmed by the cron that would find it expired
        due = runtime.epoch + runtime.policy.seal_duration_max + 1
        queue = BitfieldQueue(runtime, state.pre_committed_sectors_expiry, every_deadline(runtime.policy, state))
        queue.add(due, Bitfield.of([params.sector_number]))
        return dataclasses.replace(state, pre_committed_sectors_expiry=queue.flush()), freed

    _state, freed = runtime.transaction(MinerState, commit)
    notify_pledge(runtime, -freed)
    return b""


def _check_pre_commit(runtime: ActorRuntime, params: SectorPreCommitInfo) -> None:
    def refuse(reason: str) -> None:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, reason)

    if params.seal_proof not in runtime.policy.seal_proofs:
        refuse(f"seal proof {params.seal_proof} is not used on this network")
    if params.sector_number > SECTOR_NUMBER_MAX:
        refuse(f"sector number {params.sector_number}; they run to {SECTOR_NUMBER_MAX}")
    if not _is_commitment(params.sealed_cid):
        refuse(f"{params.sealed_cid} is no commitment to a replica")
    if params.seal_rand_epoch >= runtime.epoch:
        refuse(f"the ticket's epoch {params.seal_rand_epoch} is not before now")
    if params.seal_rand_epoch < seal_proof_earliest(runtime):
        refuse(f"the ticket's epoch {params.seal_rand_epoch} is too old")
    if params.expiration <= runtime.epoch:
        refuse(f"expiration {params.expiration} is past")
    if params.replace_capacity and not params.deal_ids:
        refuse("a sector without deals cannot replace another")
    if params.replace_sector_deadline >= runtime.policy.deadlines:
        refuse(f"deadline {params.replace_sector_deadline}; there are {runtime.policy.deadlines}")
    if params.replace_sector_number > SECTOR_NUMBER_MAX:
        refuse(f"sector number {params.replace_sector_number}; they run to {SECTOR_NUMBER_MAX}")


def _is_commitment(cid: Cid) -> bool:
    """Whether a CID has the form of a replica's commitment."""
    codec, multihash, digest = cid.parts()
    return (codec, multihash, len(digest)) == (FIL_COMMITMENT_SEALED, POSEIDON_BLS12_381_A2_FC1, 32)


def _allocate(runtime: ActorRuntime, state: MinerState, number: int) -> MinerState:
    allocated = Bitfield.decode(load(runtime, state.allocated_sectors))
    if number in allocated:
        raise StateFault(f"sector number {number} was used before", ExitCode.ILLEGAL_ARGUMENT)
    root = save(runtime, (allocated | Bitfield.of([number])).encode())
    return dataclasses.replace(state, allocated_sectors=root)


def _replaced_pledge(runtime: ActorRuntime, state: MinerState, params: SectorPreCommitInfo) -> int:
    """The pledge of the sector without deals that a new one takes the place of."""
    number = params.replace_sector_number
    old = Sectors(runtime, state.sectors).find(number)
    if old is None:
        runtime.abort(ExitCode.NOT_FOUND, f"there is no sector {number} to replace")
    if old.deal_ids:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector {number} has deals and cannot be replaced")
    if params.seal_proof != old.seal_proof:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector {number} has another seal proof")
    if params.expiration < old.expiration:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector {number} lives longer than its replacement")
    deadline = state.load_deadlines(runtime).load(runtime, params.replace_sector_deadline)
    partition = need(HistoricArray(runtime, deadline.partitions), params.replace_sector_partition)
    if number not in partition.sectors:
        raise StateFault(f"sector {number} is not in that partition", ExitCode.NOT_FOUND)
    if number in partition.faults:
        raise StateFault(f"sector {number} is faulty", ExitCode.FORBIDDEN)
    if number in partition.terminated:
        raise StateFault(f"sector {number} is terminated", ExitCode.NOT_FOUND)
    return old.initial_pledge


def prove_commit_sector(runtime: ActorRuntime, data: bytes) -> bytes:
    """Hand in the proof of a sector; the power actor checks it at the end of the epoch, with all others."""
    params = runtime.params(ProveCommitParams, data)
    runtime.accept_any_caller()
    state = runtime.read_state(MinerState)
    require_pledge(runtime, state)
    number = params.sector_number
    found = find_pre_committed(runtime, state, number)
    if found is None:
        runtime.abort(ExitCode.NOT_FOUND, f"sector {number} was not committed to")
    due = found.pre_commit_epoch + runtime.policy.seal_duration_max
    if runtime.epoch > due:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the proof of sector {number} was due at {due}")
    code, _ = runtime.send(POWER, SUBMIT_POREP, _verify_info(runtime, found, params.proof).encode(), 0)
    runtime.require_success(code, "the power actor did not take the proof")
    return b""


def _verify_info(runtime: ActorRuntime, kept: SectorPreCommitOnChainInfo, proof: bytes) -> SealVerifyInfo:
    info = kept.info
    interactive = kept.pre_commit_epoch + runtime.policy.pre_commit_challenge_delay
    if runtime.epoch <= interactive:
        runtime.abort(ExitCode.FORBIDDEN, f"the seed of the proof comes at epoch {interactive}")
    if info.seal_rand_epoch < seal_proof_earliest(runtime):
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the ticket's epoch {info.seal_rand_epoch} is too old")
    asked = ComputeDataCommitmentParams(info.deal_ids, info.seal_proof).encode()
    code, returned = runtime.send(MARKET, COMPUTE_DATA_COMMITMENT, asked, 0)
    runtime.require_success(code, "the market did not tell the sector's data")
    miner, entropy = runtime.receiver_id, cbor.encode(runtime.receiver.data)
    unsealed = cbor.decode(returned)
    assert isinstance(unsealed, Cid)
    return SealVerifyInfo(
        info.seal_proof,
        SectorId(Unsigned(miner), info.sector_number),
        info.deal_ids,
        runtime.ticket_randomness(Purpose.SEAL_RANDOMNESS, info.seal_rand_epoch, entropy),
        runtime.beacon_randomness(Purpose.INTERACTIVE_SEAL_CHALLENGE_SEED, interactive, entropy),
        proof,
        info.sealed_cid,
        unsealed,
    )


def require_pledge(runtime: ActorRuntime, state: MinerState) -> None:
    """End the call unless the balance covers the pledges."""
    if unlocked_balance(runtime, state) < state.initial_pledge_requirement:
        runtime.abort(ExitCode.INSUFFICIENT_FUNDS, "the unlocked balance does not cover the pledge")


def confirm_sector_proofs(runtime: ActorRuntime, data: bytes) -> bytes:
    """Take sectors up whose proofs held: their deals begin, they get a deadline, power and a pledge."""
    params = runtime.params(ConfirmedSectors, data)
    runtime.validate_caller(POWER)
    reward, power = epoch_reward(runtime), network_power(runtime)
    supply = runtime.circulating_supply()
    state = runtime.read_state(MinerState)
    info = state.load_info(runtime)
    table = pre_committed(runtime, state)
    wires = [table.get(encode_varint(number)) for number in params.sectors]
    found = [SectorPreCommitOnChainInfo.from_wire(wire) for wire in wires if wire is not None]
    kept, replaced = _with_deals(runtime, found)
    if not kept:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "no sector can be confirmed")

    def take_up(state: MinerState) -> tuple[MinerState, tuple[PowerPair, int, int]]:
        state = _reschedule_replaced(runtime, state, info, replaced)
        sectors, pledge, deposit = [], 0, 0
        for each in kept:
            duration = each.info.expiration - runtime.epoch
            if duration < runtime.policy.sector_expiration_min:
                continue
            quality = quality_power(info.sector_size, duration, each.deal_weight, each.verified_deal_weight)
            own = initial_pledge(quality, reward.baseline_power, reward.smoothed, power.smoothed, supply)
            pledge, deposit = pledge + own, deposit + each.pre_commit_deposit
            sectors.append(
                SectorOnChainInfo(
                    each.info.sector_number, each.info.seal_proof, each.info.sealed_cid, each.info.deal_ids,
                    ChainEpoch(runtime.epoch), each.info.expiration, each.deal_weight, each.verified_deal_weight,
                    TokenAmount(own),
                    TokenAmount(expected_reward(reward.smoothed, power.smoothed, quality, EPOCHS_IN_DAY)),
                    TokenAmount(expected_reward(reward.smoothed, power.smoothed, quality, PLEDGE_PERIOD)),
                )
            )  # fmt: skip
        array = Sectors(runtime, state.sectors)
        array.put_all(sectors)
        state = dataclasses.replace(state, sectors=array.flush())
        state = delete_pre_committed(runtime, state, [int(sector.number) for sector in sectors])
        state, new_power = _assign(runtime, state, info, sectors)
        state, freed = state.unlock_vested(runtime, runtime.epoch)
        state = add_deposit(runtime, state, -deposit)
        available = unlocked_balance(runtime, state) - state.initial_pledge_requirement
        if available < pledge:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, f"a pledge of {pledge} is due, {available} is available")
        state = add_pledge(runtime, state, pledge)
        check_balance(runtime, state)
        return state, (new_power, pledge, freed)

    _state, (new_power, pledge, freed) = runtime.transaction(MinerState, take_up)
    update_power(runtime, new_power)
    notify_pledge(runtime, pledge - freed)
    return b""


def _with_deals(
    runtime: ActorRuntime, found: list[SectorPreCommitOnChainInfo]
) -> tuple[list[SectorPreCommitOnChainInfo], dict[int, dict[int, Bitfield]]]:
    """The sectors whose deals could be activated, and those without deals that they replace, by place."""
    kept: list[SectorPreCommitOnChainInfo] = []
    replaced: dict[int, dict[int, Bitfield]] = {}
    for each in found:
        asked = ActivateDealsParams(each.info.deal_ids, each.info.expiration).encode()
        code, _ = runtime.send(MARKET, ACTIVATE_DEALS, asked, 0)
        if code != ExitCode.OK:
            continue
        kept.append(each)
        if each.info.replace_capacity:
            places = replaced.setdefault(int(each.info.replace_sector_deadline), {})
            index = int(each.info.replace_sector_partition)
            places[index] = places.get(index, NOTHING) | Bitfield.of([each.info.replace_sector_number])
    return kept, replaced


def _reschedule_replaced(
    runtime: ActorRuntime, state: MinerState, info: MinerInfo, replaced: dict[int, dict[int, Bitfield]]
) -> MinerState:
    """Let replaced sectors end with their next deadline, so that they are challenged once more."""
    deadlines = state.load_deadlines(runtime)
    sectors = Sectors(runtime, state.sectors)
    for index, wanted in sorted(replaced.items()):
        when = DeadlineInfo(runtime.policy, state.proving_period_start, index, runtime.epoch).next_not_elapsed()
        due = Due(runtime, int(info.sector_size), when.quant)
        deadline = due.reschedule(deadlines.load(runtime, index), sectors, when.last, wanted)
        deadlines = deadlines.update(runtime, index, deadline)
    return state.with_deadlines(runtime, deadlines)


def _assign(
    runtime: ActorRuntime, state: MinerState, info: MinerInfo, sectors: list[SectorOnChainInfo]
) -> tuple[MinerState, PowerPair]:
    deadlines, power = state.load_deadlines(runtime), NO_POWER
    mutable = {}
    for index in range(len(deadlines.due)):
        deadline = deadlines.load(runtime, index)
        if DeadlineInfo(runtime.policy, state.proving_period_start, index, runtime.epoch).is_mutable():
            mutable[index] = deadline
    size = int(info.window_post_partition_sectors)
    ordered = sorted(sectors, key=lambda sector: sector.number)
    for index, new in assign_deadlines(size, mutable, ordered).items():
        due = Due(runtime, int(info.sector_size), deadline_quant(runtime.policy, state, index))
        deadline, added = due.add_sectors(mutable[index], size, new)
        power += added
        deadlines = deadlines.update(runtime, index, deadline)
    return state.with_deadlines(runtime, deadlines), power


def check_sector_proven(runtime: ActorRuntime, data: bytes) -> bytes:
    """Succeed if a sector is proven."""
    params = runtime.params(SectorNumberParams, data)
    runtime.accept_any_caller()
    state = runtime.read_state(MinerState)
    if Sectors(runtime, state.sectors).find(params.sector_number) is None:
        runtime.abort(ExitCode.NOT_FOUND, f"sector {params.sector_number} is not proven")
    return b""


@record
class SectorNumberParams(Record):
    """A sector."""

    sector_number: Unsigned
