"""Reward, power, cron and a miner's money, on the state of a small genesis."""

import dataclasses

import pytest
from thespis.protocols.builtin.codes import BURNT_FUNDS, CRON, POWER, REWARD, SYSTEM
from thespis.protocols.builtin.methods import BIG_INTEGER
from thespis.protocols.builtin.power.methods import CurrentTotalPower
from thespis.protocols.builtin.power.state import CONSENSUS_POWER_MIN, CronEvent, PowerState, epoch_key
from thespis.protocols.builtin.reward.methods import AwardBlockRewardParams, ThisEpochRewardV0
from thespis.protocols.builtin.reward.state import RewardState, epoch_reward
from thespis.protocols.builtin.smoothing import FilterEstimate
from thespis.protocols.builtin.storage_miner.balance import WithdrawBalanceParams
from thespis.protocols.builtin.storage_miner.calls import CronEventPayload
from thespis.protocols.builtin.storage_miner.identity import (
    ChangePeerIdParams,
    ChangeWorkerAddressParams,
    ControlAddresses,
)
from thespis.protocols.builtin.storage_miner.state import MinerState
from thespis.protocols.chain.message import Message
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.networks.genesis import build_genesis
from thespis.protocols.vm.exit_codes import ActorPanic, ExitCode, StateFault
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree

from tests.actors.chain.builder import USERS, VERSION_0, WORKERS, template
from tests.vectors import load

MINER = Address.id(1000)


class World:
    def __init__(self, epoch=1):
        self.store = MemoryBlockstore()
        genesis = build_genesis(self.store, template(**VERSION_0))
        self.state = StateTree(self.store, genesis.header.parent_state_root)
        self.machine = Machine(self.state, 3, 100, epoch)

    def implicit(self, to, method, params=b""):
        return self.machine.apply_implicit(to, method, params, 1)

    def call(self, sender, to, method, params=b"", value=0):
        nonce = self.state.get(sender).nonce
        message = Message(
            0, to, sender, Unsigned(nonce), TokenAmount(value), 100_000_000, TokenAmount(200), TokenAmount(0),
            Unsigned(method), params,
        )  # fmt: skip
        return self.machine.apply(message, 200)

    def read(self, address, kind):
        return kind.decode(self.store.get(self.state.get(address).head))

    def total(self):
        self.state.flush()
        return sum(actor.balance for _, actor in self.state.actors())


@pytest.mark.behaviour(106)
def test_a_block_is_paid_and_the_money_vests():
    world = World()
    before = world.total()
    world.state.change(REWARD, balance=TokenAmount(world.state.get(REWARD).balance))
    reward = world.read(REWARD, RewardState).this_epoch_reward
    applied = world.implicit(REWARD, 2, AwardBlockRewardParams(MINER, TokenAmount(7), TokenAmount(100), 2).encode())
    assert applied.receipt.exit_code == 0
    paid = reward * 2 // 5 + 100 - 7
    assert world.state.get(MINER).balance == paid
    assert world.state.get(BURNT_FUNDS).balance == 7
    state = world.read(MINER, MinerState)
    assert state.locked_funds == paid
    assert world.read(POWER, PowerState).total_pledge_collateral == paid
    assert world.total() == before, "nothing is made or lost"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (AwardBlockRewardParams(MINER, TokenAmount(-1), TokenAmount(0), 1), ExitCode.ILLEGAL_ARGUMENT),
        (AwardBlockRewardParams(MINER, TokenAmount(0), TokenAmount(-1), 1), ExitCode.ILLEGAL_ARGUMENT),
        (AwardBlockRewardParams(MINER, TokenAmount(0), TokenAmount(0), 0), ExitCode.ILLEGAL_ARGUMENT),
        (AwardBlockRewardParams(MINER, TokenAmount(0), TokenAmount(10**30), 1), ExitCode.ILLEGAL_STATE),
        (AwardBlockRewardParams(USERS[3], TokenAmount(0), TokenAmount(0), 1), ExitCode.OK),
    ],
)
def test_awards_that_make_no_sense(params, code):
    assert World().implicit(REWARD, 2, params.encode()).receipt.exit_code == code


