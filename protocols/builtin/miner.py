"""The miner actor, as far as a miner's identity and money go (specs-actors v0.9.15).

Sectors, proofs, faults and deadlines come with sealing; a call to one of their methods is answered by the machine as
not implemented.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING

from protocols.builtin.codes import POWER, REWARD
from protocols.builtin.methods import (
    ENROLL_CRON_EVENT,
    UPDATE_PLEDGE_TOTAL,
    Methods,
    decode_bigint_param,
    encode_bigint_param,
)
from protocols.builtin.miner_state import VESTING_V0, VESTING_V1, MinerInfo, MinerState, WorkerKeyChange
from protocols.builtin.power import EnrollCronEventParams
from protocols.encoding import cbor
from protocols.encoding.address import Address, AddressProtocol
from protocols.encoding.tuples import ChainEpoch, Record, TokenAmount, record
from protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime

WORKER_KEY_CHANGE_DELAY = 900
"""Epochs until a new worker may sign: finality, so that elections look back on one key."""
_PUBKEY_ADDRESS = 2


class CronEventType(IntEnum):
    """What a miner asks cron to be called for."""

    WORKER_KEY_CHANGE = 0
    PROVING_DEADLINE = 1
    PROCESS_EARLY_TERMINATIONS = 2


@record
class CronEventPayload(Record):
    """The event's kind."""

    event_type: int


@record
class ControlAddresses(Record):
    """Who owns, works for and controls a miner."""

    owner: Address
    worker: Address
    control_addresses: tuple[Address, ...]


@record
class ChangeWorkerAddressParams(Record):
    """The next worker and all control addresses."""

    new_worker: Address
    new_control_addresses: tuple[Address, ...]


@record
class ChangePeerIdParams(Record):
    """The miner's libp2p identity."""

    new_id: bytes


@record
class ChangeMultiaddrsParams(Record):
    """Where the miner is reached."""

    new_multiaddrs: tuple[bytes, ...]


@record
class WithdrawBalanceParams(Record):
    """How much the owner wants at most."""

    amount_requested: TokenAmount


def control_addresses(runtime: ActorRuntime, _data: bytes) -> bytes:
    """Tell anyone who stands behind the miner."""
    runtime.accept_any_caller()
    info = runtime.read_state(MinerState).load_info(runtime)
    return ControlAddresses(info.owner, info.worker, info.control_addresses).encode()


def change_worker_address(runtime: ActorRuntime, data: bytes) -> bytes:
    """Replace the control addresses now and the worker later; only the owner may."""
    params = runtime.params(ChangeWorkerAddressParams, data)
    worker = _resolve_worker(runtime, params.new_worker)
    control = tuple(_resolve_principal(runtime, address) for address in params.new_control_addresses)
    effective = ChainEpoch(runtime.epoch + WORKER_KEY_CHANGE_DELAY)

    def change(state: MinerState) -> tuple[MinerState, bool]:
        info = state.load_info(runtime)
        runtime.validate_caller(info.owner)
        info = dataclasses.replace(info, control_addresses=control)
        changes = worker != info.worker
        if changes:
            info = dataclasses.replace(info, pending_worker_key=WorkerKeyChange(worker, effective))
        return state.with_info(runtime, info), changes

    _state, changes = runtime.transaction(MinerState, change)
    if changes:
        _enroll(runtime, effective, CronEventType.WORKER_KEY_CHANGE)
    return b""


def change_peer_id(runtime: ActorRuntime, data: bytes) -> bytes:
    """Change where the miner says it is reached: its libp2p identity."""
    params = runtime.params(ChangePeerIdParams, data)
    _change_info(runtime, lambda info: dataclasses.replace(info, peer_id=params.new_id))
    return b""


def change_multiaddrs(runtime: ActorRuntime, data: bytes) -> bytes:
    """Change where the miner says it is reached: its addresses."""
    params = runtime.params(ChangeMultiaddrsParams, data)
    _change_info(runtime, lambda info: dataclasses.replace(info, multiaddrs=params.new_multiaddrs))
    return b""


def add_locked_fund(runtime: ActorRuntime, data: bytes) -> bytes:
    """Lock funds that vest over half a year; block rewards come this way."""
    amount = decode_bigint_param(runtime, data)
    if amount < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"cannot lock {amount}, which is negative")
    schedule = VESTING_V1 if runtime.network_version >= 1 else VESTING_V0

    def lock(state: MinerState) -> tuple[MinerState, int]:
        runtime.validate_caller(*state.load_info(runtime).controllers(), REWARD)
        unlocked = state.unlocked_balance(runtime.balance())
        if unlocked < amount:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, f"{unlocked} is unlocked, {amount} is to be locked")
        return state.lock(runtime, runtime.epoch, amount, schedule)

    _state, freed = runtime.transaction(MinerState, lock)
    _notify_pledge(runtime, amount - freed)
    return b""


