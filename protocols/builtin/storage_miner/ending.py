"""Sectors that end: terminated, extended, compacted, and the whole miner slashed (specs-actors v0.9.15)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import BURNT_FUNDS, POWER, SIGNABLE
from thespis.protocols.builtin.methods import BIG_INTEGER, ON_CONSENSUS_FAULT, SEND
from thespis.protocols.builtin.miner_state import NO_POWER, AnyMiner, Miner, MinerState, PowerPair, SectorOnChainInfo
from thespis.protocols.builtin.storage_miner.calls import (
    CronEventType,
    burn,
    enroll,
    epoch_reward,
    network_power,
    notify_pledge,
    terminate_deals,
    update_power,
)
from thespis.protocols.builtin.storage_miner.commit import SECTOR_NUMBER_MAX, validate_expiration
from thespis.protocols.builtin.storage_miner.deadline import Due, need
from thespis.protocols.builtin.storage_miner.layouts import ADDRESSED_SECTORS_MAX, layout_of
from thespis.protocols.builtin.storage_miner.money import add_pledge, slasher_reward, termination_fee, unlocked_balance
from thespis.protocols.builtin.storage_miner.partition import Terminated
from thespis.protocols.builtin.storage_miner.periods import DeadlineInfo, deadline_quant
from thespis.protocols.builtin.storage_miner.proving import Declarations, by_place, check_deadline
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import ChainEpoch, Record, Unsigned, record
from thespis.protocols.ipld.blockstore import load, save
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.exit_codes import ExitCode, StateFault
from thespis.protocols.vm.world import ConsensusFaultFound

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


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
class TerminateSectorsReturn(Record):
    """Whether all fees have been settled."""

    done: bool


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


def terminate_sectors(runtime: ActorRuntime, params: Declarations) -> TerminateSectorsReturn:
    """End sectors before their time, and tell whether all fees have been settled."""
    return TerminateSectorsReturn(done=not end_sectors(runtime, params, process_early_terminations))


def end_sectors(runtime: ActorRuntime, params: Declarations, process: Callable[[ActorRuntime], bool]) -> bool:
    """End the sectors that a message declares, and settle what of it one message may; returns whether there is more."""
    places, layout = by_place(runtime, params.declarations), layout_of(runtime)

    def end(state: AnyMiner) -> tuple[AnyMiner, tuple[PowerPair, bool]]:
        had = bool(state.early_terminations.runs)
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        deadlines, sectors, lost = state.load_deadlines(runtime), Sectors(runtime, state), NO_POWER
        for index, wanted in places.items():
            due = layout.due(runtime, state, info, index)
            deadline, power = due.terminate(deadlines.load(runtime, index), sectors, runtime.epoch, wanted)
            lost += power
            deadlines = deadlines.update(runtime, index, deadline)
        early = state.early_terminations | Bitfield.of(places)
        state = state.with_deadlines(runtime, deadlines).with_(early_terminations=early)
        return state, (lost, had)

    _state, (lost, had) = runtime.transaction(layout.state, end)
    more = process(runtime)
    if more and not had:
        schedule_early_terminations(runtime)
    update_power(runtime, -lost)
    return more


def schedule_early_terminations(runtime: ActorRuntime) -> None:
    """Go on with the next epoch's cron."""
    enroll(runtime, runtime.epoch + 1, CronEventType.PROCESS_EARLY_TERMINATIONS)


def process_early_terminations(runtime: ActorRuntime) -> bool:
    """Settle early ends, as many as one message may: fees, pledges, deals; returns whether there are more."""
    reward, power = epoch_reward(runtime), network_power(runtime)

    def settle(state: MinerState) -> tuple[MinerState, Settled]:
        state, result, more = pop_early_terminations(runtime, state)
        if not result.sectors_processed:
            return state, Settled(more)
        size, version = int(state.load_info(runtime).sector_size), runtime.network_version
        fee, pledge, deals = 0, 0, []
        for epoch, found in ended_sectors(runtime, state, result):
            deals.append((epoch, [deal for sector in found for deal in sector.deal_ids]))
            pledge += sum(sector.initial_pledge for sector in found)
            fee += termination_fee(size, epoch, reward.smoothed, power.smoothed, version, found)
        state, vesting, balance = state.penalize(runtime, runtime.epoch, fee, unlocked_balance(runtime, state))
        state = add_pledge(runtime, state, -pledge)
        return state, Settled(more, vesting + balance, -(pledge + vesting), tuple(deals))

    _state, settled = runtime.transaction(MinerState, settle)
    settled.tell(runtime)
    return settled.more


