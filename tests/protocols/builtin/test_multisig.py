"""Wallets of several signers: what is locked when, and what the versions of the actor do otherwise.

The recorded traces compare every method with the reference (`test_reference_trace.py`); here are the cases in words.
"""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.builtin.codes import INIT, code_of
from thespis.protocols.builtin.init.methods import ExecParams, ExecReturn
from thespis.protocols.builtin.multisig.methods import SIGNERS_MAX
from thespis.protocols.builtin.multisig.state import (
    ConstructorParams,
    LockBalanceParams,
    MultisigState,
    ProposeParams,
    ProposeReturn,
    SignerParams,
    SwapSignerParams,
    Transaction,
    TransactionIdParams,
    pending,
)
from thespis.protocols.builtin.multisig.v2.state import ConstructorParamsV2
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.networks.genesis import build_genesis
from thespis.protocols.vm.exit_codes import ExitCode
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree

from tests.actors.chain.builder import USERS, VERSION_0, template

PROPOSE, APPROVE, ADD, REMOVE, SWAP, LOCK = 2, 3, 5, 6, 7, 9
NOBODY = Cid.of(b"")


def vesting(initial, duration, start=0):
    return MultisigState((Address.id(100),), Unsigned(1), 0, TokenAmount(initial), start, duration, NOBODY)


@pytest.mark.parametrize(
    ("elapsed", "version_0", "version_2"),
    [(-1, 100, 100), (0, 98, 100), (1, 84, 86), (3, 56, 58), (6, 14, 15), (7, 0, 0), (1 << 62, 0, 0)],
)
def test_what_is_locked_of_a_hundred_over_seven_epochs(elapsed, version_0, version_2):
    assert vesting(100, 7).locked(elapsed, 0) == version_0
    assert vesting(100, 7).locked(elapsed, 2) == version_2


@given(st.integers(0, 10**30), st.integers(1, 10**6), st.integers(-10, 10**6))
def test_version_2_never_frees_early_and_version_0_less_than_an_atto_per_epoch_late(initial, duration, elapsed):
    state = vesting(initial, duration)
    exact = initial * (duration - min(max(elapsed, 0), duration))
    assert 0 <= state.locked(elapsed, 2) * duration - exact < duration
    assert elapsed < 0 or 0 <= exact - state.locked(elapsed, 0) * duration <= duration * duration


@pytest.mark.parametrize("version", [0, 2])
def test_a_start_before_all_time_wraps_and_locks_everything(version):
    assert vesting(100, 7, start=-(1 << 63)).locked(10, version) == 100


class Wallet:
    """A wallet whose signers are the first users, with some funds."""

    def __init__(self, version, signers=2, threshold=1, funds=100):
        store = MemoryBlockstore()
        genesis = build_genesis(store, template(**(VERSION_0 if version == 0 else {})))
        self.version, self.store = version, store
        self.state = StateTree(store, genesis.header.parent_state_root)
        self.network = genesis.profile.network_version(1)
        self.users = [self.state.resolve(user) for user in USERS]
        named = self.users[:signers] + [Address.id(5000 + number) for number in range(signers - len(self.users))]
        terms = (tuple(named), Unsigned(threshold), ChainEpoch(0))
        params = ConstructorParamsV2(*terms, ChainEpoch(0)) if version else ConstructorParams(*terms)
        self.made = self.send(USERS[0], INIT, 2, ExecParams(code_of("multisig", version), params.encode()), funds)
        if self.made.exit_code == 0:
            self.address = ExecReturn.decode(self.made.return_value).id_address

    def send(self, sender, to, method, params, value=0, epoch=10):
        return Machine(self.state, self.network, 0, epoch).call(sender, to, value, method, params.encode()).receipt

    def itself(self, method, params):
        return self.send(self.address, self.address, method, params).exit_code

    def propose(self, number, to, value=0, method=0, params=b""):
        wanted = ProposeParams(to, TokenAmount(value), Unsigned(method), params)
        return self.send(self.users[number], self.address, PROPOSE, wanted)

    def read(self):
        return MultisigState.decode(self.store.get(self.state.get(self.address).head))

    def waiting(self):
        found = (Transaction.from_wire(wire) for _, wire in pending(self.store, self.read()).items())
        return sorted((each.value, each.approved) for each in found)


