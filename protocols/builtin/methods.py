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
