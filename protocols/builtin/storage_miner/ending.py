"""Sectors that end: terminated, extended, compacted, and the whole miner slashed (specs-actors v0.9.15)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from protocols.builtin.codes import BURNT_FUNDS, POWER, SIGNABLE
from protocols.builtin.methods import ON_CONSENSUS_FAULT, SEND, encode_bigint_param
from protocols.builtin.miner_state import NO_POWER, MinerState, PowerPair, SectorOnChainInfo
from protocols.builtin.storage_miner.calls import (
    CronEventType,
    burn,
    enroll,
    epoch_reward,
    network_power,
    notify_pledge,
    terminate_deals,
    update_power,
)
from protocols.builtin.storage_miner.commit import SECTOR_NUMBER_MAX, validate_expiration
from protocols.builtin.storage_miner.deadline import Due, need
from protocols.builtin.storage_miner.money import add_pledge, slasher_reward, termination_fee, unlocked_balance
from protocols.builtin.storage_miner.partition import Terminated
from protocols.builtin.storage_miner.periods import DeadlineInfo, deadline_quant
from protocols.builtin.storage_miner.proving import (
    ADDRESSED_PARTITIONS_MAX,
    ADDRESSED_SECTORS_MAX,
    Declarations,
    by_place,
    check_deadline,
    partitions_max,
)
from protocols.builtin.storage_miner.sectors import Sectors
from protocols.encoding import cbor
from protocols.encoding.bitfield import Bitfield
from protocols.encoding.tuples import ChainEpoch, Record, Unsigned, record
from protocols.ipld.blockstore import load, save
from protocols.ipld.historic import HistoricArray
from protocols.vm.exit_codes import ExitCode, StateFault

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime


@record
class Extension(Record):
    """Sectors of a partition and their new end."""

    deadline: Unsigned
    partition: Unsigned
    sectors: Bitfield
    new_expiration: ChainEpoch


@record
class ExtendParams(Record):
    """Extensions."""

    extensions: tuple[Extension, ...]


@record
class CompactPartitionsParams(Record):
    """Partitions of a deadline."""

    deadline: Unsigned
    partitions: Bitfield


@record
class CompactNumbersParams(Record):
    """Sector numbers that will not be used."""

    mask: Bitfield


@record
class ConsensusFaultParams(Record):
    """Two headers that show a fault, and a third where one is needed."""

    header_1: bytes
    header_2: bytes
    header_extra: bytes


def terminate_sectors(runtime: ActorRuntime, data: bytes) -> bytes:
    """End sectors before their time; answers whether all fees have been settled."""
    places = by_place(runtime, runtime.params(Declarations, data).declarations)

    def end(state: MinerState) -> tuple[MinerState, tuple[PowerPair, bool]]:
        had = bool(state.early_terminations.runs)
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        deadlines, sectors, lost = state.load_deadlines(runtime), Sectors(runtime, state.sectors), NO_POWER
        for index, wanted in places.items():
            due = Due(runtime, int(info.sector_size), deadline_quant(runtime.policy, state, index))
            deadline, power = due.terminate(deadlines.load(runtime, index), sectors, runtime.epoch, wanted)
            lost += power
            deadlines = deadlines.update(runtime, index, deadline)
        early = state.early_terminations | Bitfield.of(places)
        state = dataclasses.replace(state.with_deadlines(runtime, deadlines), early_terminations=early)
        return state, (lost, had)

    _state, (lost, had) = runtime.transaction(MinerState, end)
    more = process_early_terminations(runtime)
    if more and not had:
        schedule_early_terminations(runtime)
    update_power(runtime, -lost)
    return cbor.encode([not more])


def schedule_early_terminations(runtime: ActorRuntime) -> None:
    """Go on with the next epoch's cron."""
    enroll(runtime, runtime.epoch + 1, CronEventType.PROCESS_EARLY_TERMINATIONS)