def test_a_reward_that_nobody_can_take_is_burnt():
    world = World()
    world.implicit(REWARD, 2, AwardBlockRewardParams(POWER, TokenAmount(0), TokenAmount(0), 5).encode())
    assert world.state.get(BURNT_FUNDS).balance > 0


def test_only_the_system_awards_and_only_cron_ticks():
    world = World()
    params = AwardBlockRewardParams(MINER, TokenAmount(0), TokenAmount(0), 1).encode()
    assert world.call(USERS[0], REWARD, 2, params).receipt.exit_code == ExitCode.SYS_FORBIDDEN
    assert world.call(USERS[0], CRON, 2).receipt.exit_code == ExitCode.SYS_FORBIDDEN
    assert world.call(USERS[0], POWER, 5).receipt.exit_code == ExitCode.SYS_FORBIDDEN
    assert world.call(USERS[0], MINER, 12, CronEventPayload(0).encode()).receipt.exit_code == ExitCode.SYS_FORBIDDEN


@pytest.mark.behaviour(115)
def test_the_tick_freezes_power_and_moves_the_reward():
    world = World()
    before = world.read(REWARD, RewardState)
    assert world.implicit(CRON, 2).receipt.exit_code == 0
    after = world.read(REWARD, RewardState)
    assert after.epoch == 2
    assert after.this_epoch_reward != before.this_epoch_reward
    told = CurrentTotalPower.decode(world.call(USERS[0], POWER, 9).receipt.return_value)
    assert told.quality_adjusted_power == 3 * 2048
    assert (
        ThisEpochRewardV0.decode(world.call(USERS[0], REWARD, 3).receipt.return_value).reward == after.this_epoch_reward
    )


def test_rewards_match_the_published_curve():
    cases = load("block_reward.json")["cases"]
    assert len(cases) == 527
    for case in cases:
        if case["kind"] == "simple":
            assert epoch_reward(case["epoch"], 0, 0) == int(case["reward_atto"])
        else:
            thetas = int(case["prev_theta_q128"]), int(case["theta_q128"])
            assert epoch_reward(0, *thetas) - epoch_reward(0, 0, 0) == int(case["reward_minus_simple0_atto"])


def test_the_reward_starts_with_the_simple_part():
    state = RewardState.initial(0)
    assert state.epoch == 0
    assert 36 * 10**18 < state.this_epoch_reward < 37 * 10**18, "36.27 FIL: the simple part alone at the start"
    full = RewardState.initial(1 << 60)
    assert full.this_epoch_reward > state.this_epoch_reward


def test_missed_epochs_are_caught_up():
    state = RewardState.initial(1 << 50)
    stepwise = state
    for epoch in range(1, 6):
        stepwise = stepwise.after(epoch, 1 << 50, 3)
    at_once = state.after(5, 1 << 50, 3)
    assert at_once.epoch == stepwise.epoch == 6
    assert at_once.cumsum_realized == stepwise.cumsum_realized


# -- miners --------------------------------------------------------------------------------------------------


@pytest.mark.behaviour(132)
def test_anyone_may_ask_who_controls_a_miner():
    told = ControlAddresses.decode(World().call(USERS[0], MINER, 2).receipt.return_value)
    assert told.owner == told.worker == Address.id(100)


@pytest.mark.behaviour(133)
def test_only_controllers_change_the_peer_id():
    world = World()
    params = ChangePeerIdParams(b"peer").encode()
    assert world.call(USERS[0], MINER, 4, params).receipt.exit_code == ExitCode.SYS_FORBIDDEN
    assert world.call(WORKERS[0], MINER, 4, params).receipt.exit_code == 0
    assert world.read(MINER, MinerState).load_info(world.store).peer_id == b"peer"


def test_a_new_worker_takes_over_after_finality():
    world = World(epoch=10)
    params = ChangeWorkerAddressParams(WORKERS[1], (USERS[0],)).encode()
    assert world.call(WORKERS[0], MINER, 3, params).receipt.exit_code == 0
    info = world.read(MINER, MinerState).load_info(world.store)
    assert info.worker == Address.id(100)
    assert info.pending_worker_key.effective_at == 910
    later = Machine(world.state, 3, 100, 910)
    assert later.apply_implicit(CRON, 2, b"", 1).receipt.exit_code == 0
    info = world.read(MINER, MinerState).load_info(world.store)
    assert (info.worker, info.pending_worker_key) == (Address.id(101), None)


