"""What the builtin actors share: methods and the types they have, the numbers by which they call each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.encoding.tuples import BigInteger, pack, unpack

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

Item = TypeVar("Item")
Params = TypeVar("Params")
Returned = TypeVar("Returned")


class Form(Protocol[Item]):
    """How a value is written: a record's class, or a `Bare` item."""

    def decode(self, data: bytes, /, *, dialect: Dialect | None = None) -> Item:
        """The value of these bytes, as strictly as a dialect is; raises DecodeError."""

    def encode(self, value: Item, /) -> bytes:
        """The bytes that `decode` takes."""


@dataclass(frozen=True, slots=True)
class Bare(Generic[Item]):
    """One item that is no record, and so is in no tuple."""

    kind: Any
    """The item's type, as a record's field would have it."""

    def decode(self, data: bytes, /, *, dialect: Dialect | None = None) -> Item:
        """The item of these bytes; canonical where nobody says otherwise."""
        dialect = dialect or Dialect.CANONICAL
        strict = dialect is Dialect.CANONICAL
        item: Item = unpack(self.kind, cbor.decode(data) if strict else cbor.decode_prefix(data), dialect)
        return item

    def encode(self, value: Item, /) -> bytes:
        """The bytes that `decode` takes."""
        return cbor.encode(pack(self.kind, value))


BIG_INTEGER: Bare[int] = Bare(BigInteger)
ADDRESS: Bare[Address] = Bare(Address)
CID: Bare[Cid] = Bare(Cid)


@dataclass(frozen=True, slots=True)
class Method:
    """A rule of an actor with the types of what it is given and what it answers; made by `method`.

    The types are what parameters and answers are decoded by, here and for those who look at messages.
    """

    rule: Callable[..., Any]
    params: Form[Any] | None
    returns: Form[Any] | None

    def run(self, runtime: ActorRuntime, data: bytes) -> bytes:
        """Run the rule for parameters as bytes; where it has none they are not looked at.

        Calls within calls take no room on the stack of the interpreter's own functions, as `__call__` and a list of
        arguments would: thousands of them are legal.
        """
        answer = self.rule(runtime) if self.params is None else self.rule(runtime, runtime.params(self.params, data))
        return b"" if self.returns is None else self.returns.encode(answer)


Methods = dict[int, Method]
"""An actor's methods by number."""


@overload
def method(rule: Callable[[ActorRuntime], None]) -> Method: ...
@overload
def method(rule: Callable[[ActorRuntime, Params], None], params: Form[Params]) -> Method: ...
@overload
def method(rule: Callable[[ActorRuntime], Returned], *, returns: Form[Returned]) -> Method: ...
@overload
def method(
    rule: Callable[[ActorRuntime, Params], Returned], params: Form[Params], returns: Form[Returned]
) -> Method: ...
def method(rule: Callable[..., Any], params: Form[Any] | None = None, returns: Form[Any] | None = None) -> Method:
    """A method; the type checker sees that the rule takes and answers what is written here."""
    return Method(rule, params, returns)


SEND = 0
CONSTRUCTOR = 1
EXEC = 2
PUBKEY_ADDRESS = 2

AWARD_BLOCK_REWARD, THIS_EPOCH_REWARD, UPDATE_NETWORK_KPI = 2, 3, 4
EPOCH_TICK = 2
UPDATE_CLAIMED_POWER, ENROLL_CRON_EVENT, ON_EPOCH_TICK_END, UPDATE_PLEDGE_TOTAL = 3, 4, 5, 6
ON_CONSENSUS_FAULT, SUBMIT_POREP, CURRENT_TOTAL_POWER = 7, 8, 9
VERIFY_DEALS_FOR_ACTIVATION, ACTIVATE_DEALS, ON_MINER_SECTORS_TERMINATE, COMPUTE_DATA_COMMITMENT = 5, 6, 7, 8
MARKET_CRON_TICK = 9
CONTROL_ADDRESSES, ON_DEFERRED_CRON_EVENT, ADD_LOCKED_FUND, CONFIRM_SECTOR_PROOFS = 2, 12, 14, 17
USE_BYTES, RESTORE_BYTES = 5, 6
