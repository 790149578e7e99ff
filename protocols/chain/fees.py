"""What to offer for a message: estimates of limit, premium and fee cap, and the price of replacing one that waits.

Nothing here is consensus: a message with other numbers is as valid, and waits longer or costs more. Prices are in
attoFIL per unit of gas (Lotus v1.4.0 ``node/impl/full/gas.go``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from thespis.protocols.chain.message import Message
from thespis.protocols.encoding.tuples import TokenAmount

LIMIT_NUMERATOR, LIMIT_DENOMINATOR = 5, 4
"""Over-estimation: a state that changed may cost more; what is above a tenth too much burns, so not much more."""
PREMIUM_LEAST = 100_000
"""attoFIL per gas when nobody competes."""
FEE_CAP_FACTOR = 3
"""The base fee rises by at most an eighth an epoch: three times covers nine full epochs in a row."""
FEE_CAP_EPOCHS_MAX = 50
"""Full epochs that a fee cap is reckoned for at most: a base fee 361 times as high."""
REPLACE_NUMERATOR, REPLACE_DENOMINATOR = 5, 4


def limit_with_margin(gas_used: int) -> int:
    """The gas limit for a message that used so much when it was tried (GasEstimateGasLimit)."""
    return gas_used * LIMIT_NUMERATOR // LIMIT_DENOMINATOR


def competing_premium(waiting: Iterable[int]) -> int:
    """A premium that beats the middle one of those that wait (GasEstimateGasPremium)."""
    premiums = sorted(waiting)
    return max(PREMIUM_LEAST, premiums[len(premiums) // 2] + 1 if premiums else 0)


def fee_cap(base_fee: int, premium: int) -> int:
    """A fee cap that leaves the whole premium to the miner while the base fee rises threefold."""
    return FEE_CAP_FACTOR * base_fee + premium


def fee_cap_after(base_fee: int, premium: int, epochs: int) -> int:
    """The fee cap that still leaves the whole premium after so many full epochs in a row (GasEstimateFeeCap)."""
    epochs = min(epochs, FEE_CAP_EPOCHS_MAX)
    return int(base_fee * 9**epochs // 8**epochs) + premium


def capped(message: Message, most: int) -> Message:
    """The message with its fee cap lowered until all its gas costs at most `most` attoFIL; 0 is no bound.

    The premium cannot be above the cap, so it falls with it (Lotus v1.4.0 ``chain/messagepool/messagepool.go``,
    CapGasFee).
    """
    if not most or message.gas_fee_cap * message.gas_limit <= most:
        return message
    cap = TokenAmount(most // message.gas_limit)
    return dataclasses.replace(message, gas_fee_cap=cap, gas_premium=min(message.gas_premium, cap))


def repriced(message: Message, premium: int, cap: int) -> Message:
    """The message for another price."""
    return dataclasses.replace(message, gas_premium=TokenAmount(premium), gas_fee_cap=TokenAmount(cap))


def replacement_premium(premium: int) -> int:
    """The least premium of a message that takes the place of one that waits with the same sender and nonce.

    It is a quarter more, or replacing would be a free way to make the whole network gossip (Lotus v1.4.0
    ``chain/messagepool/messagepool.go``, ComputeMinRBF and msgSet.add).
    """
    return premium * REPLACE_NUMERATOR // REPLACE_DENOMINATOR + 1
