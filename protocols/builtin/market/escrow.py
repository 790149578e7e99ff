"""AddBalance and WithdrawBalance: what clients and providers have at the market.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/market/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import SIGNABLE, SYSTEM
from thespis.protocols.builtin.market.deals import Escrow
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.market.tables import MarketTables
from thespis.protocols.builtin.methods import CONTROL_ADDRESSES, SEND
from thespis.protocols.builtin.storage_miner.identity import ControlAddresses
from thespis.protocols.encoding.address import Address
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


def constructor(runtime: ActorRuntime) -> None:
    """Made at genesis, without deals.

    Source: ``market_actor.go``, Constructor.
    """
    runtime.validate_caller(SYSTEM)
    runtime.create_state(MarketState.initial(runtime))


def add_balance(runtime: ActorRuntime, address: Address) -> None:
    """Put what the message carries into the escrow of a client or provider; anyone may.

    Source: ``market_actor.go``, AddBalance.
    """
    if runtime.value <= 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "nothing to add")
    runtime.validate_caller_kind(*SIGNABLE)
    nominal, _recipient, _approved = _escrow_of(runtime, address)

    def add(state: MarketState) -> tuple[MarketState, None]:
        tables = MarketTables(runtime, state, write="locked escrow")
        tables.escrow.add(nominal, runtime.value)
        return tables.closed(), None

    runtime.transaction(MarketState, add)


def withdraw_balance(runtime: ActorRuntime, params: Escrow) -> None:
    """Pay out of an escrow what is not locked, as much as there is of what was asked for.

    A miner's goes to its owner, and its worker may ask for it, too.

    Source: ``market_actor.go``, WithdrawBalance.
    """
    if params.amount < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"cannot withdraw {params.amount}")
    if not runtime.actors_version:  # the reference of version 0 validates twice here, which ends every call
        runtime.validate_caller_kind(*SIGNABLE)
    nominal, recipient, approved = _escrow_of(runtime, params.address)
    runtime.validate_caller(*approved)

    def take(state: MarketState) -> tuple[MarketState, int]:
        tables = MarketTables(runtime, state, write="locked escrow")
        taken = tables.escrow.subtract_down_to(nominal, params.amount, tables.locked.of(nominal))
        return tables.closed(), taken

    _state, taken = runtime.transaction(MarketState, take)
    code, _ = runtime.send(recipient, SEND, b"", taken)
    runtime.require_success(code, "the balance could not be paid out")


def _escrow_of(runtime: ActorRuntime, address: Address) -> tuple[Address, Address, tuple[Address, ...]]:
    """Under whom a balance stands, who is paid from it, and who may ask for that; for a miner its owner and worker.

    Source: ``market_actor.go``, escrowAddress.
    """
    nominal = runtime.resolve(address)
    kind = runtime.code_name(nominal) if nominal else ""
    if nominal is None or not kind:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"there is no actor at {address}")
    if kind == "storageminer":
        control = control_of(runtime, nominal)
        return nominal, control.owner, (control.owner, control.worker)
    return nominal, nominal, (nominal,)


def control_of(runtime: ActorRuntime, miner: Address) -> ControlAddresses:
    """Owner, worker and control addresses of a miner, which is asked for them.

    Source: ``actors/builtin/shared.go``, RequestMinerControlAddrs.
    """
    code, returned = runtime.send(miner, CONTROL_ADDRESSES, b"", 0)
    runtime.require_success(code, f"miner {miner} did not tell who controls it")
    return ControlAddresses.decode(returned)
