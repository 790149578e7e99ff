"""The state of a miner, version 2: it may owe, and its pledge is no part of what is unlocked.

Sources are files of specs-actors v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

from thespis.protocols.builtin.storage_miner.state import AnyMiner, Deadline, Deadlines, MinerInfo, SectorOnChainInfo
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount, Unsigned, record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.vm.exit_codes import ExitCode, StateFault


@record
class MinerInfoV2(MinerInfo):
    """The same, with the epoch up to which a consensus fault excludes the miner, and an owner to be confirmed.

    Source: ``miner_state.go``, MinerInfo.
    """

    consensus_fault_elapsed: ChainEpoch
    pending_owner_address: Address | None

    @classmethod
    def of(cls, info: MinerInfo) -> MinerInfoV2:
        """The identity of a miner that nobody has reported, and whose owner stays."""
        fields: dict[str, Any] = {field.name: getattr(info, field.name) for field in dataclasses.fields(info)}
        return cls(**fields, consensus_fault_elapsed=ChainEpoch(-1), pending_owner_address=None)

    def excluded(self, epoch: int) -> bool:
        """Whether a reported consensus fault still keeps the miner from blocks, new sectors and recoveries.

        Source: ``miner_actor.go``, ConsensusFaultActive.
        """
        return epoch <= self.consensus_fault_elapsed


@record
class SectorOnChainInfoV2(SectorOnChainInfo):
    """The same, with the age in epochs and the daily reward in attoFIL of the sector that it took the place of.

    A miner that upgrades its sectors again and again must not lose less by terminating the last one.

    Source: ``miner_state.go``, SectorOnChainInfo.
    """

    replaced_sector_age: ChainEpoch
    replaced_day_reward: TokenAmount

    @classmethod
    def of(cls, sector: SectorOnChainInfo) -> SectorOnChainInfoV2:
        """A sector that took nobody's place."""
        fields: dict[str, Any] = {field.name: getattr(sector, field.name) for field in dataclasses.fields(sector)}
        return cls(**fields, replaced_sector_age=ChainEpoch(0), replaced_day_reward=TokenAmount(0))


class DeadlinesV2(Deadlines):
    """The same; a deadline that contradicts itself is never written."""

    __slots__ = ()

    def update(self, store: Blockstore, index: int, deadline: Deadline) -> Self:
        """The same with one deadline changed; raises StateFault for one that counts wrong.

        Source: ``deadline_state.go``, UpdateDeadline, ValidateState.
        """
        if deadline.live_sectors > deadline.total_sectors:
            raise StateFault(f"deadline {index} has {deadline.live_sectors} live of {deadline.total_sectors} sectors")
        if deadline.faulty_power.is_negative:
            raise StateFault(f"deadline {index} would have negative faulty power")
        return super().update(store, index, deadline)


@record
class MinerStateV2(AnyMiner):
    """A miner that may owe: penalties that it cannot pay are a debt.

    Source: ``miner_state.go``, State.
    """

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

    INFO: ClassVar[type[MinerInfo]] = MinerInfoV2
    SECTOR: ClassVar[type[SectorOnChainInfo]] = SectorOnChainInfoV2
    DEADLINES: ClassVar[type[Deadlines]] = DeadlinesV2
    NOTHING_PLEDGED: ClassVar[dict[str, Any]] = {"fee_debt": TokenAmount(0), "initial_pledge": TokenAmount(0)}

    @property
    def pledge(self) -> int:
        """The sum of the sectors' pledges in attoFIL."""
        return self.initial_pledge

    def with_pledge(self, total: int) -> MinerStateV2:
        """The same miner with another sum of pledges."""
        return dataclasses.replace(self, initial_pledge=TokenAmount(total))

    def load_info(self, store: Blockstore) -> MinerInfoV2:
        """Owner, worker, and how the miner seals and is reached."""
        info = AnyMiner.load_info(self, store)
        assert isinstance(info, MinerInfoV2)
        return info

    def unlock_vested(self, store: Blockstore, epoch: int) -> tuple[Self, int]:
        """Free what has vested before an epoch; returns how much. Without locked funds the table is not read.

        Source: ``miner_state.go``, UnlockVestedFunds.
        """
        return AnyMiner.unlock_vested(self, store, epoch) if self.locked_funds else (self, 0)

    def unlocked_balance(self, balance: int) -> int:
        """What is neither vesting, deposited nor pledged; raises StateFault when that is less than nothing.

        Source: ``miner_state.go``, GetUnlockedBalance.
        """
        unlocked = balance - self.locked_funds - self.pre_commit_deposits - self.initial_pledge
        if unlocked < 0:
            raise StateFault(f"an unlocked balance of {unlocked}")
        return unlocked

    def available_balance(self, balance: int) -> int:
        """What is unlocked and not owed; less than nothing where the debt is more.

        Source: ``miner_state.go``, GetAvailableBalance.
        """
        return self.unlocked_balance(balance) - self.fee_debt

    def owing(self, penalty: int) -> MinerStateV2:
        """The same miner with more debt.

        Source: ``miner_state.go``, ApplyPenalty.
        """
        if penalty < 0:
            raise StateFault(f"a penalty of {penalty}")
        return dataclasses.replace(self, fee_debt=TokenAmount(self.fee_debt + penalty))

    def repay_all(self, balance: int) -> tuple[MinerStateV2, int]:
        """Pay the whole debt from what is unlocked; returns how much that is; raises StateFault if it is too little.

        Source: ``miner_state.go``, repayDebts.
        """
        unlocked = self.unlocked_balance(balance)
        if unlocked < self.fee_debt:
            raise StateFault(f"a debt of {self.fee_debt}, {unlocked} is unlocked", ExitCode.INSUFFICIENT_FUNDS)
        return dataclasses.replace(self, fee_debt=TokenAmount(0)), self.fee_debt

    def repay(self, store: Blockstore, epoch: int, balance: int) -> tuple[MinerStateV2, int, int]:
        """Pay what can be paid of the debt, from what is vesting and then from what is unlocked; returns both.

        What is unlocked is reckoned before anything is taken from the vesting funds: that part is burnt, and is never
        unlocked.

        Source: ``miner_state.go``, RepayPartialDebtInPriorityOrder.
        """
        unlocked = self.unlocked_balance(balance)
        state, vesting = self, 0
        if self.fee_debt and self.locked_funds:
            state, vesting, _ = self.penalize(store, epoch, self.fee_debt, 0)
        from_balance = min(unlocked, self.fee_debt - vesting)
        debt = TokenAmount(self.fee_debt - vesting - from_balance)
        return dataclasses.replace(state, fee_debt=debt), vesting, from_balance

    def check_balance(self, balance: int) -> None:
        """Raise StateFault unless the miner has what it locked, deposited and pledged, and none of that is negative.

        Source: ``miner_state.go``, CheckBalanceInvariants.
        """
        parts = (self.pre_commit_deposits, self.locked_funds, self.initial_pledge)
        if min(*parts, self.fee_debt) < 0 or balance < sum(parts):
            raise StateFault(f"a balance of {balance} with {sum(parts)} locked and a debt of {self.fee_debt}")
