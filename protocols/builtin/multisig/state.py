"""The multisig actor's state, and what its methods are given and answer.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/multisig/``.
"""

from __future__ import annotations

from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch, Record, StateRecord, TokenAmount, Unsigned, record
from thespis.protocols.encoding.varint import encode_varint
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.historic import HistoricMap


@record
class MultisigState(StateRecord):
    """The wallet: signers by id, the approvals needed, vesting (attoFIL, epochs), and the transactions that wait.

    Source: ``multisig_state.go``, State.
    """

    signers: tuple[Address, ...]
    threshold: Unsigned
    next_transaction: int
    initial_balance: TokenAmount
    start_epoch: ChainEpoch
    unlock_duration: ChainEpoch
    pending: Cid

    def locked(self, epoch: int, actors_version: int) -> int:
        """AttoFIL that has not vested at an epoch; vesting is linear and begins with the start.

        Version 0 rounds what vests per epoch down, version 2 rounds what is locked up. Epochs are 64-bit numbers whose
        difference wraps, so a wallet that starts to vest in the farthest past is locked whole.

        Source: ``multisig_state.go``, AmountLocked.
        """
        elapsed = (epoch - self.start_epoch + (1 << 63)) % (1 << 64) - (1 << 63)
        if elapsed >= self.unlock_duration:
            return 0
        if elapsed < 0:
            return self.initial_balance
        left = self.unlock_duration - elapsed
        if not actors_version:
            return self.initial_balance // self.unlock_duration * left
        return -(-self.initial_balance * left // self.unlock_duration)

    def cannot_spend(self, balance: int, amount: int, epoch: int, actors_version: int) -> str:
        """Why an amount cannot be spent now, or an empty text; version 2 lets a call without funds through always.

        Source: ``multisig_state.go``, assertAvailable.
        """
        if amount < 0:
            return f"amount {amount} is negative"
        if balance < amount:
            return f"balance {balance} does not cover {amount}"
        if actors_version and not amount:
            return ""
        locked = self.locked(epoch, actors_version)
        if balance - amount < locked:
            return f"{locked} has not vested; {balance} less {amount} is below it"
        return ""


@record
class Transaction(StateRecord):
    """A proposal and who approved it, the proposer first."""

    to: Address
    value: TokenAmount
    method: Unsigned
    params: bytes
    approved: tuple[Address, ...]


@record
class ProposalHashData(Record):
    """What the hash of a proposal covers."""

    requester: Address
    to: Address
    value: TokenAmount
    method: Unsigned
    params: bytes


@record
class ConstructorParams(Record):
    """Signers by any address, approvals needed, and the epochs over which the initial funds vest."""

    signers: tuple[Address, ...]
    threshold: Unsigned
    unlock_duration: ChainEpoch


@record
class ProposeParams(Record):
    """A call to be made by the wallet."""

    to: Address
    value: TokenAmount
    method: Unsigned
    params: bytes


@record
class ProposeReturn(Record):
    """The proposal's number, and what became of it if it ran at once."""

    number: int
    applied: bool
    code: int
    value: bytes


@record
class TransactionIdParams(Record):
    """A pending transaction by number; the hash, unless empty, must be its proposal's."""

    number: int
    proposal_hash: bytes


@record
class ApproveReturn(Record):
    """What became of the transaction if it ran."""

    applied: bool
    code: int
    value: bytes


@record
class SignerParams(Record):
    """A signer to add or remove, and whether the threshold moves with it."""

    signer: Address
    adjust: bool


@record
class SwapSignerParams(Record):
    """A signer to remove, and one to put in its place."""

    old: Address
    new: Address


@record
class ChangeThresholdParams(Record):
    """The approvals needed from now on."""

    threshold: Unsigned


@record
class LockBalanceParams(Record):
    """From which epoch on, over how many epochs, and how much (attoFIL) becomes free."""

    start_epoch: ChainEpoch
    unlock_duration: ChainEpoch
    amount: TokenAmount


def transaction_key(number: int) -> bytes:
    """The HAMT key of a transaction: its number as a zig-zag varint."""
    return encode_varint(number << 1 if number >= 0 else (-number << 1) - 1)


def pending(store: Blockstore, state: MultisigState) -> HistoricMap:
    """The transactions that wait for approvals, by number."""
    return HistoricMap(store, state.pending)
