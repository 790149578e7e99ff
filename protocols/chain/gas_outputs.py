"""Where the gas money of a message goes: burnt, to the miner, and back to the sender."""

from __future__ import annotations

from dataclasses import dataclass

OVERUSE_NUMERATOR, OVERUSE_DENOMINATOR = 11, 10
"""A gas limit may be a tenth above what was used before overestimation is punished."""


@dataclass(frozen=True, slots=True)
class GasOutputs:
    """Amounts in attoFIL, gas in units."""

    base_fee_burn: int
    overestimation_burn: int
    miner_penalty: int
    miner_tip: int
    refund: int
    gas_refund: int
    gas_burned: int


def overestimation(gas_used: int, gas_limit: int) -> tuple[int, int]:
    """Gas to refund and gas to burn of what was not used.

    Blocks have room for limits, not for use: whoever reserves more than used takes room from others, so the share
    above a tenth is burnt, in proportion, and all of it beyond twice the use (Lotus: ComputeGasOverestimationBurn).
    """
    if gas_used == 0:
        return 0, gas_limit
    over = gas_limit - OVERUSE_NUMERATOR * gas_used // OVERUSE_DENOMINATOR
    if over < 0:
        return gas_limit - gas_used, 0
    over = min(over, gas_used)
    burn = (gas_limit - gas_used) * over // gas_used
    return gas_limit - gas_used - burn, burn


def gas_outputs(
    gas_used: int, gas_limit: int, base_fee: int, fee_cap: int, premium: int, *, charge_network_fee: bool
) -> GasOutputs:
    """Split the gas money of one message; `charge_network_fee` is false for what the network wants sent."""
    paid_base_fee, penalty = (base_fee, 0) if base_fee <= fee_cap else (fee_cap, (base_fee - fee_cap) * gas_used)
    burn = paid_base_fee * gas_used if charge_network_fee else 0
    tip_rate = min(premium, fee_cap - paid_base_fee)
    tip = tip_rate * gas_limit
    gas_refund, gas_burned = overestimation(gas_used, gas_limit)
    overestimation_burn = 0
    if gas_burned:
        overestimation_burn = paid_base_fee * gas_burned
        penalty += (base_fee - paid_base_fee) * gas_burned
    refund = fee_cap * gas_limit - burn - tip - overestimation_burn
    return GasOutputs(burn, overestimation_burn, penalty, tip, refund, gas_refund, gas_burned)
