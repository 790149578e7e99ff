"""What the builtin actors share: the shape of a method table, method numbers they call each other by, bare integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.encoding import cbor
from protocols.encoding.bigint import decode_bigint, encode_bigint
from protocols.errors import DecodeError

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime

Methods = dict[int, "Callable[[ActorRuntime, bytes], bytes]"]

SEND = 0
CONSTRUCTOR = 1
ADD_LOCKED_FUND = 14
ON_DEFERRED_CRON_EVENT = 12
UPDATE_NETWORK_KPI = 4
ENROLL_CRON_EVENT = 4
ON_EPOCH_TICK_END = 5
UPDATE_PLEDGE_TOTAL = 6
AWARD_BLOCK_REWARD = 2
EPOCH_TICK = 2


def encode_bigint_param(value: int) -> bytes:
    """A parameter that is one big integer, not in a tuple."""
    return cbor.encode(encode_bigint(value))


def decode_bigint_param(runtime: ActorRuntime, data: bytes) -> int:
    """The big integer of `encode_bigint_param`; aborts as undecodable parameters do."""
    try:
        wire = cbor.decode(data)
        if type(wire) is not bytes:
            runtime.abort(1, f"parameters: {type(wire).__name__} where a big integer belongs")
        return decode_bigint(wire)
    except DecodeError as error:
        runtime.abort(1, f"parameters: {error}")
