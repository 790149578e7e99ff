"""Applying messages to a state: the rules in the order in which they are checked, and the money that moves.

A message that could not pay, or is not its sender's next, changes nothing and costs the miner that included it. One
that fails while it runs keeps its nonce and its gas, and nothing else (Lotus ``chain/vm/vm.go``).
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from thespis.protocols.builtin.codes import BURNT_FUNDS, REWARD, SYSTEM, actors_version, code_of, is_builtin, name_of
from thespis.protocols.builtin.methods import ADDRESS, CONSTRUCTOR, Method, Methods
from thespis.protocols.builtin.policy import MAINNET, Policy
from thespis.protocols.builtin.registry import ACTORS
from thespis.protocols.chain.gas_outputs import gas_outputs
from thespis.protocols.chain.message import Message, Receipt
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.errors import TipsetExecutionError
from thespis.protocols.vm.exit_codes import (
    FAULTS,
    NO_OUTCOME,
    ActorAbort,
    ActorPanic,
    ExitCode,
    code_of_fault,
)
from thespis.protocols.vm.gas import PRICES_V0, GasMeter, PriceList
from thespis.protocols.vm.runtime import EMPTY_OBJECT, ActorRuntime
from thespis.protocols.vm.state_tree import Actor, StateTree
from thespis.protocols.vm.syscalls import key_address
from thespis.protocols.vm.world import UnknownWorld, World

IMPLICIT_GAS_LIMIT = 1 << 62
"""Implicit messages are the system's own; they are metered and never run out."""
RAW_RECEIVER_UNTIL = 3
"""Up to this network version actors saw the address that the message named, and crashes ended with another code."""
PANIC_CODE = 1
CALL_DEPTH_MAX = 4096
"""Calls within calls; the network had no bound before its version 6, which has this one, and we need one."""
DEEP_CALLS = 32
FRAMES_MAX = 32 * CALL_DEPTH_MAX
"""From so many calls within calls on, the interpreter allows so many frames: its own bound must not end a message."""
UNKNOWN_WORLD: World = UnknownWorld()
NO_EXTRA: Mapping[str, Methods] = {}


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying one message gave; money in attoFIL."""

    receipt: Receipt
    miner_penalty: int
    miner_tip: int
    reason: str = ""
    crashes: tuple[str, ...] = ()
    """What methods raised that no rule foresaw, a line each: faults of this program, which it should log loudly."""


class Machine:
    """Applies messages at one epoch, one after the other."""

    def __init__(
        self,
        state: StateTree,
        network_version: int,
        base_fee: int,
        epoch: int,
        prices: PriceList = PRICES_V0,
        *,
        world: World = UNKNOWN_WORLD,
        policy: Policy = MAINNET,
        extra: Mapping[str, Methods] = NO_EXTRA,
    ) -> None:
        """`extra` are actors that are not builtin, by the text of their code; tests have some."""
        self.state = state
        self.epoch = epoch
        self.prices = prices
        self.network_version = network_version
        self.world = world
        self.policy = policy
        self._extra = extra
        self.meter = GasMeter(0)
        self._base_fee = base_fee
        self._version = actors_version(network_version)
        self._actors = ACTORS[self._version]
        self._account_code = code_of("account", self._version)
        self._depth = 0
        self._crashes: list[str] = []
        self._origin, self._origin_nonce, self._created = SYSTEM, 0, 0

    def apply(self, message: Message, chain_length: int) -> Applied:
        """Apply a message that takes `chain_length` bytes on chain."""
        inclusion = self.prices.on_chain_message(chain_length)
        if inclusion > message.gas_limit:
            penalty = self._base_fee * inclusion
            return _refused(ExitCode.SYS_OUT_OF_GAS, penalty, "the gas limit is below the cost of being on chain")
        refusal = self._refusal(message)
        if refusal is not None:
            return _refused(refusal[0], self._base_fee * message.gas_limit, refusal[1])
        sender = self._actor(message.sender)
        reserved = message.gas_limit * message.gas_fee_cap
        self.state.change(
            message.sender, balance=TokenAmount(sender.balance - reserved), nonce=Unsigned(sender.nonce + 1)
        )
        self.meter = GasMeter(message.gas_limit)
        self._begin(message.sender, message.nonce)
        self.state.snapshot()
        code, value, reason = int(ExitCode.OK), b"", ""
        try:
            self.meter.charge(inclusion)
            value = self._send(message.sender, message.to, message.value, message.method, message.params)
            if value:
                self.meter.charge(self.prices.on_return_value(len(value)))
        except ActorAbort as abort:
            code, value, reason = int(abort.code), b"", abort.reason
            self.state.revert()
        else:
            self.state.commit()
        used = max(0, self.meter.used)
        outputs = gas_outputs(
            used,
            message.gas_limit,
            self._base_fee,
            message.gas_fee_cap,
            message.gas_premium,
            charge_network_fee=True,
        )
        self._deposit(BURNT_FUNDS, outputs.base_fee_burn)
        self._deposit(REWARD, outputs.miner_tip)
        self._deposit(BURNT_FUNDS, outputs.overestimation_burn)
        self._deposit(message.sender, outputs.refund)
        receipt = Receipt(code, value, used)
        return Applied(receipt, outputs.miner_penalty, outputs.miner_tip, reason, tuple(self._crashes))

    def apply_implicit(self, to: Address, method: int, params: bytes, nonce: int) -> Applied:
        """Run a message of the system itself: it pays nothing, and nobody can refuse it."""
        return self.call(SYSTEM, to, 0, method, params, nonce=nonce)

    def call(self, sender: Address, to: Address, value: int, method: int, params: bytes, *, nonce: int = 0) -> Applied:
        """Run a call that nobody signed or pays for, from any actor; the nonce only names actors that it makes."""
        self.meter = GasMeter(IMPLICIT_GAS_LIMIT)
        self._begin(sender, nonce)
        self.state.snapshot()
        try:
            returned = self._send(sender, to, value, method, params)
        except ActorAbort as abort:
            self.state.revert()
            return Applied(Receipt(int(abort.code), b"", self.meter.used), 0, 0, abort.reason, tuple(self._crashes))
        self.state.commit()
        return Applied(Receipt(int(ExitCode.OK), returned, self.meter.used), 0, 0, "", tuple(self._crashes))

    def _begin(self, origin: Address, nonce: int) -> None:
        """Forget the message before."""
        self._origin, self._origin_nonce, self._created = origin, nonce, 0
        self._crashes = []

    def _refusal(self, message: Message) -> tuple[ExitCode, str] | None:
        """Why a message may not run at all, or None."""
        sender = self.state.get(message.sender)
        if sender is None:
            return ExitCode.SYS_SENDER_INVALID, f"there is no actor at {message.sender}"
        if name_of(sender.code) != "account":
            return ExitCode.SYS_SENDER_INVALID, f"{message.sender} is a {name_of(sender.code)} actor, not an account"
        if message.nonce != sender.nonce:
            return ExitCode.SYS_SENDER_STATE_INVALID, f"nonce {message.nonce}; the account's next is {sender.nonce}"
        reserved = message.gas_limit * message.gas_fee_cap
        if sender.balance < reserved:
            return ExitCode.SYS_SENDER_STATE_INVALID, f"balance {sender.balance} does not cover gas for {reserved}"
        return None

    def _send(self, sender: Address, to: Address, value: int, method: int, params: bytes) -> bytes:
        """One call: make the receiver if it is a key without an account, charge, move funds, run the method."""
        caller = self.state.resolve(sender)
        assert caller is not None, "a sender that exists has an id"
        receiver = self.state.resolve(to)
        if receiver is None or self.state.get(receiver) is None:
            receiver = self._create_account(to)
        self.meter.charge(self.prices.on_invocation(value, method))
        self._transfer(caller, receiver, value)
        if method == 0:
            return b""
        seen = to if self.network_version <= RAW_RECEIVER_UNTIL else receiver
        return self._invoke(ActorRuntime(self, caller, seen, value), method, params)

    def _create_account(self, address: Address) -> Address:
        self.meter.charge(self.prices.on_create_actor())
        if address.protocol not in (AddressProtocol.SECP256K1, AddressProtocol.BLS):
            raise ActorAbort(ExitCode.SYS_INVALID_RECEIVER, f"there is no actor at {address}")
        number = self.state.register(address)
        self.new_actor(self._account_code, number)
        code, _ = self.send_within(SYSTEM, number, 0, CONSTRUCTOR, ADDRESS.encode(address))
        if code != ExitCode.OK:
            raise ActorAbort(code, f"the account of {address} could not be made")
        return number

    # -- what the runtime of an actor asks for ---------------------------------------------------------------

    def send_within(self, sender: Address, to: Address, value: int, method: int, params: bytes) -> tuple[int, bytes]:
        """A call from an actor: its exit code and return value; a failed one is undone."""
        self.state.snapshot()
        try:
            returned = self._send(sender, to, value, method, params)
        except ActorAbort as abort:
            self.state.revert()
            return int(abort.code), b""
        self.state.commit()
        return int(ExitCode.OK), returned

    def new_actor(self, code: Cid, address: Address) -> None:
        """An entry without state and funds."""
        self.state.set(address, Actor(code, EMPTY_OBJECT, Unsigned(0), TokenAmount(0)))

    def new_actor_address(self) -> Address:
        """An address made of the message's origin, its nonce, and how many actors the message made before."""
        key = self._origin
        if key.protocol is AddressProtocol.ID:
            key = self.key_of(key)
        seed = cbor.encode(key.data) + self._origin_nonce.to_bytes(8, "big") + self._created.to_bytes(8, "big")
        self._created += 1
        return Address.actor(seed)

    def key_of(self, address: Address) -> Address:
        """The key that signs for an address; raises StateFault for one that is no account."""
        return key_address(self, address)

    def delete_actor(self, address: Address, beneficiary: Address) -> None:
        """Remove an actor; what it has goes to someone else."""
        self.meter.charge(self.prices.on_delete_actor())
        number = self.state.resolve(address)
        actor = self.state.get(address)
        if number is None or actor is None:
            raise ActorAbort(ExitCode.SYS_ILLEGAL_ACTOR, f"there is no actor at {address}")
        if actor.balance:
            heir = self.state.resolve(beneficiary)
            if heir is None or self.state.get(heir) is None:
                raise TipsetExecutionError(f"{beneficiary} cannot have what {address} leaves; the reference stops here")
            # an actor may name itself before network version 7; what it has is then gone with it
            self._transfer(number, heir, actor.balance)
        self.state.delete(number)

    def _invoke(self, runtime: ActorRuntime, method: int, params: bytes) -> bytes:
        """Run a method; whatever it raises ends the call with an exit code, unless there can be no outcome.

        An error that no rule foresaw is to a message what a panic of an actor is to the reference, for a message that
        stops whoever executes it would stop the network (Lotus v1.4.0 ``chain/vm/runtime.go``, Runtime.shimCall).
        """
        handler = self._handler(self._actor(runtime.receiver).code, method)
        if self._depth >= CALL_DEPTH_MAX:
            raise ActorAbort(ExitCode.SYS_FORBIDDEN, f"more than {CALL_DEPTH_MAX} calls within each other")
        frames = sys.getrecursionlimit()
        if self._depth == DEEP_CALLS:
            sys.setrecursionlimit(max(frames, FRAMES_MAX))
        self._depth += 1
        try:
            value = handler.run(runtime, params)
        except (ActorAbort, *NO_OUTCOME):
            raise
        except FAULTS as fault:
            raise ActorAbort(code_of_fault(fault) or ExitCode.ILLEGAL_STATE, str(fault)) from None
        except ActorPanic as panic:
            raise ActorAbort(self._panic_code(), str(panic)) from None
        except Exception as error:
            crash = f"method {method} of {runtime.receiver} crashed: {_described(error)}"
            self._crashes.append(crash)
            raise ActorAbort(self._panic_code(), crash) from None
        finally:
            self._depth -= 1
            if self._depth == DEEP_CALLS:
                sys.setrecursionlimit(frames)
        if not runtime.caller_validated:
            runtime.abort(ExitCode.SYS_ILLEGAL_ACTOR, "the method validates no caller")
        return value

    def _panic_code(self) -> int:
        return PANIC_CODE if self.network_version <= RAW_RECEIVER_UNTIL else ExitCode.SYS_RESERVED_1

    def _handler(self, code: Cid, method: int) -> Method:
        name = name_of(code)
        extra = self._extra.get(name)
        if extra is None and not is_builtin(code, self._version):
            raise ActorAbort(ExitCode.SYS_ILLEGAL_ACTOR, f"{name} is no builtin actor of this network version")
        handler = (self._actors[name] if extra is None else extra).get(method)
        if handler is None:
            raise ActorAbort(ExitCode.SYS_INVALID_METHOD, f"the {name} actor has no method {method}")
        return handler

    def _transfer(self, sender: Address, receiver: Address, value: int) -> None:
        if value == 0 or sender == receiver:
            return
        if value < 0:
            raise ActorAbort(ExitCode.SYS_FORBIDDEN, f"cannot transfer {value}, which is negative")
        balance = self._actor(sender).balance
        if balance < value:
            raise ActorAbort(ExitCode.SYS_INSUFFICIENT_FUNDS, f"balance {balance} does not cover {value}")
        self.state.change(sender, balance=TokenAmount(balance - value))
        self._deposit(receiver, value)

    def _deposit(self, address: Address, amount: int) -> None:
        if amount:
            self.state.change(address, balance=TokenAmount(self._actor(address).balance + amount))

    def _actor(self, address: Address) -> Actor:
        actor = self.state.get(address)
        assert actor is not None, f"there is no actor at {address}"
        return actor


def _refused(code: ExitCode, penalty: int, reason: str) -> Applied:
    return Applied(Receipt(int(code), b"", 0), penalty, 0, reason)


def _described(error: Exception) -> str:
    """An error in one line, with the place that raised it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{'/'.join(PurePath(place.filename).parts[-3:])}:{place.lineno}, {place.name}"
    return f"{type(error).__name__}: {str(error)[:300]!r} at {where}"