@dataclasses.dataclass(frozen=True, slots=True)
class Settled:
    """What came of settling early ends; amounts in attoFIL, deals by the epoch in which they lost their sector."""

    more: bool
    penalty: int = 0
    pledge_delta: int = 0
    deals: tuple[tuple[int, list[Unsigned]], ...] = ()

    def tell(self, runtime: ActorRuntime) -> None:
        """Burn the penalty, tell the change of the pledge, and end the deals."""
        burn(runtime, self.penalty)
        notify_pledge(runtime, self.pledge_delta)
        for epoch, deals in self.deals:
            terminate_deals(runtime, epoch, deals)


def ended_sectors(
    runtime: ActorRuntime, state: AnyMiner, result: Terminated
) -> Iterator[tuple[int, list[SectorOnChainInfo]]]:
    """Sectors that ended early, by the epoch of that."""
    sectors = Sectors(runtime, state)
    for epoch, numbers in sorted(result.sectors.items()):
        yield epoch, sectors.load(numbers)


def pop_early_terminations(runtime: ActorRuntime, state: Miner) -> tuple[Miner, Terminated, bool]:
    """Take out early ends, as many as one message may settle; returns them, and whether there are more."""
    result, layout = Terminated(), layout_of(runtime)
    if not state.early_terminations.runs:
        return state, result, False
    left = state.early_terminations
    deadlines = state.load_deadlines(runtime)
    for index in state.early_terminations:
        # sizes of sectors are not needed here: nothing is grouped by its own power
        due = Due(runtime, 0, deadline_quant(runtime.policy, state, index), layout.partition)
        deadline, settled, more = due.pop_early_terminations(
            deadlines.load(runtime, index),
            layout.partitions_max - result.partitions_processed,
            ADDRESSED_SECTORS_MAX - result.sectors_processed,
        )
        result.add(settled)
        if not more:
            left -= Bitfield.of([index])
        deadlines = deadlines.update(runtime, index, deadline)
        if not result.below(layout.partitions_max, ADDRESSED_SECTORS_MAX):
            break
    state = state.with_deadlines(runtime, deadlines).with_(early_terminations=left)
    return state, result, bool(left.runs)


def extend_sector_expiration(runtime: ActorRuntime, params: ExtendParams) -> None:
    """Let active sectors live longer; their power is worked out anew."""
    _check_extensions(runtime, params)
    layout = layout_of(runtime)

    def extend(state: AnyMiner) -> tuple[AnyMiner, tuple[PowerPair, int]]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        size, power, pledge = int(info.sector_size), NO_POWER, 0
        deadlines = state.load_deadlines(runtime)
        by_deadline: dict[int, list[Extension]] = {}
        for each in params.extensions:
            by_deadline.setdefault(int(each.deadline), []).append(each)
        sectors = Sectors(runtime, state)
        for index, extensions in by_deadline.items():
            deadline = deadlines.load(runtime, index)
            partitions = HistoricArray(runtime, deadline.partitions)
            quant = deadline_quant(runtime.policy, state, index)
            for each in extensions:
                partition = need(layout.partition, partitions, int(each.partition))
                old = sectors.load(each.sectors)
                new = [_extended(runtime, sector, each.new_expiration) for sector in old]
                sectors.put_all(new)
                partition, gained, pledged = partition.replace_sectors(runtime, old, new, size, quant)
                power, pledge = power + gained, pledge + pledged
                partitions.set(int(each.partition), partition.to_wire())
            deadline = dataclasses.replace(deadline, partitions=partitions.flush())
            deadlines = deadlines.update(runtime, index, deadline)
        state = state.with_(sectors=sectors.flush())
        return state.with_deadlines(runtime, deadlines), (power, pledge)

    _state, (power, pledge) = runtime.transaction(layout.state, extend)
    update_power(runtime, power)
    notify_pledge(runtime, pledge)


def _check_extensions(runtime: ActorRuntime, params: ExtendParams) -> None:
    if len(params.extensions) > layout_of(runtime).partitions_max:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.extensions)} extensions are too many")
    for each in params.extensions:
        check_deadline(runtime, each.deadline)
    count = sum(len(each.sectors) for each in params.extensions)
    if count > ADDRESSED_SECTORS_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{count} sectors are too many")


