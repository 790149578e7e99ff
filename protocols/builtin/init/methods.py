"""The init actor: gives out actor ids, and makes new actors for those who may have them.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/init/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import FIRST_NON_SINGLETON, SYSTEM, code_of, name_of
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.builtin.methods import CONSTRUCTOR, Methods, method
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Record, Unsigned, record
from thespis.protocols.ipld.historic import HistoricMap
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class ExecParams(Record):
    """The code to run, and what its constructor is given."""

    code: Cid
    constructor_params: bytes


@record
class ConstructorParams(Record):
    """The network's name, which the init actor keeps."""

    network_name: str


@record
class ExecReturn(Record):
    """The new actor's id, and the address that survives a reorganisation."""

    id_address: Address
    robust_address: Address


def execute(runtime: ActorRuntime, params: ExecParams) -> ExecReturn:
    """Make an actor: anyone may have a multisig or a payment channel, only the power actor a miner.

    Its address is one that a reorganisation does not change, since it hangs on who made it and not on its id.

    Source: ``init_actor.go``, Exec, canExec.
    """
    runtime.accept_any_caller()
    caller, wanted = runtime.code_name(runtime.caller), name_of(params.code)
    known = params.code == code_of(wanted, runtime.actors_version)
    allowed = wanted in ("multisig", "paymentchannel") or (caller, wanted) == ("storagepower", "storageminer")
    if not (known and allowed):
        runtime.abort(ExitCode.FORBIDDEN, f"a {caller} actor cannot make a {wanted} actor")
    robust = runtime.new_actor_address()
    _state, number = runtime.transaction(InitState, lambda state: state.register(runtime, robust))
    runtime.create_actor(params.code, number)
    code, _ = runtime.send(number, CONSTRUCTOR, params.constructor_params, runtime.value)
    if code != ExitCode.OK:
        runtime.abort(code, f"the constructor of the {wanted} actor failed")
    return ExecReturn(number, robust)


def constructor(runtime: ActorRuntime, params: ConstructorParams) -> None:
    """Made at genesis, without actors but the singletons.

    Source: ``init_actor.go``, Constructor.
    """
    runtime.validate_caller(SYSTEM)
    empty = HistoricMap(runtime).flush()
    runtime.create_state(InitState(empty, Unsigned(FIRST_NON_SINGLETON), params.network_name))


METHODS: Methods = {1: method(constructor, ConstructorParams), 2: method(execute, ExecParams, ExecReturn)}
