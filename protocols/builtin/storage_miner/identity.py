"""A miner's constructor, who stands behind it, and how it is reached.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import INIT
from thespis.protocols.builtin.methods import ADDRESS, PUBKEY_ADDRESS
from thespis.protocols.builtin.power.methods import MinerConstructorParams
from thespis.protocols.builtin.storage_miner.calls import CronEventType, enroll
from thespis.protocols.builtin.storage_miner.layouts import layout_of
from thespis.protocols.builtin.storage_miner.state import AnyMiner, MinerInfo, MinerState, WorkerKeyChange
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.tuples import ChainEpoch, Record, Unsigned, record
from thespis.protocols.proofs.registry import SealProof
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class ControlAddresses(Record):
    """Who owns a miner, who works for it, and who else may act for it; all by id."""

    owner: Address
    worker: Address
    control_addresses: tuple[Address, ...]


@record
class ChangeWorkerAddressParams(Record):
    """The next worker and all control addresses, which replace the present ones."""

    new_worker: Address
    new_control_addresses: tuple[Address, ...]


@record
class ChangePeerIdParams(Record):
    """The miner's libp2p identity."""

    new_id: bytes


@record
class ChangeMultiaddrsParams(Record):
    """The libp2p addresses at which the miner is reached."""

    new_multiaddrs: tuple[bytes, ...]


def constructor(runtime: ActorRuntime, params: MinerConstructorParams) -> None:
    """Make a miner without sectors; its first proving period begins at an epoch that its address gives.

    Source: v0.9.15 ``miner_actor.go``, Constructor, nextProvingPeriodStart.
    """
    runtime.validate_caller(INIT)
    info = new_info(runtime, params)
    start = period_start(runtime) + runtime.policy.proving_period
    runtime.create_state(MinerState.initial(runtime, info, start))
    enroll(runtime, start - 1, CronEventType.PROVING_DEADLINE)


def new_info(runtime: ActorRuntime, params: MinerConstructorParams) -> MinerInfo:
    """A new miner's identity; aborts for a seal proof or people that it cannot have.

    Source: ``miner_actor.go``, Constructor; ``miner_state.go``, ConstructMinerInfo.
    """
    if params.seal_proof_type not in runtime.policy.seal_proofs:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"seal proof {params.seal_proof_type} is not used on this network")
    owner = resolve_principal(runtime, params.owner)
    worker = resolve_worker(runtime, params.worker)
    control = tuple(resolve_principal(runtime, address) for address in params.control_addresses)
    proof = SealProof(params.seal_proof_type)
    return MinerInfo(
        owner, worker, control, None, params.peer_id, params.multiaddrs, params.seal_proof_type,
        Unsigned(proof.shape.sector_bytes), Unsigned(proof.partition_sectors),
    )  # fmt: skip


def period_start(runtime: ActorRuntime) -> int:
    """The latest epoch up to now at an offset that address and epoch give, so that not all miners prove at once.

    Source: ``miner_actor.go``, assignProvingPeriodOffset; v2.3.6, currentProvingPeriodStart.
    """
    seed = cbor.encode(runtime.receiver.data) + runtime.epoch.to_bytes(8, "big", signed=True)
    period = runtime.policy.proving_period
    offset = int.from_bytes(runtime.hash_blake2b(seed)[:8], "big") % period
    return runtime.epoch - (runtime.epoch % period - offset) % period


def control_addresses(runtime: ActorRuntime) -> ControlAddresses:
    """Tell anyone who stands behind the miner.

    Source: ``miner_actor.go``, ControlAddresses.
    """
    runtime.accept_any_caller()
    info = runtime.read_state(layout_of(runtime).state).load_info(runtime)
    return ControlAddresses(info.owner, info.worker, info.control_addresses)


def change_worker_address(runtime: ActorRuntime, params: ChangeWorkerAddressParams) -> None:
    """Replace the control addresses now, and the worker after finality; only the owner may.

    Source: v0.9.15 ``miner_actor.go``, ChangeWorkerAddress.
    """
    worker = resolve_worker(runtime, params.new_worker)
    control = tuple(resolve_principal(runtime, address) for address in params.new_control_addresses)
    effective = ChainEpoch(runtime.epoch + runtime.policy.chain_finality)  # so that elections look back on one key

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
        enroll(runtime, effective, CronEventType.WORKER_KEY_CHANGE)


def change_peer_id(runtime: ActorRuntime, params: ChangePeerIdParams) -> None:
    """Change the libp2p identity by which the miner says it is reached.

    Source: ``miner_actor.go``, ChangePeerID.
    """
    change_info(runtime, lambda info: dataclasses.replace(info, peer_id=params.new_id))


def change_multiaddrs(runtime: ActorRuntime, params: ChangeMultiaddrsParams) -> None:
    """Change the addresses at which the miner says it is reached.

    Source: ``miner_actor.go``, ChangeMultiaddrs.
    """
    change_info(runtime, lambda info: dataclasses.replace(info, multiaddrs=params.new_multiaddrs))


def change_info(runtime: ActorRuntime, change: Callable[[MinerInfo], MinerInfo]) -> None:
    """Change how the miner is reached; only a controller of it may."""

    def apply(state: AnyMiner) -> tuple[AnyMiner, None]:
        info = state.load_info(runtime)
        runtime.validate_caller(*info.controllers())
        return state.with_info(runtime, change(info)), None

    runtime.transaction(layout_of(runtime).state, apply)


def resolve_principal(runtime: ActorRuntime, address: Address) -> Address:
    """The id of an account or multisig, which alone can send messages; aborts for anything else.

    Source: ``miner_actor.go``, resolveControlAddress.
    """
    resolved = runtime.resolve(address)
    if resolved is None or runtime.code_name(resolved) not in ("account", "multisig"):
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{address} is neither an account nor a multisig")
    return resolved


def resolve_worker(runtime: ActorRuntime, address: Address) -> Address:
    """The id of a worker, which must be an account with a BLS key: elections are verifiable draws with it.

    Source: ``miner_actor.go``, resolveWorkerAddress.
    """
    resolved = runtime.resolve(address)
    if resolved is None or runtime.code_name(resolved) != "account":
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{address} is no account")
    if address.protocol is not AddressProtocol.BLS:
        code, returned = runtime.send(resolved, PUBKEY_ADDRESS, b"", 0)
        runtime.require_success(code, f"the key of {address} is not known")
        if ADDRESS.decode(returned).protocol is not AddressProtocol.BLS:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the worker {address} has no BLS key")
    return resolved
