"""The power actor: claims of power, and the tick that ends every epoch.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/power/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import CRON, INIT, REWARD, SIGNABLE, SYSTEM, code_of
from thespis.protocols.builtin.init.methods import ExecParams, ExecReturn
from thespis.protocols.builtin.methods import (
    BIG_INTEGER,
    CONFIRM_SECTOR_PROOFS,
    EXEC,
    ON_DEFERRED_CRON_EVENT,
    UPDATE_NETWORK_KPI,
    Methods,
    method,
)
from thespis.protocols.builtin.power.state import AnyPower, CronEvent, PowerState, PowerTotals
from thespis.protocols.builtin.power.v2.state import PowerStateV2
from thespis.protocols.builtin.smoothing import FilterEstimate
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Record, TokenAmount, Unsigned, record
from thespis.protocols.ipld.historic import HistoricArray, HistoricMap
from thespis.protocols.vm.exit_codes import ExitCode
from thespis.protocols.vm.world import SealVerifyInfo

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

POWER_STATES: dict[int, type[AnyPower]] = {0: PowerState, 2: PowerStateV2}
PROVE_COMMITS_MAX = 200
"""Proofs of new sectors that one miner may hand in within an epoch (``policy.go``, MaxMinerProveCommitsPerEpoch)."""
TOO_MANY_PROVE_COMMITS = 32
"""The first exit code that is an actor's own."""
VERIFY_SEAL_GAS = 34_721_049
"""What checking the proof at the epoch's end costs, paid by who hands it in."""


@record
class UpdateClaimedPowerParams(Record):
    """Changes of the calling miner's power, in bytes."""

    raw_byte_delta: BigInteger
    quality_adjusted_delta: BigInteger


@record
class EnrollCronEventParams(Record):
    """When to call the calling miner, and with what."""

    event_epoch: ChainEpoch
    payload: bytes


@record
class ConfirmedSectors(Record):
    """Sectors of a miner whose proofs hold."""

    sectors: tuple[Unsigned, ...]


@record
class CreateMinerParams(Record):
    """Who owns a new miner and works for it, and how it seals and is reached."""

    owner: Address
    worker: Address
    seal_proof_type: int
    peer_id: bytes
    multiaddrs: tuple[bytes, ...]


@record
class MinerConstructorParams(Record):
    """What the new miner's constructor is given."""

    owner: Address
    worker: Address
    control_addresses: tuple[Address, ...]
    seal_proof_type: int
    peer_id: bytes
    multiaddrs: tuple[bytes, ...]


@record
class CurrentTotalPower(Record):
    """The network's power (bytes), pledge (attoFIL) and smoothed power, as the last tick froze them."""

    raw_byte_power: BigInteger
    quality_adjusted_power: BigInteger
    pledge_collateral: TokenAmount
    smoothed: FilterEstimate


def constructor(runtime: ActorRuntime) -> None:
    """Made at genesis, without miners.

    Source: ``power_actor.go``, Constructor.
    """
    runtime.validate_caller(SYSTEM)
    runtime.create_state(power_kind(runtime).initial(runtime))


def create_miner(runtime: ActorRuntime, params: CreateMinerParams) -> ExecReturn:
    """Make a miner, which has no power yet; anyone may.

    Source: ``power_actor.go``, CreateMiner.
    """
    runtime.validate_caller_kind(*SIGNABLE)
    made = MinerConstructorParams(
        params.owner, params.worker, (), params.seal_proof_type, params.peer_id, params.multiaddrs
    )
    wanted = ExecParams(code_of("storageminer", runtime.actors_version), made.encode()).encode()
    code, returned = runtime.send(INIT, EXEC, wanted, runtime.value)
    runtime.require_success(code, "the miner could not be made")
    addresses = ExecReturn.decode(returned)
    miner, kind = addresses.id_address, power_kind(runtime)
    runtime.transaction(kind, lambda state: (state.with_miner(runtime, miner, params.seal_proof_type), None))
    return addresses


