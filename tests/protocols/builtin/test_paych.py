"""Payment channels: who may redeem a voucher, between which epochs, in which lane, and with which secret."""

import dataclasses
import hashlib

import pytest
from thespis.protocols.builtin.codes import INIT, code_of
from thespis.protocols.builtin.init.methods import ExecParams, ExecReturn
from thespis.protocols.builtin.paych.methods import (
    LANE_MAX,
    SECRET_BYTES_MAX,
    SETTLE_DELAY,
    UPDATE_AFTER_SETTLED,
    ConstructorParams,
    PaychState,
    SignedVoucher,
    UpdateParams,
)
from thespis.protocols.builtin.paych.v2.methods import UpdateParamsV2
from thespis.protocols.chain.message import Message
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.networks.genesis import build_genesis
from thespis.protocols.vm.exit_codes import ExitCode
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree

from tests.actors.chain.builder import USER_KEYS, USERS, VERSION_0, template

PAYER, PAYEE, STRANGER = USERS[0], USERS[1], USERS[2]
DEPOSIT = 10**18
UPDATE, SETTLE, COLLECT = 2, 3, 4


class Channel:
    """A channel with a deposit, on a network that begins with some version of the actors."""

    def __init__(self, version):
        self.version = version
        self.store = MemoryBlockstore()
        genesis = build_genesis(self.store, template(**(VERSION_0 if version == 0 else {})))
        self.state = StateTree(self.store, genesis.header.parent_state_root)
        self.network = genesis.profile.network_version(1)
        self.epoch = 100
        params = ExecParams(code_of("paymentchannel", version), ConstructorParams(PAYER, PAYEE).encode())
        receipt = self.send(PAYER, INIT, 2, params.encode(), DEPOSIT)
        assert receipt.exit_code == 0
        self.address = ExecReturn.decode(receipt.return_value).id_address

    def send(self, sender, to, method, params=b"", value=0):
        nonce = self.state.get(sender).nonce
        message = Message(
            0, to, sender, Unsigned(nonce), TokenAmount(value), 100_000_000, TokenAmount(0), TokenAmount(0),
            Unsigned(method), params,
        )  # fmt: skip
        return Machine(self.state, self.network, 0, self.epoch).apply(message, 1000).receipt

    def voucher(self, **changes):
        fields = {
            "channel": self.address, "time_lock_min": ChainEpoch(0), "time_lock_max": ChainEpoch(0),
            "secret_preimage": b"", "extra": None, "lane": Unsigned(1), "nonce": Unsigned(1),
            "amount": BigInteger(5), "min_settle_height": ChainEpoch(0), "merges": (), "signature": None,
        }  # fmt: skip
        voucher = SignedVoucher(**(fields | changes))
        return dataclasses.replace(
            voucher, signature=sign(SignatureType.SECP256K1, USER_KEYS[0], voucher.signing_bytes())
        )

    def redeem(self, voucher=None, secret=b"", sender=PAYEE, **changes):
        voucher = voucher or self.voucher(**changes)
        params = UpdateParamsV2(voucher, secret) if self.version else UpdateParams(voucher, secret, b"")
        return self.send(sender, self.address, UPDATE, params.encode()).exit_code

    @property
    def to_send(self):
        return PaychState.decode(self.store.get(self.state.get(self.address).head)).to_send


@pytest.fixture(params=[0, 2])
def channel(request):
    return Channel(request.param)


def test_a_voucher_is_redeemed_by_the_payee_once(channel):
    voucher = channel.voucher()
    assert channel.redeem(voucher, sender=STRANGER) == ExitCode.SYS_FORBIDDEN
    assert channel.redeem(voucher, sender=PAYER) == ExitCode.ILLEGAL_ARGUMENT, "its own signature binds nobody"
    assert channel.redeem(voucher) == ExitCode.OK
    assert channel.to_send == 5
    assert channel.redeem(voucher) == ExitCode.ILLEGAL_ARGUMENT, "the lane has its nonce"
    assert channel.redeem(nonce=Unsigned(2), amount=BigInteger(DEPOSIT + 1)) == ExitCode.ILLEGAL_ARGUMENT
    assert channel.redeem(nonce=Unsigned(2), amount=BigInteger(-1)) == ExitCode.ILLEGAL_ARGUMENT
    assert channel.redeem(nonce=Unsigned(2), amount=BigInteger(DEPOSIT)) == ExitCode.OK
    assert channel.to_send == DEPOSIT


