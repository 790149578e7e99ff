"""What the multisig actor is asked in version 2."""

from __future__ import annotations

from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import ChainEpoch, Record, Unsigned, record


@record
class ConstructorParamsV2(Record):
    """As in version 0, with the epoch at which vesting starts."""

    signers: tuple[Address, ...]
    threshold: Unsigned
    unlock_duration: ChainEpoch
    start_epoch: ChainEpoch