def test_a_worker_needs_a_bls_key():
    params = ChangeWorkerAddressParams(USERS[0], ()).encode()
    assert World().call(WORKERS[0], MINER, 3, params).receipt.exit_code == ExitCode.ILLEGAL_ARGUMENT


def test_the_owner_withdraws_what_is_free():
    world = World()
    world.state.change(MINER, balance=TokenAmount(500))
    params = WithdrawBalanceParams(TokenAmount(10**20)).encode()
    assert world.call(USERS[0], MINER, 16, params).receipt.exit_code == ExitCode.SYS_FORBIDDEN
    assert world.call(WORKERS[0], MINER, 16, params).receipt.exit_code == 0
    assert world.state.get(MINER).balance == 0
    negative = WithdrawBalanceParams(TokenAmount(-1)).encode()
    assert world.call(WORKERS[0], MINER, 16, negative).receipt.exit_code == ExitCode.ILLEGAL_ARGUMENT


def test_locking_more_than_there_is_fails():
    params = BIG_INTEGER.encode(5)
    assert World().call(WORKERS[0], MINER, 14, params).receipt.exit_code == ExitCode.INSUFFICIENT_FUNDS
    assert World().call(WORKERS[0], MINER, 14, b"\x01").receipt.exit_code == 1


@pytest.mark.behaviour(117)
@pytest.mark.parametrize("params", [b"", b"\x80", b"\xff", b"\x81\x01"])
@pytest.mark.parametrize("method", [3, 4, 14, 16, 18])
def test_missing_or_odd_parameters_are_an_exit_code(method, params):
    assert World().call(WORKERS[0], MINER, method, params).receipt.exit_code != 0


# -- power ---------------------------------------------------------------------------------------------------


def test_claims_and_totals_move_together():
    store = MemoryBlockstore()
    power = PowerState.initial(store).with_miner(store, MINER, 3)
    power = power.add_to_claim(store, MINER, 100, 200)
    assert power.total_power() == (100, 200)
    big = power.add_to_claim(store, MINER, CONSENSUS_POWER_MIN, CONSENSUS_POWER_MIN)
    assert big.miner_above_min_power_count == 1
    assert big.total_quality_adjusted_power == CONSENSUS_POWER_MIN + 200
    back = big.add_to_claim(store, MINER, -CONSENSUS_POWER_MIN, -CONSENSUS_POWER_MIN)
    assert (back.miner_above_min_power_count, back.total_quality_adjusted_power) == (0, 0)
    with pytest.raises(ActorPanic, match="negative"):
        power.add_to_claim(store, MINER, -101, 0)
    with pytest.raises(StateFault, match="no claim"):
        power.add_to_claim(store, Address.id(7), 1, 1)
    assert power.meets_minimum(power.claim_of(store, MINER))
    assert power.claim_of(store, Address.id(7)) is None


def test_events_are_taken_once_and_late_ones_too():
    store = MemoryBlockstore()
    power = PowerState.initial(store)
    event = CronEvent(MINER, b"x")
    power = power.with_event(store, 5, event).with_event(store, 5, event)
    power, taken = power.take_events(store, 4)
    assert taken == []
    power, taken = power.take_events(store, 5)
    assert taken == [event, event]
    power = power.with_event(store, 2, event)
    assert power.first_cron_epoch == 2
    assert power.take_events(store, 6)[1] == [event]


@pytest.mark.parametrize(("epoch", "key"), [(0, "00"), (-1, "01"), (1, "02"), (64, "8001"), (-65, "8101")])
def test_epoch_keys_are_zigzag_varints(epoch, key):
    assert epoch_key(epoch).hex() == key


def test_the_filter_follows_a_constant():
    estimate = FilterEstimate.starting(0, 0)
    for _ in range(20_000):
        estimate = estimate.next(1000, 1)
    assert 900 <= estimate.value() <= 1100


def test_replacing_nothing_keeps_records_equal():
    state = RewardState.initial(5)
    assert dataclasses.replace(state) == state
    assert SYSTEM == Address.id(0)