@pytest.mark.parametrize(("epoch", "code"), [(99, 0), (100, 0), (101, ExitCode.ILLEGAL_ARGUMENT)])
def test_a_voucher_is_good_until_its_last_epoch(channel, epoch, code):
    """`time_lock_max` itself is the last: specs-actors actors/builtin/paych/paych_actor.go, UpdateChannelState."""
    channel.epoch = epoch
    assert channel.redeem(time_lock_max=ChainEpoch(100)) == code


@pytest.mark.parametrize(("epoch", "code"), [(99, ExitCode.ILLEGAL_ARGUMENT), (100, 0), (101, 0)])
def test_a_voucher_is_good_from_its_first_epoch_on(channel, epoch, code):
    channel.epoch = epoch
    assert channel.redeem(time_lock_min=ChainEpoch(100)) == code


def test_a_lock_of_zero_is_no_bound(channel):
    channel.epoch = 10**6
    assert channel.redeem() == ExitCode.OK


def test_lanes_run_to_their_bound(channel):
    """The array of lanes holds the highest, as go-amt-ipld v2.1.0 does (MaxIndex is 2^63 - 1)."""
    assert channel.redeem(lane=Unsigned(1 << 30)) == ExitCode.OK
    assert channel.redeem(lane=Unsigned((1 << 48) + 1)) == ExitCode.OK
    assert channel.redeem(lane=Unsigned(LANE_MAX)) == ExitCode.OK
    assert channel.redeem(lane=Unsigned(LANE_MAX + 1)) == ExitCode.ILLEGAL_ARGUMENT


def test_a_secret_is_the_vouchers_and_bounded_from_version_2_on(channel):
    def redeemed(nonce, secret, given):
        preimage = hashlib.blake2b(secret, digest_size=32).digest()
        return channel.redeem(nonce=Unsigned(nonce), secret_preimage=preimage, secret=given)

    longest = b"s" * SECRET_BYTES_MAX
    assert redeemed(1, longest, longest) == ExitCode.OK
    assert redeemed(2, b"s", b"t") == ExitCode.ILLEGAL_ARGUMENT
    longer = redeemed(2, longest + b"s", longest + b"s")
    assert longer == (ExitCode.ILLEGAL_ARGUMENT if channel.version else ExitCode.OK)


def test_a_channel_settles_half_a_day_later_and_is_collected_then(channel):
    assert channel.redeem() == ExitCode.OK
    assert channel.send(PAYEE, channel.address, COLLECT).exit_code == ExitCode.FORBIDDEN
    assert channel.send(STRANGER, channel.address, SETTLE).exit_code == ExitCode.SYS_FORBIDDEN
    assert channel.send(PAYER, channel.address, SETTLE).exit_code == ExitCode.OK
    assert channel.send(PAYER, channel.address, SETTLE).exit_code == ExitCode.ILLEGAL_STATE
    settled = channel.epoch + SETTLE_DELAY
    channel.epoch = settled - 1
    assert channel.send(PAYEE, channel.address, COLLECT).exit_code == ExitCode.FORBIDDEN
    assert channel.redeem(nonce=Unsigned(2), amount=BigInteger(7)) == ExitCode.OK
    channel.epoch = settled
    late = channel.redeem(nonce=Unsigned(3), amount=BigInteger(8))
    assert late == (UPDATE_AFTER_SETTLED if channel.version else ExitCode.OK)
    before = channel.state.get(PAYEE).balance
    owed = channel.to_send
    assert channel.send(PAYEE, channel.address, COLLECT).exit_code == ExitCode.OK
    assert channel.state.get(PAYEE).balance == before + owed
    assert channel.state.get(channel.address) is None
