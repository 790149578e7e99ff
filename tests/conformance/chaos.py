"""The corpus' chaos actor: it breaks the rules of the machine on purpose (Lotus ``conformance/chaos``)."""

from thespis.protocols.builtin.codes import is_builtin, name_of
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch, Record, TokenAmount, Unsigned, record
from thespis.protocols.vm.exit_codes import ActorPanic, ExitCode


@record
class State(Record):
    value: str
    unmarshallable: tuple[bytes, ...]


@record
class SendArgs(Record):
    to: Address
    value: TokenAmount
    method: Unsigned
    params: bytes


@record
class CallerArgs(Record):
    branch: int
    addresses: tuple[Address, ...]
    kinds: tuple[Cid, ...]


@record
class CreateArgs(Record):
    no_code: bool
    code: Cid
    no_address: bool
    address: Address


@record
class MutateArgs(Record):
    value: str
    branch: int


@record
class AbortArgs(Record):
    code: int
    message: str
    uncontrolled: bool


@record
class Inspected(Record):
    caller: Address
    receiver: Address
    value: TokenAmount
    epoch: ChainEpoch
    balance: TokenAmount
    state: State


def constructor(_runtime, _data):
    raise ActorPanic("the chaos actor is never made")


def caller_validation(runtime, data):
    args = runtime.params(CallerArgs, data)
    if args.branch == 1:
        runtime.accept_any_caller()
        runtime.accept_any_caller()
    elif args.branch == 2:
        runtime.validate_caller(*args.addresses)
    elif args.branch == 3:
        runtime.validate_caller_kind(*(name_of(kind) for kind in args.kinds))
    elif args.branch != 0:
        raise ActorPanic("no such branch")
    return b""


def create_actor(runtime, data):
    args = runtime.params(CreateArgs, data)
    runtime.accept_any_caller()
    if args.no_code or not is_builtin(args.code, runtime.actors_version):
        runtime.abort(ExitCode.SYS_ILLEGAL_ARGUMENT, "no code")
    if args.no_address:
        raise ActorPanic("no address")
    runtime.create_actor(args.code, args.address)
    return b""


def resolve_address(runtime, data):
    runtime.accept_any_caller()
    found = runtime.resolve(Address.parse(cbor.decode(data)))
    return cbor.encode([(found or Address.id(0)).data, found is not None])


def delete_actor(runtime, data):
    runtime.accept_any_caller()
    runtime.delete_actor(Address.parse(cbor.decode(data)))
    return b""


def send(runtime, data):
    args = runtime.params(SendArgs, data)
    runtime.accept_any_caller()
    code, returned = runtime.send(args.to, args.method, args.params, args.value)
    return cbor.encode([returned, code])


def mutate_state(runtime, data):
    args = runtime.params(MutateArgs, data)
    runtime.accept_any_caller()
    if args.branch == 0:
        runtime.transaction(State, lambda state: (State(args.value, state.unmarshallable), None))
    elif args.branch == 1:
        runtime.read_state(State)
    elif args.branch == 2:
        runtime.transaction(State, lambda state: (State(args.value + "-in", state.unmarshallable), None))
    else:
        raise ActorPanic("no such mutation")
    return b""


def abort_with(runtime, data):
    args = runtime.params(AbortArgs, data)
    if args.uncontrolled:
        raise ActorPanic(args.message)
    runtime.abort(args.code, args.message)


def inspect_runtime(runtime, _data):
    runtime.accept_any_caller()
    state = runtime.read_state(State)
    return Inspected(runtime.caller, runtime.receiver, runtime.value, runtime.epoch, runtime.balance(), state).encode()


def create_state(runtime, _data):
    runtime.accept_any_caller()
    runtime.create_state(State("", ()))
    return b""


class Raw:
    """A method that reads its parameters itself."""

    def __init__(self, rule):
        self.run = rule


RULES = (
    constructor, caller_validation, create_actor, resolve_address, delete_actor, send, mutate_state, abort_with,
    inspect_runtime, create_state,
)  # fmt: skip
ACTOR = {"chaos": {number: Raw(rule) for number, rule in enumerate(RULES, start=1)}}