def process_early_terminations(runtime: ActorRuntime) -> bool:
    """Settle early ends, as many as one message may: fees, pledges, deals; returns whether there are more."""
    reward, power = epoch_reward(runtime), network_power(runtime)

    def settle(state: MinerState) -> tuple[MinerState, Settled]:
        state, result, more = _pop(runtime, state)
        if not result.sectors_processed:
            return state, Settled(more, 0, 0, ())
        info = state.load_info(runtime)
        sectors = Sectors(runtime, state.sectors)
        pledge = fee = 0
        deals: list[tuple[int, list[Unsigned]]] = []
        for epoch, numbers in sorted(result.sectors.items()):
            found = sectors.load(numbers)
            deals.append((epoch, [deal for sector in found for deal in sector.deal_ids]))
            pledge += sum(sector.initial_pledge for sector in found)
            size, version = int(info.sector_size), runtime.network_version
            fee += termination_fee(size, epoch, reward.smoothed, power.smoothed, version, found)
        state, vesting, balance = state.penalize(runtime, runtime.epoch, fee, unlocked_balance(runtime, state))
        state = add_pledge(runtime, state, -pledge)
        return state, Settled(more, vesting + balance, -(pledge + vesting), tuple(deals))

    _state, settled = runtime.transaction(MinerState, settle)
    burn(runtime, settled.penalty)
    notify_pledge(runtime, settled.pledge_delta)
    for epoch, deals in settled.deals:
        terminate_deals(runtime, epoch, deals)
    return settled.more


@dataclasses.dataclass(frozen=True, slots=True)
class Settled:
    """What came of settling early ends."""

    more: bool
    penalty: int
    pledge_delta: int
    deals: tuple[tuple[int, list[Unsigned]], ...]


def _pop(runtime: ActorRuntime, state: MinerState) -> tuple[MinerState, Terminated, bool]:
    result = Terminated()
    if not state.early_terminations.runs:
        return state, result, False
    info_size, left = 0, state.early_terminations
    deadlines = state.load_deadlines(runtime)
    for index in state.early_terminations:
        due = Due(runtime, info_size, deadline_quant(runtime.policy, state, index))
        deadline, settled, more = due.pop_early_terminations(
            deadlines.load(runtime, index),
            ADDRESSED_PARTITIONS_MAX - result.partitions_processed,
            ADDRESSED_SECTORS_MAX - result.sectors_processed,
        )
        result.add(settled)
        if not more:
            left -= Bitfield.of([index])
        deadlines = deadlines.update(runtime, index, deadline)
        if not result.below(ADDRESSED_PARTITIONS_MAX, ADDRESSED_SECTORS_MAX):
            break
    state = dataclasses.replace(state.with_deadlines(runtime, deadlines), early_terminations=left)
    return state, result, bool(left.runs)


def extend_sector_expiration(runtime: ActorRuntime, data: bytes) -> bytes:
    """Let active sectors live longer; their power is worked out anew."""
    params = runtime.params(ExtendParams, data)
    _check_extensions(runtime, params)

    def extend(state: MinerState) -> tuple[MinerState, tuple[PowerPair, int]]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        size, power, pledge = int(info.sector_size), NO_POWER, 0
        deadlines = state.load_deadlines(runtime)
        by_deadline: dict[int, list[Extension]] = {}
        for each in params.extensions:
            by_deadline.setdefault(int(each.deadline), []).append(each)
        sectors = Sectors(runtime, state.sectors)
        for index, extensions in by_deadline.items():
            deadline = deadlines.load(runtime, index)
            partitions = HistoricArray(runtime, deadline.partitions)
            quant = deadline_quant(runtime.policy, state, index)
            for each in extensions:
                partition = need(partitions, int(each.partition))
                old = sectors.load(each.sectors)
                new = [_extended(runtime, sector, each.new_expiration) for sector in old]
                sectors.put_all(new)
                partition, gained, pledged = partition.replace_sectors(runtime, old, new, size, quant)
                power, pledge = power + gained, pledge + pledged
                partitions.set(int(each.partition), partition.to_wire())
            deadline = dataclasses.replace(deadline, partitions=partitions.flush())
            deadlines = deadlines.update(runtime, index, deadline)
        state = dataclasses.replace(state, sectors=sectors.flush())
        return state.with_deadlines(runtime, deadlines), (power, pledge)

    _state, (power, pledge) = runtime.transaction(MinerState, extend)
    update_power(runtime, power)
    notify_pledge(runtime, pledge)
    return b""


