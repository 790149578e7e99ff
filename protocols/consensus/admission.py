"""Which messages a node keeps until a block carries them: those that could be mined some day, by what is known now.

The checks that need no state come first. Who fails one of them sent what no honest peer sends (InvalidMessageError,
SignatureError); a PoolError only says that the message is not taken here and now. Such is also a rule of one network
version, for the sender's chain may have another (Lotus v1.4.0 ``chain/messagepool/messagepool.go``,
MessagePool.checkMessage, verifyMsgBeforeAdd and addTs; reference: formats, section 5.3). How many messages of one
sender may wait at once is a question of the pool's room, and not asked here.
"""

from __future__ import annotations

from dataclasses import dataclass

from thespis.protocols.builtin.codes import name_of
from thespis.protocols.chain.base_fee import MINIMUM_BASE_FEE
from thespis.protocols.chain.message import MESSAGE_BYTES_MAX, SignedMessage
from thespis.protocols.consensus.block_messages import check_eligible, may_send
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import InvalidMessageError, NetworkVersionError, PoolError
from thespis.protocols.vm.state_tree import Actor


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the id (or the key address, while there is none), the signing key, and the actor if there is one."""

    number: Address
    key: Address
    actor: Actor | None


def check_form(signed: SignedMessage, network_version: int) -> None:
    """Raise InvalidMessageError or PoolError for a message that no block of the next epoch could hold or would take."""
    size = len(signed.encode())
    if size > MESSAGE_BYTES_MAX:
        raise InvalidMessageError(f"message of {size} bytes; the bound is {MESSAGE_BYTES_MAX}")
    try:
        check_eligible(signed, network_version)
    except NetworkVersionError as error:
        raise PoolError(str(error)) from None
    cap = signed.message.gas_fee_cap
    if cap < MINIMUM_BASE_FEE:
        raise PoolError(f"gas fee cap {cap}; no base fee is below {MINIMUM_BASE_FEE}")


def check_sender(signed: SignedMessage, sender: Sender) -> None:
    """Raise SignatureError, InvalidMessageError or PoolError unless the sender signed, has the nonce free, and can pay.

    `sender` is as in the state after the head; the message is looked at alone, without what else of it waits.
    """
    message = signed.message
    signed.check_signature(sender.key)
    actor = account_of(message.sender, sender.actor)
    if message.nonce < actor.nonce:
        raise PoolError(f"nonce {message.nonce} is used; {message.sender} is at {actor.nonce}")
    cost = message.highest_cost()
    if cost > actor.balance:
        raise PoolError(f"value and gas may cost {cost} attoFIL; {message.sender} has {actor.balance}")


def account_of(address: Address, actor: Actor | None) -> Actor:
    """The actor at an address, if it may send messages; raises PoolError or InvalidMessageError with what it is."""
    if actor is None:
        raise PoolError(f"actor not found: there is no account at {address}; send it some FIL first")
    if not may_send(actor):
        raise InvalidMessageError(f"{address} is a {name_of(actor.code)} actor; only accounts send messages")
    return actor
