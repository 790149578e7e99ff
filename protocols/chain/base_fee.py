"""The base fee: what a unit of gas burns, moved by how full the last blocks were (EIP-1559 in Filecoin's form).

Division is floored towards minus infinity, as Go's big integers do (Lotus v1.4.0 ``chain/store/basefee.go``; reference:
formats, section 6).
"""

from __future__ import annotations

from collections.abc import Iterable

from thespis.protocols.chain.message import Message
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.encoding.cid import Cid

BLOCK_GAS_TARGET = 5_000_000_000
INITIAL_BASE_FEE = 100_000_000
MINIMUM_BASE_FEE = 100
MAX_CHANGE_DENOMINATOR = 8
PACKING_EFFICIENCY = (4, 5)
"""Before upgrade Smoke blocks were taken to overlap: four fifths of their gas counted as distinct."""


def next_base_fee(base_fee: int, gas_limit_used: int, blocks: int, *, after_smoke: bool) -> int:
    """The base fee in attoFIL after a tipset of `blocks` blocks whose distinct messages limit `gas_limit_used` gas."""
    if after_smoke:
        used = gas_limit_used // blocks
    else:
        numerator, denominator = PACKING_EFFICIENCY
        used = denominator * gas_limit_used // (blocks * numerator)
    delta = max(-BLOCK_GAS_TARGET, min(BLOCK_GAS_TARGET, used - BLOCK_GAS_TARGET))
    change = base_fee * delta // BLOCK_GAS_TARGET // MAX_CHANGE_DENOMINATOR
    return max(MINIMUM_BASE_FEE, base_fee + change)


def base_fee_over(tipset: Tipset, messages: Iterable[Message], *, after_smoke: bool) -> int:
    """The base fee in attoFIL of blocks over a tipset, from the messages of all its blocks.

    A message that stands in several blocks is executed once and counts once; what counts is its gas limit and not what
    it used, for limits are what blocks have room for (Lotus v1.4.0 ``chain/store/basefee.go``, ComputeBaseFee).
    """
    limits: dict[Cid, int] = {message.cid(): message.gas_limit for message in messages}
    return next_base_fee(
        tipset.blocks[0].parent_base_fee, sum(limits.values()), len(tipset.blocks), after_smoke=after_smoke
    )
