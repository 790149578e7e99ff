"""The multisig actor: a wallet whose transactions need the approval of several signers, with funds that vest.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/multisig/``.
"""

from __future__ import annotations

import dataclasses

from thespis.protocols.builtin.codes import INIT, SIGNABLE
from thespis.protocols.builtin.methods import Methods, method
from thespis.protocols.builtin.multisig.state import (
    ApproveReturn,
    ChangeThresholdParams,
    ConstructorParams,
    LockBalanceParams,
    MultisigState,
    ProposalHashData,
    ProposeParams,
    ProposeReturn,
    SignerParams,
    SwapSignerParams,
    Transaction,
    TransactionIdParams,
    pending,
    transaction_key,
)
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.ipld.historic import HistoricMap
from thespis.protocols.vm.exit_codes import ExitCode
from thespis.protocols.vm.runtime import ActorRuntime

SIGNERS_MAX = 256
"""Signers of a wallet, since version 2: ``policy.go``, SignersMax."""
THRESHOLDS = 1 << 64
"""Version 0 lowers a threshold of 0 to the highest 64-bit number."""
LOCK_BALANCE_FROM = 2
"""The network version from which on a wallet can lock its balance."""
Outcome = tuple[bool, int, bytes]
"""Whether a transaction was applied, its exit code and its return value."""


def constructor(runtime: ActorRuntime, params: ConstructorParams) -> None:
    """Make the wallet; its funds vest from now on.

    Source: v0.9.15 ``multisig_actor.go``, Constructor.
    """
    start = ChainEpoch(runtime.epoch)
    construct(runtime, params.signers, params.threshold, params.unlock_duration, start)


def construct(
    runtime: ActorRuntime, signers: tuple[Address, ...], threshold: int, unlock: ChainEpoch, start: ChainEpoch
) -> None:
    """Make the wallet of these signers; what it is given becomes free evenly within `unlock` epochs from `start` on.

    Source: ``multisig_actor.go``, Constructor; ``multisig_state.go``, SetLocked.
    """
    runtime.validate_caller(INIT)
    if not signers:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "a multisig has at least one signer")
    if runtime.actors_version and len(signers) > SIGNERS_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(signers)} signers; at most {SIGNERS_MAX} are allowed")
    resolved: list[Address] = []
    for signer in signers:
        number = runtime.resolve_or_create(signer)
        if number in resolved:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"signer {signer} is named twice")
        resolved.append(number)
    if not 1 <= threshold <= len(signers):
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"threshold {threshold} for {len(signers)} signers")
    if unlock < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"unlock duration {unlock} is negative")
    empty = HistoricMap(runtime).flush()
    vests = unlock != 0
    runtime.create_state(
        MultisigState(
            signers=tuple(resolved),
            threshold=Unsigned(threshold),
            next_transaction=0,
            initial_balance=TokenAmount(runtime.value if vests else 0),
            start_epoch=start if vests else ChainEpoch(0),
            unlock_duration=unlock,
            pending=empty,
        )
    )


def propose(runtime: ActorRuntime, params: ProposeParams) -> ProposeReturn:
    """Put a transaction up for approval, approve it, and run it if that is enough; only a signer may.

    Source: ``multisig_actor.go``, Propose.
    """
    runtime.validate_caller_kind(*SIGNABLE)
    if params.value < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"proposed value {params.value} is negative")
    transaction = Transaction(params.to, params.value, params.method, params.params, ())

    def add(state: MultisigState) -> tuple[MultisigState, int]:
        _require_signer(runtime, state)
        transactions = pending(runtime, state)
        transactions.set(transaction_key(state.next_transaction), transaction.to_wire())
        changed = dataclasses.replace(state, next_transaction=state.next_transaction + 1, pending=transactions.flush())
        return changed, state.next_transaction

    _state, number = runtime.transaction(MultisigState, add)
    applied, code, value = _approve(runtime, number, transaction)
    return ProposeReturn(number, applied, code, value)


def approve(runtime: ActorRuntime, params: TransactionIdParams) -> ApproveReturn:
    """Approve a transaction, and run it if that is enough; only a signer may.

    One that has enough approvals already, since the threshold was lowered, runs without another.

    Source: ``multisig_actor.go``, Approve.
    """
    runtime.validate_caller_kind(*SIGNABLE)

    def find(state: MultisigState) -> tuple[MultisigState, Transaction]:
        _require_signer(runtime, state)
        transaction = _find(runtime, pending(runtime, state), params.number)
        _require_hash(runtime, transaction, params.proposal_hash, ExitCode.ILLEGAL_ARGUMENT)
        return state, transaction

    state, transaction = runtime.transaction(MultisigState, find)
    applied, code, value = _run_if_approved(runtime, state, params.number, transaction)
    if not applied:
        applied, code, value = _approve(runtime, params.number, transaction)
    return ApproveReturn(applied, code, value)