def _check_extensions(runtime: ActorRuntime, params: ExtendParams) -> None:
    if len(params.extensions) > ADDRESSED_PARTITIONS_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.extensions)} extensions are too many")
    for each in params.extensions:
        check_deadline(runtime, each.deadline)
    count = sum(len(each.sectors) for each in params.extensions)
    if count > ADDRESSED_SECTORS_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{count} sectors are too many")


def _extended(runtime: ActorRuntime, sector: SectorOnChainInfo, expiration: ChainEpoch) -> SectorOnChainInfo:
    if expiration < sector.expiration:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector {sector.number} lives until {sector.expiration}")
    validate_expiration(runtime, sector.activation, expiration)
    return dataclasses.replace(sector, expiration=expiration)


def compact_partitions(runtime: ActorRuntime, data: bytes) -> bytes:
    """Move the live sectors of partitions together, and forget the ended ones."""
    params = runtime.params(CompactPartitionsParams, data)
    check_deadline(runtime, params.deadline)

    def compact(state: MinerState) -> tuple[MinerState, None]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        index = int(params.deadline)
        if not DeadlineInfo(runtime.policy, state.proving_period_start, index, runtime.epoch).is_mutable():
            runtime.abort(ExitCode.FORBIDDEN, f"deadline {index} is open or about to be")
        if len(params.partitions) > partitions_max(info):
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.partitions)} partitions are too many")
        deadlines = state.load_deadlines(runtime)
        due = Due(runtime, int(info.sector_size), deadline_quant(runtime.policy, state, index))
        deadline, live, dead, removed = due.remove_partitions(deadlines.load(runtime, index), params.partitions)
        sectors = Sectors(runtime, state.sectors)
        for number in dead:
            if not sectors.delete(number):
                raise StateFault(f"there is no sector {number}")
        state = dataclasses.replace(state, sectors=sectors.flush())
        moved = Sectors(runtime, state.sectors).load(live)
        _deadline, added = due.add_sectors(deadline, int(info.window_post_partition_sectors), moved)
        if removed != added:
            runtime.abort(ExitCode.ILLEGAL_STATE, "compacting changes the power")
        # the reference of this version does not keep the changed deadline
        return state, None

    runtime.transaction(MinerState, compact)
    return b""


def compact_sector_numbers(runtime: ActorRuntime, data: bytes) -> bytes:
    """Give up numbers, so that the record of used ones stays small."""
    mask = runtime.params(CompactNumbersParams, data).mask
    if not mask.runs or mask.runs[-1][1] - 1 > SECTOR_NUMBER_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the mask is empty or has numbers that sectors cannot have")

    def compact(state: MinerState) -> tuple[MinerState, None]:
        runtime.validate_caller(*state.load_info(runtime).controllers())
        allocated = Bitfield.decode(load(runtime, state.allocated_sectors))
        return dataclasses.replace(state, allocated_sectors=save(runtime, (allocated | mask).encode())), None

    runtime.transaction(MinerState, compact)
    return b""


def report_consensus_fault(runtime: ActorRuntime, data: bytes) -> bytes:
    """Show that the miner signed what no honest miner signs: it loses everything, the reporter gets a share."""
    params = runtime.params(ConsensusFaultParams, data)
    runtime.validate_caller_kind(*SIGNABLE)
    with runtime.failing_as(ExitCode.ILLEGAL_ARGUMENT):
        fault = runtime.syscalls.verify_consensus_fault(params.header_1, params.header_2, params.header_extra)
    age = runtime.epoch - fault.epoch
    if age <= 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the fault's epoch {fault.epoch} is not past")
    code, _ = runtime.send(runtime.caller, SEND, b"", slasher_reward(age, runtime.balance()))
    runtime.require_success(code, "the reporter could not be paid")
    state = runtime.read_state(MinerState)
    code, _ = runtime.send(POWER, ON_CONSENSUS_FAULT, encode_bigint_param(state.locked_funds), 0)
    runtime.require_success(code, "the power actor did not take the fault")
    state = runtime.read_state(MinerState)
    sectors = Sectors(runtime, state.sectors)
    deals = [deal for _n, wire in sectors.items() for deal in SectorOnChainInfo.from_wire(wire).deal_ids]
    terminate_deals(runtime, runtime.epoch, deals)
    runtime.delete_actor(BURNT_FUNDS)
    return b""
