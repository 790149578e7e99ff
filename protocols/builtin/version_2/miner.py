"""The miner actor, version 2, as far as blocks need it: what it earns and owes, and who controls it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from protocols.builtin.codes import REWARD
from protocols.builtin.methods import Methods
from protocols.builtin.miner_state import VESTING_V1, MinerFunds, MinerInfo
from protocols.builtin.storage_miner.calls import burn, notify_pledge
from protocols.builtin.storage_miner.identity import ControlAddresses
from protocols.builtin.version_2.to_come import with_methods_to_come
from protocols.encoding.address import Address
from protocols.encoding.bitfield import Bitfield
from protocols.encoding.cid import Cid
from protocols.encoding.tuples import ChainEpoch, Record, TokenAmount, Unsigned, record
from protocols.ipld.blockstore import load
from protocols.vm.exit_codes import ExitCode, StateFault

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime

APPLY_REWARDS = 14


@record
class ApplyRewardsParams(Record):
    """What a block earned, and what its miner owes for bad messages in it."""

    reward: TokenAmount
    penalty: TokenAmount


@record
class MinerInfoV2(MinerInfo):
    """The same, with what a consensus fault and a change of owner leave behind."""

    consensus_fault_elapsed: ChainEpoch
    pending_owner_address: Address | None


@record
class MinerStateV2(MinerFunds):
    """A miner that may owe: penalties that it cannot pay are a debt."""

    fee_debt: TokenAmount
    initial_pledge: TokenAmount
    pre_committed_sectors: Cid
    pre_committed_sectors_expiry: Cid
    allocated_sectors: Cid
    sectors: Cid
    proving_period_start: ChainEpoch
    current_deadline: Unsigned
    deadlines: Cid
    early_terminations: Bitfield

    def unlocked_balance(self, balance: int) -> int:
        """What is neither vesting, deposited nor pledged; raises StateFault when that is less than nothing."""
        unlocked = balance - self.locked_funds - self.pre_commit_deposits - self.initial_pledge
        if unlocked < 0:
            raise StateFault(f"an unlocked balance of {unlocked}")
        return unlocked


def control_addresses(runtime: ActorRuntime, _data: bytes) -> bytes:
    """Tell anyone who stands behind the miner."""
    runtime.accept_any_caller()
    info = MinerInfoV2.from_wire(load(runtime, runtime.read_state(MinerStateV2).info))
    return ControlAddresses(info.owner, info.worker, info.control_addresses).encode()


def apply_rewards(runtime: ActorRuntime, data: bytes) -> bytes:
    """Lock a block's reward, and pay penalties and older debt: first from what is vesting, then from the balance."""
    params = runtime.params(ApplyRewardsParams, data)
    if params.reward < 0 or params.penalty < 0:
        runtime.abort(ExitCode.ILLEGAL_ARGUMENT, f"negative reward {params.reward} or penalty {params.penalty}")

    def take(state: MinerStateV2) -> tuple[MinerStateV2, tuple[int, int, int]]:
        runtime.validate_caller(REWARD)
        unlocked = state.unlocked_balance(runtime.balance())
        if unlocked < params.reward:
            runtime.abort(ExitCode.INSUFFICIENT_FUNDS, f"{unlocked} is unlocked, {params.reward} is to be locked")
        state, freed = state.lock(runtime, runtime.epoch, params.reward, state.proving_period_start, VESTING_V1)
        debt = state.fee_debt + params.penalty
        # what a penalty frees of the vesting funds is burnt, so it does not count as balance
        unlocked = state.unlocked_balance(runtime.balance())
        state, from_vesting, from_balance = state.penalize(runtime, runtime.epoch, debt, unlocked)
        state = dataclasses.replace(state, fee_debt=TokenAmount(debt - from_vesting - from_balance))
        return state, (params.reward - freed - from_vesting, from_vesting, from_balance)

    _state, (pledge, from_vesting, from_balance) = runtime.transaction(MinerStateV2, take)
    notify_pledge(runtime, pledge)
    burn(runtime, from_vesting + from_balance)
    return b""


METHODS: Methods = with_methods_to_come(
    "storageminer", range(1, 24), {2: control_addresses, APPLY_REWARDS: apply_rewards}
)