def cancel(runtime: ActorRuntime, params: TransactionIdParams) -> None:
    """Take a proposal back, as only the signer may that approved it first.

    Source: ``multisig_actor.go``, Cancel.
    """
    runtime.validate_caller_kind(*SIGNABLE)

    def remove(state: MultisigState) -> tuple[MultisigState, None]:
        _require_signer(runtime, state)
        transactions = pending(runtime, state)
        transaction = _find(runtime, transactions, params.number)
        if transaction.approved[0] != runtime.caller:
            runtime.abort(ExitCode.FORBIDDEN, "another signer's proposal cannot be cancelled")
        _require_hash(runtime, transaction, params.proposal_hash, ExitCode.ILLEGAL_STATE)
        transactions.delete(transaction_key(params.number))
        return dataclasses.replace(state, pending=transactions.flush()), None

    runtime.transaction(MultisigState, remove)


def add_signer(runtime: ActorRuntime, params: SignerParams) -> None:
    """Add a signer; only the wallet itself may, by a transaction that was approved.

    Source: ``multisig_actor.go``, AddSigner.
    """
    runtime.validate_caller(runtime.receiver)
    signer = runtime.resolve_or_create(params.signer)

    def change(state: MultisigState) -> tuple[MultisigState, None]:
        if runtime.actors_version and len(state.signers) >= SIGNERS_MAX:
            runtime.abort(ExitCode.FORBIDDEN, f"there are {SIGNERS_MAX} signers already")
        if signer in state.signers:
            runtime.abort(ExitCode.FORBIDDEN, f"{signer} is a signer already")
        threshold = Unsigned((state.threshold + params.adjust) % THRESHOLDS)
        return dataclasses.replace(state, signers=(*state.signers, signer), threshold=threshold), None

    runtime.transaction(MultisigState, change)


def remove_signer(runtime: ActorRuntime, params: SignerParams) -> None:
    """Remove a signer, since version 2 with its approvals; only the wallet itself may.

    Source: ``multisig_actor.go``, RemoveSigner.
    """
    runtime.validate_caller(runtime.receiver)
    signer = runtime.resolve_or_create(params.signer)

    def change(state: MultisigState) -> tuple[MultisigState, None]:
        if signer not in state.signers:
            runtime.abort(ExitCode.FORBIDDEN, f"{signer} is no signer")
        if len(state.signers) == 1:
            runtime.abort(ExitCode.FORBIDDEN, "the only signer cannot be removed")
        left = tuple(other for other in state.signers if other != signer)
        if not params.adjust and len(left) < state.threshold:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{len(left)} signers cannot meet threshold {state.threshold}")
        if runtime.actors_version and params.adjust and state.threshold <= 1:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"threshold {state.threshold} cannot be lowered")
        threshold = Unsigned((state.threshold - params.adjust) % THRESHOLDS)
        changed = dataclasses.replace(state, signers=left, threshold=threshold)
        return _without_approvals(runtime, changed, signer), None

    runtime.transaction(MultisigState, change)


def swap_signer(runtime: ActorRuntime, params: SwapSignerParams) -> None:
    """Replace one signer by another, who stands last; only the wallet itself may.

    Source: ``multisig_actor.go``, SwapSigner.
    """
    runtime.validate_caller(runtime.receiver)
    old, new = runtime.resolve_or_create(params.old), runtime.resolve_or_create(params.new)

    def change(state: MultisigState) -> tuple[MultisigState, None]:
        if old not in state.signers:
            runtime.abort(ExitCode.FORBIDDEN, f"{old} is no signer")
        if new in state.signers:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"{new} is a signer already")
        left = tuple(other for other in state.signers if other != old)
        return _without_approvals(runtime, dataclasses.replace(state, signers=(*left, new)), old), None

    runtime.transaction(MultisigState, change)


def change_threshold(runtime: ActorRuntime, params: ChangeThresholdParams) -> None:
    """Change how many approvals a transaction needs; only the wallet itself may.

    Source: ``multisig_actor.go``, ChangeNumApprovalsThreshold.
    """
    runtime.validate_caller(runtime.receiver)

    def change(state: MultisigState) -> tuple[MultisigState, None]:
        if not 1 <= params.threshold <= len(state.signers):
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"threshold {params.threshold} for {len(state.signers)} signers")
        return dataclasses.replace(state, threshold=params.threshold), None

    runtime.transaction(MultisigState, change)