def on_consensus_fault(runtime: ActorRuntime, pledge: int) -> None:
    """Forget the calling miner, which was slashed, with its power and pledge; version 0 only.

    Source: v0.9.15 ``power_actor.go``, OnConsensusFault.
    """
    runtime.validate_caller_kind("storageminer")

    def forget(state: PowerState) -> tuple[PowerState, None]:
        claims = HistoricMap(runtime, state.claims)
        state, had = state.without_power(claims, runtime.caller)
        if not had:
            runtime.abort(ExitCode.NOT_FOUND, f"{runtime.caller} has no claim")
        state = state.pledged(-pledge)
        claims.delete(runtime.caller.data)
        return dataclasses.replace(state, claims=claims.flush(), miner_count=state.miner_count - 1), None

    runtime.transaction(PowerState, forget)


def submit_porep(runtime: ActorRuntime, info: SealVerifyInfo) -> None:
    """Take the proof of a miner's new sector, to be checked with all others at the epoch's end.

    Checking many at once is cheaper for everybody; whoever hands a proof in pays for it here.

    Source: ``power_actor.go``, SubmitPoRepForBulkVerify.
    """
    runtime.validate_caller_kind("storageminer")

    def keep(state: AnyPower) -> tuple[AnyPower, None]:
        require_claim(runtime, state)
        batch = HistoricMap(runtime, state.proof_validation_batch)
        key = runtime.caller.data
        root = batch.get(key)
        if root is not None and len(HistoricArray(runtime, root)) >= PROVE_COMMITS_MAX:
            runtime.abort(TOO_MANY_PROVE_COMMITS, f"{PROVE_COMMITS_MAX} proofs of {runtime.caller} wait already")
        array = HistoricArray(runtime, batch.get(key))
        array.append(info.to_wire())
        batch.set(key, array.flush())
        changed = state.with_(proof_validation_batch=batch.flush())
        runtime.charge(VERIFY_SEAL_GAS)
        return changed, None

    runtime.transaction(power_kind(runtime), keep)


def power_kind(runtime: ActorRuntime) -> type[AnyPower]:
    """The record of the state in the version in force."""
    return POWER_STATES[runtime.actors_version]


def require_claim(runtime: ActorRuntime, state: AnyPower) -> None:
    """From version 2 on, abort unless the calling miner has a claim.

    Source: v2.3.6 ``power_actor.go``, validateMinerHasClaim.
    """
    if runtime.actors_version and HistoricMap(runtime, state.claims).get(runtime.caller.data) is None:
        runtime.abort(ExitCode.FORBIDDEN, f"{runtime.caller} has no claim")


def update_claimed_power(runtime: ActorRuntime, params: UpdateClaimedPowerParams) -> None:
    """Change the calling miner's claim by what it gained and lost, in bytes.

    Source: ``power_actor.go``, UpdateClaimedPower.
    """
    runtime.validate_caller_kind("storageminer")

    def change(state: AnyPower) -> tuple[AnyPower, None]:
        raw, adjusted = params.raw_byte_delta, params.quality_adjusted_delta
        return state.add_to_claim(runtime, runtime.caller, raw, adjusted), None

    runtime.transaction(power_kind(runtime), change)


def enroll_cron_event(runtime: ActorRuntime, params: EnrollCronEventParams) -> None:
    """Remember to call the calling miner at an epoch.

    Source: ``power_actor.go``, EnrollCronEvent.
    """
    runtime.validate_caller_kind("storageminer")
    if params.event_epoch < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"cron event at epoch {params.event_epoch}, before genesis")
    event = CronEvent(runtime.caller, params.payload)
    kind = power_kind(runtime)
    runtime.transaction(kind, lambda state: (state.with_event(runtime, params.event_epoch, event), None))


def on_epoch_tick_end(runtime: ActorRuntime) -> None:
    """Call the miners that asked for it, freeze the power for the next epoch, and tell the reward actor.

    A miner whose call fails loses its power: it could not account for its sectors. What all messages of an epoch reckon
    with is the power that was frozen before it, so that their order does not matter.

    Source: v0.9.15 ``power_actor.go``, OnEpochTickEnd, processDeferredCronEvents.
    """
    runtime.validate_caller(CRON)
    _state, events = runtime.transaction(PowerState, lambda state: state.take_events(runtime, runtime.epoch))
    failed = call_miners(runtime, events)
    runtime.transaction(PowerState, lambda state: (_without_power(runtime, state, failed), None))
    verify_batch(runtime)
    state, _ = runtime.transaction(PowerState, lambda state: (_freeze(state, runtime.epoch), None))
    tell_power(runtime, state)


