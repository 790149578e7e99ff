"""A miner's constructor, who stands behind it, and how it is reached, version 2: bounds, and owners that change.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import INIT
from thespis.protocols.builtin.power.methods import MinerConstructorParams
from thespis.protocols.builtin.storage_miner.calls import CronEventType, enroll
from thespis.protocols.builtin.storage_miner.cron import with_pending_worker
from thespis.protocols.builtin.storage_miner.identity import (
    ChangeMultiaddrsParams,
    ChangePeerIdParams,
    ChangeWorkerAddressParams,
    change_info,
    new_info,
    period_start,
    resolve_principal,
    resolve_worker,
)
from thespis.protocols.builtin.storage_miner.state import WorkerKeyChange
from thespis.protocols.builtin.storage_miner.v2.state import MinerInfoV2, MinerStateV2
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.tuples import ChainEpoch
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

CONTROL_ADDRESSES_MAX, PEER_ID_BYTES_MAX, MULTIADDRS_BYTES_MAX = 10, 128, 1024
"""What a state may hold of them (``policy.go``, MaxControlAddresses, MaxPeerIDLength, MaxMultiaddrData)."""


def constructor(runtime: ActorRuntime, params: MinerConstructorParams) -> None:
    """Make a miner without sectors, in the middle of a proving period that began before it.

    Source: ``miner_actor.go``, Constructor, currentProvingPeriodStart, currentDeadlineIndex.
    """
    runtime.validate_caller(INIT)
    _check_control(runtime, params.control_addresses)
    _check_reach(runtime, params.peer_id, params.multiaddrs)
    info = MinerInfoV2.of(new_info(runtime, params))
    policy, start = runtime.policy, period_start(runtime)
    index = (runtime.epoch - start) // policy.challenge_window
    made = MinerStateV2.initial(runtime, info, start, current=index)
    runtime.create_state(made)
    enroll(runtime, start + policy.challenge_window * (index + 1) - 1, CronEventType.PROVING_DEADLINE)


def _check_control(runtime: ActorRuntime, addresses: tuple[Address, ...]) -> None:
    """Abort for more control addresses than a state may hold.

    Source: ``miner_actor.go``, checkControlAddresses.
    """
    if len(addresses) > CONTROL_ADDRESSES_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(addresses)} control addresses; {CONTROL_ADDRESSES_MAX} at most")


def _check_reach(runtime: ActorRuntime, peer_id: bytes, multiaddrs: tuple[bytes, ...]) -> None:
    """Abort for a peer id or multiaddrs that are longer than a state may hold, or empty.

    Source: ``miner_actor.go``, checkPeerInfo.
    """
    if len(peer_id) > PEER_ID_BYTES_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a peer id of {len(peer_id)} bytes; {PEER_ID_BYTES_MAX} at most")
    if not all(multiaddrs):
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "an empty multiaddr")
    total = sum(len(address) for address in multiaddrs)
    if total > MULTIADDRS_BYTES_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{total} bytes of multiaddrs; {MULTIADDRS_BYTES_MAX} at most")


def change_worker_address(runtime: ActorRuntime, params: ChangeWorkerAddressParams) -> None:
    """Replace the control addresses now, and name a worker for later unless one waits already; only the owner may.

    Source: ``miner_actor.go``, ChangeWorkerAddress.
    """
    _check_control(runtime, params.new_control_addresses)
    worker = resolve_worker(runtime, params.new_worker)
    control = tuple(resolve_principal(runtime, address) for address in params.new_control_addresses)
    effective = ChainEpoch(runtime.epoch + runtime.policy.chain_finality)  # so that elections look back on one key

    def change(state: MinerStateV2) -> tuple[MinerStateV2, None]:
        info = state.load_info(runtime)
        runtime.validate_caller(info.owner)
        info = dataclasses.replace(info, control_addresses=control)
        if worker != info.worker and info.pending_worker_key is None:
            info = dataclasses.replace(info, pending_worker_key=WorkerKeyChange(worker, effective))
        return state.with_info(runtime, info), None

    runtime.transaction(MinerStateV2, change)


def confirm_update_worker_key(runtime: ActorRuntime) -> None:
    """Put a named worker in whose time has come; only the owner may. The end of a deadline does it, too.

    Source: ``miner_actor.go``, ConfirmUpdateWorkerKey.
    """

    def confirm(state: MinerStateV2) -> tuple[MinerStateV2, None]:
        info = state.load_info(runtime)
        runtime.validate_caller(info.owner)
        return with_pending_worker(runtime, state, info), None

    runtime.transaction(MinerStateV2, confirm)


def change_owner_address(runtime: ActorRuntime, address: Address) -> None:
    """Propose another owner, or confirm that proposal as the proposed one, who so shows that it can sign messages.

    Who proposes the present owner takes a proposal back.

    Source: ``miner_actor.go``, ChangeOwnerAddress.
    """
    if address.protocol is not AddressProtocol.ID:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"an owner is named by its id address, not by {address}")

    def change(state: MinerStateV2) -> tuple[MinerStateV2, None]:
        info = state.load_info(runtime)
        proposed = info.pending_owner_address
        if runtime.caller == info.owner or proposed is None:
            runtime.validate_caller(info.owner)
            info = dataclasses.replace(info, pending_owner_address=address)
        else:
            runtime.validate_caller(proposed)
            if address != proposed:
                runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{proposed} is proposed as owner, not {address}")
            info = dataclasses.replace(info, owner=proposed)
        if info.pending_owner_address == info.owner:
            info = dataclasses.replace(info, pending_owner_address=None)
        return state.with_info(runtime, info), None

    runtime.transaction(MinerStateV2, change)


def change_peer_id(runtime: ActorRuntime, params: ChangePeerIdParams) -> None:
    """Change the libp2p identity by which the miner says it is reached.

    Source: ``miner_actor.go``, ChangePeerID.
    """
    _check_reach(runtime, params.new_id, ())
    change_info(runtime, lambda info: dataclasses.replace(info, peer_id=params.new_id))


def change_multiaddrs(runtime: ActorRuntime, params: ChangeMultiaddrsParams) -> None:
    """Change the addresses at which the miner says it is reached.

    Source: ``miner_actor.go``, ChangeMultiaddrs.
    """
    _check_reach(runtime, b"", params.new_multiaddrs)
    change_info(runtime, lambda info: dataclasses.replace(info, multiaddrs=params.new_multiaddrs))
