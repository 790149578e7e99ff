"""ReportConsensusFault: whoever shows that a miner signed what no honest one signs gets a share of what that costs it.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import BURNT_FUNDS, POWER, SIGNABLE
from thespis.protocols.builtin.methods import BIG_INTEGER, ON_CONSENSUS_FAULT, SEND
from thespis.protocols.builtin.storage_miner.calls import terminate_deals
from thespis.protocols.builtin.storage_miner.money import slasher_reward
from thespis.protocols.builtin.storage_miner.sectors import Sectors
from thespis.protocols.builtin.storage_miner.state import MinerState, SectorOnChainInfo
from thespis.protocols.encoding.tuples import Record, record
from thespis.protocols.vm.exit_codes import ExitCode
from thespis.protocols.vm.world import ConsensusFaultFound

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class ConsensusFaultParams(Record):
    """Two headers that show a fault, and for a fault of parent grinding a third that links them."""

    header_1: bytes
    header_2: bytes
    header_extra: bytes


def reported_fault(runtime: ActorRuntime, params: ConsensusFaultParams) -> tuple[ConsensusFaultFound, int]:
    """The fault that a report shows, and how many epochs ago it was; aborts where there is none.

    Source: ``miner_actor.go``, ReportConsensusFault.
    """
    runtime.validate_caller_kind(*SIGNABLE)
    with runtime.failing_as(ExitCode.ILLEGAL_ARGUMENT):
        fault = runtime.syscalls.verify_consensus_fault(params.header_1, params.header_2, params.header_extra)
    age = runtime.epoch - fault.epoch
    if age <= 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the fault's epoch {fault.epoch} is not past")
    return fault, age


def report_consensus_fault(runtime: ActorRuntime, params: ConsensusFaultParams) -> None:
    """Slash the whole miner: its deals lose their sectors, it is deleted, and all that it has is burnt.

    The reporter is paid first, a share of all that the miner has then.

    Source: v0.9.15 ``miner_actor.go``, ReportConsensusFault, terminateMiner, requestTerminateAllDeals.
    """
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
