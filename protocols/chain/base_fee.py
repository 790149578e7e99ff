"""The base fee: what a unit of gas burns, moved by how full the last blocks were (EIP-1559 in Filecoin's form).

Division is floored towards minus infinity, as Go's big integers do (reference: formats, section 6).
"""

from __future__ import annotations

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
