"""ConfirmSectorProofsValid: committed sectors whose proofs held are activated, with a deadline and a pledge.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import MARKET, POWER
from thespis.protocols.builtin.market.calls import ActivateDealsParams
from thespis.protocols.builtin.methods import ACTIVATE_DEALS
from thespis.protocols.builtin.policy import EPOCHS_IN_DAY
from thespis.protocols.builtin.power.methods import ConfirmedSectors, CurrentTotalPower
from thespis.protocols.builtin.reward.methods import ThisEpochReward
from thespis.protocols.builtin.smoothing import FilterEstimate
from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING
from thespis.protocols.builtin.storage_miner.calls import epoch_reward, network_power, notify_pledge, update_power
from thespis.protocols.builtin.storage_miner.layouts import layout_of
from thespis.protocols.builtin.storage_miner.money import (
    PLEDGE_PERIOD,
    add_deposit,
    add_pledge,
    check_balance,
    expected_reward,
    initial_pledge,
    quality_power,
    unlocked_balance,
)
from thespis.protocols.builtin.storage_miner.periods import DeadlineInfo, assign_deadlines
from thespis.protocols.builtin.storage_miner.sectors import (
    SECTOR_NUMBER_MAX,
    Sectors,
    delete_pre_committed,
    pre_committed,
)
from thespis.protocols.builtin.storage_miner.state import (
    NO_POWER,
    Miner,
    MinerInfo,
    MinerState,
    PowerPair,
    SectorOnChainInfo,
    SectorPreCommitOnChainInfo,
)
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import ChainEpoch, Record, TokenAmount, Unsigned, record
from thespis.protocols.encoding.varint import encode_varint
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class SectorNumberParams(Record):
    """The sector that is asked about."""

    sector_number: Unsigned


ExpectedReward = Callable[[FilterEstimate, FilterEstimate, int, int], int]
"""What a power is expected to earn, from smoothed reward and power, quality and duration; versions differ in it."""
Replaced = dict[int, dict[int, Bitfield]]
"""Sectors that new ones take the place of, by deadline and partition."""


@dataclass(frozen=True, slots=True)
class Confirming:
    """What activating sectors depends on: the miner, the network's rewards, power and supply (attoFIL), commitments.

    `kept` are the commitments whose deals could be activated, `replaced` the sectors that they take the place of.
    """

    info: MinerInfo
    reward: ThisEpochReward
    power: CurrentTotalPower
    supply: int
    kept: list[SectorPreCommitOnChainInfo]
    replaced: Replaced

    def lasting(self, runtime: ActorRuntime) -> list[SectorPreCommitOnChainInfo]:
        """Those commitments whose sectors still live long enough; the rest is left to expire, with its deposit."""
        least = runtime.epoch + runtime.policy.sector_expiration_min
        return [each for each in self.kept if each.info.expiration >= least]

    def activated(
        self, runtime: ActorRuntime, kept: SectorPreCommitOnChainInfo, expected_reward: ExpectedReward
    ) -> SectorOnChainInfo:
        """The sector of a commitment, with its pledge and what it is expected to earn, which its fees will go by."""
        committed, reward, power = kept.info, self.reward, self.power
        duration = committed.expiration - runtime.epoch
        quality = quality_power(self.info.sector_size, duration, kept.deal_weight, kept.verified_deal_weight)
        pledge = initial_pledge(quality, reward.baseline_power, reward.smoothed, power.smoothed, self.supply)
        return SectorOnChainInfo(
            committed.sector_number, committed.seal_proof, committed.sealed_cid, committed.deal_ids,
            ChainEpoch(runtime.epoch), committed.expiration, kept.deal_weight, kept.verified_deal_weight,
            TokenAmount(pledge),
            TokenAmount(expected_reward(reward.smoothed, power.smoothed, quality, EPOCHS_IN_DAY)),
            TokenAmount(expected_reward(reward.smoothed, power.smoothed, quality, PLEDGE_PERIOD)),
        )  # fmt: skip


def confirm_sector_proofs(runtime: ActorRuntime, params: ConfirmedSectors) -> None:
    """Activate sectors whose proofs held: their deals begin, they get a deadline, power and a pledge.

    Only the power actor calls this, at the end of the epoch in which the proofs were handed in. Deposits are given
    back and count towards the pledge.

    Source: v0.9.15 ``miner_actor.go``, ConfirmSectorProofsValid.
    """
    given = confirming(runtime, params)
    info = given.info

    def activate(state: MinerState) -> tuple[MinerState, tuple[PowerPair, int, int]]:
        state, _moved = reschedule_replaced(runtime, state, info, given.replaced)
        lasting = given.lasting(runtime)
        sectors = [given.activated(runtime, each, expected_reward) for each in lasting]
        pledge = sum(sector.initial_pledge for sector in sectors)
        state, new_power = with_sectors(runtime, state, info, sectors)
        state, freed = state.unlock_vested(runtime, runtime.epoch)
        state = add_deposit(runtime, state, -sum(each.pre_commit_deposit for each in lasting))
        available = unlocked_balance(runtime, state) - state.initial_pledge_requirement
        if available < pledge:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, f"a pledge of {pledge} is due, {available} is available")
        state = add_pledge(runtime, state, pledge)
        check_balance(runtime, state)
        return state, (new_power, pledge, freed)

    _state, (new_power, pledge, freed) = runtime.transaction(MinerState, activate)
    update_power(runtime, new_power)
    notify_pledge(runtime, pledge - freed)


def confirming(runtime: ActorRuntime, params: ConfirmedSectors) -> Confirming:
    """Ask the other actors, and have the market activate the deals of each sector.

    A commitment that is gone, or whose deals cannot be activated any more, is left out: one sector must not cost the
    miner all the others of the epoch. Version 2 does not trouble the market with sectors without deals.

    Source: ``miner_actor.go``, ConfirmSectorProofsValid; ``miner_state.go``, FindPrecommittedSectors.
    """
    runtime.validate_caller(POWER)
    reward, power = epoch_reward(runtime), network_power(runtime)
    supply = runtime.circulating_supply()
    state = runtime.read_state(layout_of(runtime).state)
    info = state.load_info(runtime)
    table = pre_committed(runtime, state)
    wires = [table.get(encode_varint(number)) for number in params.sectors]
    found = [SectorPreCommitOnChainInfo.from_wire(wire) for wire in wires if wire is not None]
    kept: list[SectorPreCommitOnChainInfo] = []
    replaced: Replaced = {}
    for each in found:
        if each.info.deal_ids or not runtime.actors_version:
            asked = ActivateDealsParams(each.info.deal_ids, each.info.expiration).encode()
            code, _ = runtime.send(MARKET, ACTIVATE_DEALS, asked, 0)
            if code != ExitCode.OK:
                continue
        kept.append(each)
        if each.info.replace_capacity:
            partitions = replaced.setdefault(int(each.info.replace_sector_deadline), {})
            index = int(each.info.replace_sector_partition)
            partitions[index] = partitions.get(index, NOTHING) | Bitfield.of([each.info.replace_sector_number])
    if not kept:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "no sector can be confirmed")
    return Confirming(info, reward, power, supply, kept, replaced)


def reschedule_replaced(
    runtime: ActorRuntime, state: Miner, info: MinerInfo, replaced: Replaced
) -> tuple[Miner, list[SectorOnChainInfo]]:
    """Let replaced sectors expire with their next deadline, so that they are challenged once more; returns them.

    Source: ``miner_state.go``, RescheduleSectorExpirations.
    """
    deadlines, layout = state.load_deadlines(runtime), layout_of(runtime)
    sectors, moved = Sectors(runtime, state), []
    for index, wanted in sorted(replaced.items()):
        when = DeadlineInfo(runtime.policy, state.proving_period_start, index, runtime.epoch).next_not_elapsed()
        rules = layout.deadline_rules(runtime, state, info, index)
        deadline, here = rules.reschedule(deadlines.load(runtime, index), sectors, when.last, wanted)
        moved += here
        deadlines = deadlines.update(runtime, index, deadline)
    return state.with_deadlines(runtime, deadlines), moved


def with_sectors(
    runtime: ActorRuntime, state: Miner, info: MinerInfo, sectors: Sequence[SectorOnChainInfo]
) -> tuple[Miner, PowerPair]:
    """The miner with sectors activated and put into deadlines; returns the power that they have at once.

    Deadlines that are open, or open next, are left alone: what they challenge is drawn already.

    Source: ``miner_state.go``, PutSectors, DeletePrecommittedSectors, AssignSectorsToDeadlines.
    """
    array = Sectors(runtime, state)
    array.put_all(sectors)
    state = state.with_(sectors=array.flush())
    state = delete_pre_committed(runtime, state, [int(sector.number) for sector in sectors])
    layout = layout_of(runtime)
    deadlines, power, mutable = state.load_deadlines(runtime), NO_POWER, {}
    for index in range(len(deadlines.due)):
        deadline = deadlines.load(runtime, index)
        if DeadlineInfo(runtime.policy, state.proving_period_start, index, runtime.epoch).is_mutable():
            mutable[index] = deadline
    size = int(info.window_post_partition_sectors)
    ordered = sorted(sectors, key=lambda sector: sector.number)
    room = layout.deadline_partitions_max
    for index, new in assign_deadlines(size, mutable, ordered, room).items():
        rules = layout.deadline_rules(runtime, state, info, index)
        deadline, added = rules.add_sectors(mutable[index], size, new, proven=layout.proven_at_once)
        power += added
        deadlines = deadlines.update(runtime, index, deadline)
    return state.with_deadlines(runtime, deadlines), power


def check_sector_proven(runtime: ActorRuntime, params: SectorNumberParams) -> None:
    """Succeed if a sector is proven, as anyone may ask.

    Source: ``miner_actor.go``, CheckSectorProven.
    """
    runtime.accept_any_caller()
    if runtime.actors_version and params.sector_number > SECTOR_NUMBER_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"sector number {params.sector_number}")
    state = runtime.read_state(layout_of(runtime).state)
    if Sectors(runtime, state).find(params.sector_number) is None:
        runtime.abort(ExitCode.NOT_FOUND, f"sector {params.sector_number} is not proven")