@pytest.mark.parametrize(("version", "code"), [(0, ExitCode.INSUFFICIENT_FUNDS), (2, ExitCode.OK)])
def test_a_call_without_funds_passes_a_lock_that_is_over_the_balance_since_version_2(version, code):
    wallet = Wallet(version)
    assert wallet.itself(LOCK, LockBalanceParams(ChainEpoch(10), ChainEpoch(5), TokenAmount(10**6))) == 0
    assert wallet.propose(0, USERS[3]).exit_code == code
    assert wallet.propose(0, USERS[3], value=1).exit_code == ExitCode.INSUFFICIENT_FUNDS


@pytest.mark.parametrize("version", [0, 2])
def test_funds_are_locked_once_and_by_the_wallet_itself(version):
    wallet = Wallet(version)
    lock = LockBalanceParams(ChainEpoch(3), ChainEpoch(5), TokenAmount(60))
    assert wallet.send(wallet.users[0], wallet.address, LOCK, lock).exit_code == ExitCode.SYS_FORBIDDEN
    assert wallet.itself(LOCK, dataclasses.replace(lock, unlock_duration=ChainEpoch(0))) == ExitCode.ILLEGAL_ARGUMENT
    assert wallet.itself(LOCK, lock) == 0
    state = wallet.read()
    assert (state.start_epoch, state.unlock_duration, state.initial_balance) == (3, 5, 60)
    assert wallet.itself(LOCK, lock) == ExitCode.FORBIDDEN


def test_there_are_at_most_256_signers_since_version_2():
    assert Wallet(0, signers=SIGNERS_MAX + 1).made.exit_code == 0
    assert Wallet(2, signers=SIGNERS_MAX + 1).made.exit_code == ExitCode.ILLEGAL_ARGUMENT
    for version, code in ((0, 0), (2, ExitCode.FORBIDDEN)):
        wallet = Wallet(version, signers=SIGNERS_MAX)
        assert wallet.itself(ADD, SignerParams(Address.id(4000), adjust=False)) == code


@pytest.mark.parametrize(("version", "code", "threshold"), [(0, 0, 0), (2, ExitCode.ILLEGAL_ARGUMENT, 1)])
def test_a_threshold_of_one_is_not_lowered_since_version_2(version, code, threshold):
    wallet = Wallet(version)
    assert wallet.itself(REMOVE, SignerParams(wallet.users[1], adjust=True)) == code
    assert wallet.read().threshold == threshold


def test_a_threshold_of_nothing_is_lowered_to_the_highest_number_in_version_0():
    wallet = Wallet(0, signers=3)
    for number in (1, 2):
        assert wallet.itself(REMOVE, SignerParams(wallet.users[number], adjust=True)) == 0
    assert wallet.read().threshold == (1 << 64) - 1
    assert wallet.itself(ADD, SignerParams(wallet.users[1], adjust=True)) == 0
    assert wallet.read().threshold == 0


@pytest.mark.parametrize("how", [REMOVE, SWAP])
@pytest.mark.parametrize("version", [0, 2])
def test_approvals_of_who_is_no_signer_any_more_are_purged_since_version_2(version, how):
    wallet = Wallet(version, signers=3, threshold=3)
    first, second, third = wallet.users[:3]
    for number, value in ((0, 1), (1, 2)):
        ProposeReturn.decode(wallet.propose(number, USERS[3], value=value).return_value)
    wallet.send(first, wallet.address, APPROVE, TransactionIdParams(1, b""))
    assert wallet.waiting() == [(1, (first,)), (2, (second, first))]
    params = SignerParams(first, adjust=True) if how == REMOVE else SwapSignerParams(first, wallet.users[3])
    assert wallet.itself(how, params) == 0
    assert wallet.waiting() == ([(2, (second,))] if version else [(1, (first,)), (2, (second, first))])
    assert wallet.read().signers == ((second, third) if how == REMOVE else (second, third, wallet.users[3]))
