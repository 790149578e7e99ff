"""The payment channel actor: one pays in at the start, the other redeems signed vouchers.

A channel has lanes, each with a nonce and what was redeemed of it; a voucher may merge lanes into its own. Either side
settles the channel, and half a day later it is collected and gone. So two parties can make any number of payments by
two messages on chain: the vouchers are handed over off it, and only the last of each lane is redeemed.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/paych/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from thespis.protocols.builtin.methods import Methods, method
from thespis.protocols.builtin.policy import EPOCHS_IN_HOUR
from thespis.protocols.crypto.signature import Signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Record, StateRecord, TokenAmount, Unsigned, record
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.exit_codes import ExitCode

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime

SETTLE_DELAY = 12 * EPOCHS_IN_HOUR
LANE_MAX = (1 << 63) - 1
SECRET_BYTES_MAX = 256
UPDATE_AFTER_SETTLED = 32
"""The first exit code that is an actor's own."""


@record
class PaychState(StateRecord):
    """Who pays whom how much (attoFIL), and when that ends; epoch 0 for a channel that is not settling.

    Source: ``paych_state.go``, State.
    """

    sender: Address
    recipient: Address
    to_send: TokenAmount
    settling_at: ChainEpoch
    min_settle_height: ChainEpoch
    lane_states: Cid


@record
class LaneState(StateRecord):
    """What was redeemed of a lane, and the nonce of its last voucher."""

    redeemed: BigInteger
    nonce: Unsigned


@record
class ConstructorParams(Record):
    """Who pays, and who is paid."""

    sender: Address
    recipient: Address


@record
class ModVerifyParams(Record):
    """A call that must succeed before a voucher is redeemed."""

    actor: Address
    method: Unsigned
    data: bytes


@record
class PaymentVerifyParams(Record):
    """What that call is given in version 0."""

    extra: bytes
    proof: bytes


@record
class Merge(Record):
    """A lane to merge, and its new nonce."""

    lane: Unsigned
    nonce: Unsigned


@record
class SignedVoucher(Record):
    """A promise of the other side, redeemable between two epochs, either 0 for no bound."""

    channel: Address
    time_lock_min: ChainEpoch
    time_lock_max: ChainEpoch
    secret_preimage: bytes
    extra: ModVerifyParams | None
    lane: Unsigned
    nonce: Unsigned
    amount: BigInteger
    min_settle_height: ChainEpoch
    merges: tuple[Merge, ...]
    signature: Signature | None

    def signing_bytes(self) -> bytes:
        """What is signed: the voucher without its signature."""
        return dataclasses.replace(self, signature=None).encode()


@record
class UpdateParams(Record):
    """A voucher and what it takes to redeem it (version 0)."""

    voucher: SignedVoucher
    secret: bytes
    proof: bytes


def constructor(runtime: ActorRuntime, params: ConstructorParams) -> None:
    """Open a channel between two accounts; what the message carries is paid in.

    Source: ``paych_actor.go``, Constructor.
    """
    runtime.validate_caller_kind("init")
    recipient = _account(runtime, params.recipient)
    sender = _account(runtime, params.sender)
    nothing = HistoricArray(runtime).flush()
    runtime.create_state(PaychState(sender, recipient, TokenAmount(0), ChainEpoch(0), ChainEpoch(0), nothing))


def _account(runtime: ActorRuntime, address: Address) -> Address:
    """The id of an account; aborts for anything else.

    Source: ``paych_actor.go``, resolveAccount.
    """
    newer = runtime.actors_version > 0
    found = runtime.resolve_or_create(address, ExitCode.ILLEGAL_STATE) if newer else runtime.resolve(address)
    if found is None:
        runtime.abort(ExitCode.NOT_FOUND, f"there is no actor at {address}")
    kind = runtime.code_name(found)
    if kind == "" and newer:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"there is no actor at {found}")
    if kind != "account":
        runtime.abort(ExitCode.FORBIDDEN, f"{address} is no account")
    return found


def update_channel_state(runtime: ActorRuntime, params: UpdateParams) -> None:
    """Redeem a voucher of the other side (version 0).

    Source: v0.9.15 ``paych_actor.go``, UpdateChannelState.
    """
    redeem(runtime, params.voucher, params.secret, params.proof)