def _extended(runtime: ActorRuntime, sector: SectorOnChainInfo, expiration: ChainEpoch) -> SectorOnChainInfo:
    if runtime.actors_version and (
        sector.seal_proof not in runtime.policy.seal_proofs or sector.expiration < runtime.epoch
    ):
        runtime.abort(ExitCode.FORBIDDEN, f"sector {sector.number} ended at {sector.expiration} or has an old proof")
    if expiration < sector.expiration:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector {sector.number} lives until {sector.expiration}")
    validate_expiration(runtime, sector.activation, expiration)
    return dataclasses.replace(sector, expiration=expiration)


def compact_partitions(runtime: ActorRuntime, params: CompactPartitionsParams) -> None:
    """Move the live sectors of partitions together, and forget the ended ones."""
    check_deadline(runtime, params.deadline)
    layout = layout_of(runtime)

    def compact(state: AnyMiner) -> tuple[AnyMiner, None]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        index = int(params.deadline)
        if not DeadlineInfo(runtime.policy, state.proving_period_start, index, runtime.epoch).is_mutable():
            runtime.abort(ExitCode.FORBIDDEN, f"deadline {index} is open or about to be")
        if len(params.partitions) > layout.proof_partitions_max(info):
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(params.partitions)} partitions are too many")
        deadlines = state.load_deadlines(runtime)
        due = layout.due(runtime, state, info, index)
        deadline, live, dead, removed = due.remove_partitions(deadlines.load(runtime, index), params.partitions)
        sectors = Sectors(runtime, state)
        for number in dead:
            if not sectors.delete(number):
                raise StateFault(f"there is no sector {number}")
        state = state.with_(sectors=sectors.flush())
        moved = Sectors(runtime, state).load(live)
        size = int(info.window_post_partition_sectors)
        deadline, added = due.add_sectors(deadline, size, moved, proven=True)
        if removed != added:
            runtime.abort(ExitCode.ILLEGAL_STATE, "compacting changes the power")
        if runtime.actors_version:  # the reference of version 0 does not keep the changed deadline
            state = state.with_deadlines(runtime, deadlines.update(runtime, index, deadline))
        return state, None

    runtime.transaction(layout.state, compact)


def compact_sector_numbers(runtime: ActorRuntime, params: CompactNumbersParams) -> None:
    """Give up numbers, so that the record of used ones stays small."""
    mask = params.mask
    if not mask.runs or mask.runs[-1][1] - 1 > SECTOR_NUMBER_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the mask is empty or has numbers that sectors cannot have")

    def compact(state: AnyMiner) -> tuple[AnyMiner, None]:
        runtime.validate_caller(*state.load_info(runtime).controllers())
        allocated = Bitfield.decode(load(runtime, state.allocated_sectors))
        return state.with_(allocated_sectors=save(runtime, (allocated | mask).encode())), None

    runtime.transaction(layout_of(runtime).state, compact)


def reported_fault(runtime: ActorRuntime, params: ConsensusFaultParams) -> tuple[ConsensusFaultFound, int]:
    """The fault that a report shows, and how many epochs ago it was; ends the call where there is none."""
    runtime.validate_caller_kind(*SIGNABLE)
    with runtime.failing_as(ExitCode.ILLEGAL_ARGUMENT):
        fault = runtime.syscalls.verify_consensus_fault(params.header_1, params.header_2, params.header_extra)
    age = runtime.epoch - fault.epoch
    if age <= 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the fault's epoch {fault.epoch} is not past")
    return fault, age


def report_consensus_fault(runtime: ActorRuntime, params: ConsensusFaultParams) -> None:
    """Show that the miner signed what no honest miner signs: it loses everything, the reporter gets a share."""
    _fault, age = reported_fault(runtime, params)
    code, _ = runtime.send(runtime.caller, SEND, b"", slasher_reward(age, runtime.balance()))
    runtime.require_success(code, "the reporter could not be paid")
    state = runtime.read_state(MinerState)
    code, _ = runtime.send(POWER, ON_CONSENSUS_FAULT, BIG_INTEGER.encode(state.locked_funds), 0)
    runtime.require_success(code, "the power actor did not take the fault")
    state = runtime.read_state(MinerState)
    sectors = Sectors(runtime, state)
    deals = [deal for _n, wire in sectors.items() for deal in SectorOnChainInfo.from_wire(wire).deal_ids]
    terminate_deals(runtime, runtime.epoch, deals)
    runtime.delete_actor(BURNT_FUNDS)
