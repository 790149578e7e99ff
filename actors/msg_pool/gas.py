"""What to pay, read off chain and pool: limit by trying the message out, premium by what waits, cap by the base fee.

How much that makes says `protocols.chain.fees`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from thespis.actors.chain.reader import ChainReader
from thespis.actors.chain.world import ChainWorld
from thespis.actors.messages.msg_pool import ReplaceMessage
from thespis.protocols.chain.fees import (
    capped,
    competing_premium,
    fee_cap,
    limit_with_margin,
    replacement_premium,
    repriced,
)
from thespis.protocols.chain.message import BLOCK_GAS_LIMIT, Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.block_messages import may_send
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.address import AddressProtocol
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.errors import GasEstimateError, PoolError
from thespis.protocols.vm.exit_codes import ExitCode
from thespis.protocols.vm.interpreter import state_for
from thespis.protocols.vm.machine import Applied, Machine


def try_message(reader: ChainReader, tipset: Tipset, message: Message) -> Applied:
    """What a message would do over a tipset, as if its sender had the nonce and could pay for any gas."""
    profile = reader.genesis.profile
    height, root = tipset.height + 1, reader.execution(tipset.key).state_root
    state = state_for(reader.blocks, root, parent_epoch=tipset.height, epoch=height, rules=profile.rules)
    sender = state.get(message.sender)
    if sender is None or not may_send(sender):
        raise GasEstimateError(f"there is no account at {message.sender}; send it some FIL first")
    trial = dataclasses.replace(
        message,
        nonce=Unsigned(sender.nonce),
        gas_limit=BLOCK_GAS_LIMIT,
        gas_fee_cap=TokenAmount(0),
        gas_premium=TokenAmount(0),
    )
    world = ChainWorld(reader, tipset)
    machine = Machine(state, profile.network_version(height), 0, height, world=world, policy=profile.policy)
    try:
        return machine.apply(trial, _length(trial))
    finally:
        reader.blocks.discard()


def _length(message: Message) -> int:
    kind = SignatureType.BLS if message.sender.protocol is AddressProtocol.BLS else SignatureType.SECP256K1
    return SignedMessage(message, Signature(kind, bytes(65))).chain_length()


def estimate_limit(reader: ChainReader, tipset: Tipset, message: Message) -> int:
    """A gas limit with a margin; raises GasEstimateError when the message would fail."""
    applied = try_message(reader, tipset, message)
    if applied.receipt.exit_code != ExitCode.OK:
        raise GasEstimateError(f"the message would end with exit code {applied.receipt.exit_code}: {applied.reason}")
    return limit_with_margin(applied.receipt.gas_used)


def estimate_premium(waiting: Iterable[SignedMessage]) -> int:
    """A premium that beats the middle of what waits."""
    return competing_premium(signed.message.gas_premium for signed in waiting)


def priced_anew(
    present: SignedMessage, waiting: Iterable[SignedMessage], base_fee: int, order: ReplaceMessage
) -> Message:
    """A message that waits, for a price at which it takes its own place and a block can take it.

    Raises PoolError for a fee cap below the base fee: what it replaced would go on waiting under another name.
    """
    message = present.message
    premium = order.gas_premium or max(estimate_premium(waiting), replacement_premium(message.gas_premium))
    cap = order.gas_fee_cap or max(message.gas_fee_cap, fee_cap(base_fee, premium))
    if cap < base_fee:
        raise PoolError(f"fee cap {cap} is below the base fee {base_fee}; the message would go on waiting")
    return repriced(message, premium, cap)


def fill_gas(
    reader: ChainReader, tipset: Tipset, message: Message, waiting: Iterable[SignedMessage], max_fee: int
) -> Message:
    """The message with its zero gas fields estimated; with `max_fee`, limit times fee cap stays within it."""
    if message.gas_limit == 0:
        message = dataclasses.replace(message, gas_limit=estimate_limit(reader, tipset, message))
    if message.gas_premium == 0:
        message = dataclasses.replace(message, gas_premium=TokenAmount(estimate_premium(waiting)))
    if message.gas_fee_cap == 0:
        cap = fee_cap(reader.base_fee(tipset), message.gas_premium)
        message = dataclasses.replace(message, gas_fee_cap=TokenAmount(cap))
    return capped(message, max_fee)