def lock_balance(runtime: ActorRuntime, params: LockBalanceParams) -> None:
    """Lock funds of a wallet whose funds never were; only the wallet itself may.

    Source: ``multisig_actor.go``, LockBalance.
    """
    if runtime.network_version < LOCK_BALANCE_FROM:
        runtime.abort(ExitCode.SYS_INVALID_METHOD, f"there is no method 9 before network version {LOCK_BALANCE_FROM}")
    runtime.validate_caller(runtime.receiver)
    if params.unlock_duration <= 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"unlock duration {params.unlock_duration} is not positive")

    def change(state: MultisigState) -> tuple[MultisigState, None]:
        if state.unlock_duration:
            runtime.abort(ExitCode.FORBIDDEN, "the wallet's funds vest already")
        locked = dataclasses.replace(
            state,
            initial_balance=params.amount,
            start_epoch=params.start_epoch,
            unlock_duration=params.unlock_duration,
        )
        return locked, None

    runtime.transaction(MultisigState, change)


def _without_approvals(runtime: ActorRuntime, state: MultisigState, signer: Address) -> MultisigState:
    """The wallet when a former signer's approvals count no more; a transaction that nobody else approved is gone.

    Version 0 keeps them.

    Source: v2.3.6 ``multisig_state.go``, PurgeApprovals.
    """
    if not runtime.actors_version:
        return state
    transactions = pending(runtime, state)
    found = [(key, Transaction.from_wire(wire)) for key, wire in transactions.items()]
    for key, transaction in found:
        if signer not in transaction.approved:
            continue
        approved = tuple(other for other in transaction.approved if other != signer)
        if approved:
            transactions.set(key, dataclasses.replace(transaction, approved=approved).to_wire())
        else:
            transactions.delete(key)
    return dataclasses.replace(state, pending=transactions.flush())


def _require_signer(runtime: ActorRuntime, state: MultisigState) -> None:
    if runtime.caller not in state.signers:
        runtime.abort(ExitCode.FORBIDDEN, f"{runtime.caller} is no signer")


def _find(runtime: ActorRuntime, transactions: HistoricMap, number: int) -> Transaction:
    wire = transactions.get(transaction_key(number))
    if wire is None:
        runtime.abort(ExitCode.NOT_FOUND, f"there is no pending transaction {number}")
    return Transaction.from_wire(wire)


def _require_hash(runtime: ActorRuntime, transaction: Transaction, given: bytes, code: ExitCode) -> None:
    """The hash ties an approval to one proposal, whatever a reorganisation does to its number.

    Source: ``multisig_actor.go``, getTransaction, ComputeProposalHash.
    """
    data = ProposalHashData(
        transaction.approved[0], transaction.to, transaction.value, transaction.method, transaction.params
    )
    if runtime.hash_blake2b(data.encode()) != given and given:
        runtime.abort(code, "the hash is not of the pending transaction")


def _approve(runtime: ActorRuntime, number: int, transaction: Transaction) -> Outcome:
    """Note the approval of the calling signer, and run the transaction if that is enough.

    Source: ``multisig_actor.go``, approveTransaction.
    """
    if runtime.caller in transaction.approved:
        runtime.abort(ExitCode.FORBIDDEN, f"{runtime.caller} has approved transaction {number} already")
    approved = dataclasses.replace(transaction, approved=(*transaction.approved, runtime.caller))

    def note(state: MultisigState) -> tuple[MultisigState, None]:
        transactions = pending(runtime, state)
        transactions.set(transaction_key(number), approved.to_wire())
        return dataclasses.replace(state, pending=transactions.flush()), None

    state, _ = runtime.transaction(MultisigState, note)
    return _run_if_approved(runtime, state, number, approved)


def _run_if_approved(runtime: ActorRuntime, state: MultisigState, number: int, transaction: Transaction) -> Outcome:
    """Run a transaction that has enough approvals; what fails in it is its outcome, and it is gone all the same.

    Source: ``multisig_actor.go``, executeTransactionIfApproved.
    """
    if len(transaction.approved) < state.threshold:
        return False, 0, b""
    reason = state.cannot_spend(runtime.balance(), transaction.value, runtime.epoch, runtime.actors_version)
    if reason:
        runtime.abort(ExitCode.INSUFFICIENT_FUNDS, reason)
    code, value = runtime.send(transaction.to, transaction.method, transaction.params, transaction.value)

    def remove(state: MultisigState) -> tuple[MultisigState, None]:
        transactions = pending(runtime, state)
        if not transactions.delete(transaction_key(number)):
            runtime.abort(ExitCode.ILLEGAL_STATE, f"transaction {number} is gone")
        return dataclasses.replace(state, pending=transactions.flush()), None

    runtime.transaction(MultisigState, remove)
    return True, code, value


METHODS: Methods = {
    1: method(constructor, ConstructorParams),
    2: method(propose, ProposeParams, ProposeReturn),
    3: method(approve, TransactionIdParams, ApproveReturn),
    4: method(cancel, TransactionIdParams),
    5: method(add_signer, SignerParams),
    6: method(remove_signer, SignerParams),
    7: method(swap_signer, SwapSignerParams),
    8: method(change_threshold, ChangeThresholdParams),
    9: method(lock_balance, LockBalanceParams),
}