def withdraw_balance(runtime: ActorRuntime, data: bytes) -> bytes:
    """Pay the owner what is neither locked, deposited nor pledged; only the owner may."""
    params = runtime.params(WithdrawBalanceParams, data)
    if params.amount_requested < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"cannot withdraw {params.amount_requested}, which is negative")

    def unlock(state: MinerState) -> tuple[MinerState, tuple[Address, int]]:
        info = state.load_info(runtime)
        runtime.validate_caller(info.owner)
        if len(state.early_terminations):
            runtime.abort(ExitCode.FORBIDDEN, "fees of terminated sectors are outstanding")
        state, freed = state.unlock_vested(runtime, runtime.epoch)
        if state.unlocked_balance(runtime.balance()) < state.initial_pledge_requirement:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, "the unlocked balance does not cover the pledge")
        return state, (info.owner, freed)

    state, (owner, freed) = runtime.transaction(MinerState, unlock)
    available = state.unlocked_balance(runtime.balance()) - state.initial_pledge_requirement
    code, _ = runtime.send(owner, 0, b"", min(available, params.amount_requested))
    if code != ExitCode.OK:
        runtime.abort(code, "the owner could not be paid")
    _notify_pledge(runtime, -freed)
    return b""


def on_deferred_cron_event(runtime: ActorRuntime, data: bytes) -> bytes:
    """Do what the miner asked to be called for."""
    runtime.validate_caller(POWER)
    kind = runtime.params(CronEventPayload, data).event_type
    if kind in (CronEventType.PROVING_DEADLINE, CronEventType.PROCESS_EARLY_TERMINATIONS):
        raise runtime.not_implemented(f"cron event {CronEventType(kind).name} of the storageminer actor")
    if kind == CronEventType.WORKER_KEY_CHANGE:
        runtime.transaction(MinerState, lambda state: (_with_pending_worker(runtime, state), None))
    return b""


def _with_pending_worker(runtime: ActorRuntime, state: MinerState) -> MinerState:
    info = state.load_info(runtime)
    pending = info.pending_worker_key
    if pending is None or pending.effective_at > runtime.epoch:
        return state
    return state.with_info(runtime, dataclasses.replace(info, worker=pending.new_worker, pending_worker_key=None))


def _change_info(runtime: ActorRuntime, change: Callable[[MinerInfo], MinerInfo]) -> None:
    def apply(state: MinerState) -> tuple[MinerState, None]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        return state.with_info(runtime, change(info)), None

    runtime.transaction(MinerState, apply)


def _resolve_principal(runtime: ActorRuntime, address: Address) -> Address:
    resolved = runtime.resolve(address)
    if resolved is None or runtime.code_name(resolved) not in ("account", "multisig"):
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{address} is neither an account nor a multisig")
    return resolved


def _resolve_worker(runtime: ActorRuntime, address: Address) -> Address:
    """A worker must have a BLS key: elections are verifiable draws with it."""
    resolved = runtime.resolve(address)
    if resolved is None or runtime.code_name(resolved) != "account":
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{address} is no account")
    if address.protocol is not AddressProtocol.BLS:
        code, returned = runtime.send(resolved, _PUBKEY_ADDRESS, b"", 0)
        if code != ExitCode.OK:
            runtime.abort(code, f"the key of {address} is not known")
        if Address.parse(cbor.decode(returned)).protocol is not AddressProtocol.BLS:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the worker {address} has no BLS key")
    return resolved


def _enroll(runtime: ActorRuntime, epoch: ChainEpoch, kind: CronEventType) -> None:
    payload = CronEventPayload(int(kind)).encode()
    code, _ = runtime.send(POWER, ENROLL_CRON_EVENT, EnrollCronEventParams(epoch, payload).encode(), 0)
    if code != ExitCode.OK:
        runtime.abort(code, "the power actor did not take the cron event")


def _notify_pledge(runtime: ActorRuntime, delta: int) -> None:
    if delta:
        code, _ = runtime.send(POWER, UPDATE_PLEDGE_TOTAL, encode_bigint_param(delta), 0)
        if code != ExitCode.OK:
            runtime.abort(code, "the power actor did not take the change of pledge")


METHODS: Methods = {
    2: control_addresses,
    3: change_worker_address,
    4: change_peer_id,
    12: on_deferred_cron_event,
    14: add_locked_fund,
    16: withdraw_balance,
    18: change_multiaddrs,
}
SECTOR_METHODS = frozenset({1, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 20})
"""Methods of the real actor that come with sealing."""