def call_miners(runtime: ActorRuntime, events: list[CronEvent]) -> list[Address]:
    """Call the miners that asked for it; returns those whose call failed.

    Source: ``power_actor.go``, processDeferredCronEvents.
    """
    failed: list[Address] = []
    for event in events:
        code, _ = runtime.send(event.miner, ON_DEFERRED_CRON_EVENT, event.payload, 0)
        if code != ExitCode.OK:
            failed.append(event.miner)
    return failed


def tell_power(runtime: ActorRuntime, state: PowerTotals) -> None:
    """Tell the reward actor the power that the next epoch has.

    Source: ``power_actor.go``, OnEpochTickEnd.
    """
    power = BIG_INTEGER.encode(state.this_epoch_raw_byte_power)
    code, _ = runtime.send(REWARD, UPDATE_NETWORK_KPI, power, 0)
    runtime.require_success(code, "the reward actor refused the network's power")


def verify_batch(runtime: ActorRuntime) -> None:
    """Check the proofs of the epoch's new sectors, and tell each miner which of its own hold.

    A sector whose proof came twice is told once. From version 2 on, proofs of miners without a claim are dropped.

    Source: ``power_actor.go``, processBatchProofVerifies.
    """

    def take(state: AnyPower) -> tuple[AnyPower, dict[Address, list[SealVerifyInfo]]]:
        submitted: dict[Address, list[SealVerifyInfo]] = {}
        if state.proof_validation_batch is not None:
            batch = HistoricMap(runtime, state.proof_validation_batch)
            claims = HistoricMap(runtime, state.claims) if runtime.actors_version else None
            for key, root in batch.items():
                infos = [SealVerifyInfo.from_wire(wire) for _n, wire in HistoricArray(runtime, root).items()]
                if claims is None or claims.get(key) is not None:
                    submitted[Address.parse(key)] = infos
        return state.with_(proof_validation_batch=None), submitted

    _state, submitted = runtime.transaction(power_kind(runtime), take)
    outcomes = runtime.syscalls.batch_verify_seals(submitted)
    for miner, infos in submitted.items():
        held = dict.fromkeys(info.sector_id.number for info, holds in zip(infos, outcomes[miner], strict=True) if holds)
        runtime.send(miner, CONFIRM_SECTOR_PROOFS, ConfirmedSectors(tuple(held)).encode(), 0)


def _without_power(runtime: ActorRuntime, state: PowerState, miners: list[Address]) -> PowerState:
    claims = HistoricMap(runtime, state.claims)
    for miner in miners:
        state, _had = state.without_power(claims, miner)
    return dataclasses.replace(state, claims=claims.flush())


def _freeze(state: PowerState, epoch: int) -> PowerState:
    frozen = state.frozen(epoch - state.last_processed_cron_epoch)
    return dataclasses.replace(frozen, last_processed_cron_epoch=ChainEpoch(epoch))


def update_pledge_total(runtime: ActorRuntime, delta: int) -> None:
    """Change the sum of all pledges by the calling miner's change, in attoFIL.

    Source: ``power_actor.go``, UpdatePledgeTotal.
    """
    runtime.validate_caller_kind("storageminer")

    def change(state: AnyPower) -> tuple[AnyPower, None]:
        require_claim(runtime, state)
        return state.pledged(delta), None

    runtime.transaction(power_kind(runtime), change)


def current_total_power(runtime: ActorRuntime) -> CurrentTotalPower:
    """Tell anyone the network's power, the same all through an epoch.

    Source: ``power_actor.go``, CurrentTotalPower.
    """
    runtime.accept_any_caller()
    state = runtime.read_state(power_kind(runtime))
    return CurrentTotalPower(
        state.this_epoch_raw_byte_power,
        state.this_epoch_quality_adjusted_power,
        state.this_epoch_pledge_collateral,
        state.this_epoch_power_smoothed,
    )


METHODS: Methods = {
    1: method(constructor),
    2: method(create_miner, CreateMinerParams, ExecReturn),
    3: method(update_claimed_power, UpdateClaimedPowerParams),
    4: method(enroll_cron_event, EnrollCronEventParams),
    5: method(on_epoch_tick_end),
    6: method(update_pledge_total, BIG_INTEGER),
    7: method(on_consensus_fault, BIG_INTEGER),
    8: method(submit_porep, SealVerifyInfo),
    9: method(current_total_power, returns=CurrentTotalPower),
}