def redeem(runtime: ActorRuntime, voucher: SignedVoucher, secret: bytes, proof: bytes | None) -> None:
    """Redeem a voucher that the other side signed: its lane's sum becomes the voucher's, other lanes merged into it.

    `proof` is handed to the call that a voucher of version 0 may ask for; None in version 2, where it has no proof.

    Source: ``paych_actor.go``, UpdateChannelState.
    """
    state = runtime.read_state(PaychState)
    runtime.validate_caller(state.sender, state.recipient)
    signer = state.recipient if runtime.caller == state.sender else state.sender
    if voucher.signature is None:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the voucher has no signature")
    if proof is None:
        if state.settling_at and runtime.epoch >= state.settling_at:
            runtime.abort(UPDATE_AFTER_SETTLED, "the channel is settled")
        if len(secret) > SECRET_BYTES_MAX:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"a secret of {len(secret)} bytes; it has {SECRET_BYTES_MAX}")
    with runtime.failing_as(ExitCode.ILLEGAL_ARGUMENT):
        runtime.syscalls.verify_signature(voucher.signature, signer, voucher.signing_bytes())
    channel = voucher.channel if proof is not None else runtime.resolve(voucher.channel)
    if channel != runtime.receiver:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the voucher is for {voucher.channel}")
    if runtime.epoch < voucher.time_lock_min:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the voucher is good from epoch {voucher.time_lock_min} on")
    if voucher.time_lock_max and runtime.epoch > voucher.time_lock_max:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the voucher was good until epoch {voucher.time_lock_max}")
    if voucher.amount < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"the voucher's amount {voucher.amount} is negative")
    if voucher.secret_preimage and runtime.hash_blake2b(secret) != voucher.secret_preimage:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the secret is not the voucher's")
    if voucher.extra is not None:
        extra = voucher.extra
        sent = extra.data if proof is None else PaymentVerifyParams(extra.data, proof).encode()
        code, _ = runtime.send(extra.actor, extra.method, sent, 0)
        runtime.require_success(code, "the voucher's condition does not hold")
    runtime.transaction(PaychState, lambda now: (_applied(runtime, now, voucher), None))


def _applied(runtime: ActorRuntime, state: PaychState, voucher: SignedVoucher) -> PaychState:
    """The channel after a voucher: what it adds is its amount less all that its lanes have paid.

    Nonces keep an older voucher of a lane from being redeemed after a newer one.

    Source: ``paych_actor.go``, UpdateChannelState.
    """
    lanes = HistoricArray(runtime, state.lane_states)
    own = _lane(runtime, lanes, voucher.lane)
    if own is not None and own.nonce >= voucher.nonce:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"nonce {voucher.nonce}; the lane is at {own.nonce}")
    redeemed = own.redeemed if own else 0
    for merge in voucher.merges:
        if merge.lane == voucher.lane:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "a voucher cannot merge its own lane")
        other = _lane(runtime, lanes, merge.lane)
        if other is None:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"there is no lane {merge.lane} to merge")
        if other.nonce >= merge.nonce:
            runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"nonce {merge.nonce}; lane {merge.lane} is at {other.nonce}")
        redeemed += other.redeemed
        lanes.set(merge.lane, LaneState(other.redeemed, merge.nonce).to_wire())
    to_send = state.to_send + voucher.amount - redeemed
    if to_send < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the voucher would leave a negative balance")
    if to_send > runtime.balance():
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, "the channel does not cover the voucher")
    settling_at, least = state.settling_at, voucher.min_settle_height
    if least and settling_at and settling_at < least:
        settling_at = least
    lanes.set(voucher.lane, LaneState(voucher.amount, voucher.nonce).to_wire())
    return dataclasses.replace(
        state,
        to_send=TokenAmount(to_send),
        settling_at=settling_at,
        min_settle_height=ChainEpoch(max(state.min_settle_height, least)) if least else state.min_settle_height,
        lane_states=lanes.flush(),
    )


def _lane(runtime: ActorRuntime, lanes: HistoricArray, number: int) -> LaneState | None:
    """What is redeemed of a lane, or None for a new one; aborts for a number that no lane has.

    Source: ``paych_actor.go``, findLane.
    """
    if number > LANE_MAX:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"lane {number}; lanes run to {LANE_MAX}")
    wire = lanes.get(number)
    return None if wire is None else LaneState.from_wire(wire)


def settle(runtime: ActorRuntime) -> None:
    """Let the channel end, half a day from now or when a voucher asked for; either side may.

    Until then the payee can redeem what it holds.

    Source: ``paych_actor.go``, Settle.
    """

    def begin(state: PaychState) -> tuple[PaychState, None]:
        runtime.validate_caller(state.sender, state.recipient)
        if state.settling_at:
            runtime.abort(ExitCode.ILLEGAL_STATE, "the channel is settling already")
        at = max(runtime.epoch + SETTLE_DELAY, state.min_settle_height)
        return dataclasses.replace(state, settling_at=ChainEpoch(at)), None

    runtime.transaction(PaychState, begin)


def collect(runtime: ActorRuntime) -> None:
    """Pay out what was redeemed, give back the rest, and end the channel; either side may.

    Source: ``paych_actor.go``, Collect.
    """
    state = runtime.read_state(PaychState)
    runtime.validate_caller(state.sender, state.recipient)
    if not state.settling_at or runtime.epoch < state.settling_at:
        runtime.abort(ExitCode.FORBIDDEN, "the channel is not settled yet")
    code, _ = runtime.send(state.recipient, 0, b"", state.to_send)
    runtime.require_success(code, "the recipient could not be paid")
    runtime.delete_actor(state.sender)


METHODS: Methods = {
    1: method(constructor, ConstructorParams),
    2: method(update_channel_state, UpdateParams),
    3: method(settle),
    4: method(collect),
}
