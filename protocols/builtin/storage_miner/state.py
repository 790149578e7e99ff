"""The state of a miner actor: identity, locked funds, and the roots of its sectors.

`AnyMiner` is what the rules see of every version; version 2's record is in `v2/state.py`. Records are written as tuples
of their fields in order, so the order is the chain's.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

from thespis.protocols.builtin.policy import PERIOD_DEADLINES
from thespis.protocols.builtin.storage_miner.vesting import VestingFunds, VestingSchedule
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import (
    BigInteger,
    ChainEpoch,
    Exactly,
    Record,
    StateRecord,
    TokenAmount,
    Unsigned,
    record,
)
from thespis.protocols.ipld.amt import Amt, AmtVersion
from thespis.protocols.ipld.blockstore import Blockstore, load, save
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricArray


@record
class WorkerKeyChange(StateRecord):
    """A worker that takes over at an epoch, which is after finality so that elections look back on one key."""

    new_worker: Address
    effective_at: ChainEpoch


@record
class MinerInfo(StateRecord):
    """Who owns a miner, who works for it, how it seals, and how to reach it; all addresses are ids.

    Source: ``miner_state.go``, MinerInfo.
    """

    owner: Address
    worker: Address
    control_addresses: tuple[Address, ...]
    pending_worker_key: WorkerKeyChange | None
    peer_id: bytes
    multiaddrs: tuple[bytes, ...]
    seal_proof_type: int
    sector_size: Unsigned
    window_post_partition_sectors: Unsigned

    def controllers(self) -> tuple[Address, ...]:
        """Who may act for the miner: owner, worker and control addresses."""
        return (*self.control_addresses, self.owner, self.worker)


@record
class PowerPair(StateRecord):
    """Raw and quality-adjusted power in bytes.

    Source: ``partition_state.go``, PowerPair.
    """

    raw: TokenAmount
    adjusted: TokenAmount

    def __add__(self, other: PowerPair) -> PowerPair:
        return PowerPair(TokenAmount(self.raw + other.raw), TokenAmount(self.adjusted + other.adjusted))

    def __sub__(self, other: PowerPair) -> PowerPair:
        return PowerPair(TokenAmount(self.raw - other.raw), TokenAmount(self.adjusted - other.adjusted))

    def __neg__(self) -> PowerPair:
        return NO_POWER - self

    def __bool__(self) -> bool:
        return bool(self.raw or self.adjusted)

    @property
    def is_negative(self) -> bool:
        """Whether either power is less than nothing."""
        return self.raw < 0 or self.adjusted < 0


NO_POWER = PowerPair(TokenAmount(0), TokenAmount(0))


@record
class Deadline(StateRecord):
    """The sectors due at one deadline, in partitions.

    `expirations_epochs` says by epoch which partitions may have sectors that expire, `post_submissions` which were
    proven since the period began, `early_terminations` which have terminated sectors that wait to be settled.
    `live_sectors` and `faulty_power` (bytes) sum up the partitions; `total_sectors` counts dead ones, too, until they
    are compacted.

    Source: ``deadline_state.go``, Deadline.
    """

    partitions: Cid
    expirations_epochs: Cid
    post_submissions: Bitfield
    early_terminations: Bitfield
    live_sectors: Unsigned
    total_sectors: Unsigned
    faulty_power: PowerPair

    @classmethod
    def empty(cls, empty_array: Cid) -> Deadline:
        """A deadline without sectors."""
        nothing = Bitfield()
        return cls(empty_array, empty_array, nothing, nothing, Unsigned(0), Unsigned(0), NO_POWER)


@record
class Deadlines(StateRecord):
    """The roots of all deadlines of a proving period.

    Source: ``deadline_state.go``, Deadlines.
    """

    due: Annotated[tuple[Cid, ...], Exactly(PERIOD_DEADLINES)]

    def load(self, store: Blockstore, index: int) -> Deadline:
        """One deadline, loaded by its number."""
        return Deadline.from_wire(load(store, self.due[index]))

    def update(self, store: Blockstore, index: int, deadline: Deadline) -> Self:
        """The same with one deadline changed and written."""
        cid = save(store, deadline.to_wire())
        return dataclasses.replace(self, due=(*self.due[:index], cid, *self.due[index + 1 :]))


@record
class SectorOnChainInfo(StateRecord):
    """A proven sector; weights in byte-epochs, amounts in attoFIL.

    What it was expected to earn, and its pledge, are as of its activation; its fees go by them.

    Source: ``miner_state.go``, SectorOnChainInfo.
    """

    number: Unsigned
    seal_proof: int
    sealed_cid: Cid
    deal_ids: tuple[Unsigned, ...]
    activation: ChainEpoch
    expiration: ChainEpoch
    deal_weight: BigInteger
    verified_deal_weight: BigInteger
    initial_pledge: TokenAmount
    expected_day_reward: TokenAmount
    expected_storage_pledge: TokenAmount


@record
class SectorPreCommitInfo(Record):
    """What a miner commits to before it proves a sector; `seal_rand_epoch` is that of the ticket it sealed with.

    Source: ``miner_state.go``, SectorPreCommitInfo.
    """

    seal_proof: int
    sector_number: Unsigned
    sealed_cid: Cid
    seal_rand_epoch: ChainEpoch
    deal_ids: tuple[Unsigned, ...]
    expiration: ChainEpoch
    replace_capacity: bool
    replace_sector_deadline: Unsigned
    replace_sector_partition: Unsigned
    replace_sector_number: Unsigned


@record
class SectorPreCommitOnChainInfo(StateRecord):
    """A commitment as the chain keeps it, with its deposit in attoFIL and the deals' weights in byte-epochs.

    Source: ``miner_state.go``, SectorPreCommitOnChainInfo.
    """

    info: SectorPreCommitInfo
    pre_commit_deposit: TokenAmount
    pre_commit_epoch: ChainEpoch
    deal_weight: BigInteger
    verified_deal_weight: BigInteger


@record
class MinerFunds(StateRecord):
    """What the records of all versions begin with; amounts in attoFIL."""

    info: Cid
    pre_commit_deposits: TokenAmount
    locked_funds: TokenAmount
    vesting_funds: Cid

    def unlock_vested(self, store: Blockstore, epoch: int) -> tuple[Self, int]:
        """Free what has vested before an epoch; returns how much.

        Source: ``miner_state.go``, UnlockVestedFunds.
        """
        table, freed = VestingFunds.load(store, self.vesting_funds).unlock(epoch)
        root = table.save(store)
        return dataclasses.replace(self, vesting_funds=root, locked_funds=TokenAmount(self.locked_funds - freed)), freed

    def penalize(self, store: Blockstore, epoch: int, target: int, unlocked: int) -> tuple[Self, int, int]:
        """Take a penalty from what is vesting and then from an unlocked balance; returns how much of each.

        What is vesting goes first, the soonest of it: a miner should not lose what it needs to go on. The part that
        neither covers is forgiven in version 0.

        Source: v0.9.15 ``miner_state.go``, PenalizeFundsInPriorityOrder, UnlockUnvestedFunds.
        """
        table, taken = VestingFunds.load(store, self.vesting_funds).unlock_unvested(epoch, target)
        root = table.save(store)
        changed = dataclasses.replace(self, vesting_funds=root, locked_funds=TokenAmount(self.locked_funds - taken))
        return changed, taken, 0 if taken == target else min(unlocked, target - taken)

    def lock(
        self, store: Blockstore, epoch: int, amount: int, offset: int, schedule: VestingSchedule
    ) -> tuple[Self, int]:
        """Lock an amount that vests by a schedule on `offset`'s grid; returns how much of older ones became free.

        Source: ``miner_state.go``, AddLockedFunds.
        """
        table, freed = VestingFunds.load(store, self.vesting_funds).unlock(epoch)
        table = table.lock(epoch, amount, offset, schedule)
        locked = TokenAmount(self.locked_funds - freed + amount)
        return dataclasses.replace(self, vesting_funds=table.save(store), locked_funds=locked), freed


class AnyMiner(MinerFunds):
    """What the rules need of a miner; each version's record lists the fields in its own order.

    Source: ``miner_state.go``, State.
    """

    __slots__ = ()
    INFO: ClassVar[type[MinerInfo]] = MinerInfo
    SECTOR: ClassVar[type[SectorOnChainInfo]] = SectorOnChainInfo
    DEADLINES: ClassVar[type[Deadlines]] = Deadlines
    NOTHING_PLEDGED: ClassVar[dict[str, Any]]
    """The fields of pledges and debts, as a new miner has them."""
    if TYPE_CHECKING:
        pre_committed_sectors: Cid
        pre_committed_sectors_expiry: Cid
        allocated_sectors: Cid
        sectors: Cid
        proving_period_start: ChainEpoch
        current_deadline: Unsigned
        deadlines: Cid
        early_terminations: Bitfield

    @classmethod
    def initial(
        cls,
        store: Blockstore,
        info: MinerInfo,
        period_start: int,
        sectors: Sequence[SectorOnChainInfo] = (),
        current: int = 0,
    ) -> Self:
        """A miner at a deadline of its period, with sectors that need no deal and are in no deadline.

        Source: ``miner_state.go``, ConstructState.
        """
        listed = Amt(store, version=AmtVersion.V0)
        for sector in sectors:
            listed.set(sector.number, sector.to_wire())
        empty_map = Hamt(store, version=HamtVersion.V0).flush()
        empty_array = Amt(store, version=AmtVersion.V0).flush()
        deadline = Deadline.empty(empty_array)
        deadline_root = save(store, deadline.to_wire())
        fields: dict[str, Any] = {
            "info": save(store, info.to_wire()),
            "pre_commit_deposits": TokenAmount(0),
            "locked_funds": TokenAmount(0),
            "vesting_funds": VestingFunds(()).save(store),
            "pre_committed_sectors": empty_map,
            "pre_committed_sectors_expiry": empty_array,
            "allocated_sectors": save(store, Bitfield.of(int(sector.number) for sector in sectors).encode()),
            "sectors": listed.flush() if sectors else empty_array,
            "proving_period_start": ChainEpoch(period_start),
            "current_deadline": Unsigned(current),
            "deadlines": save(store, Deadlines((deadline_root,) * PERIOD_DEADLINES).to_wire()),
            "early_terminations": Bitfield(),
        }
        return cls(**fields, **cls.NOTHING_PLEDGED)

    @property
    def pledge(self) -> int:
        """The sum of the sectors' pledges in attoFIL."""
        raise NotImplementedError

    def with_pledge(self, total: int) -> Self:
        """The same miner with another sum of pledges."""
        raise NotImplementedError

    def unlocked_balance(self, balance: int) -> int:
        """What of a balance is not locked, which may be less than nothing."""
        raise NotImplementedError

    def available_balance(self, balance: int) -> int:
        """What of a balance is free to be used, which may be less than nothing."""
        raise NotImplementedError

    def load_info(self, store: Blockstore) -> MinerInfo:
        """Owner, worker, and how the miner seals and is reached.

        Source: ``miner_state.go``, GetInfo.
        """
        return self.INFO.from_wire(load(store, self.info))

    def load_sectors(self, store: Blockstore) -> list[SectorOnChainInfo]:
        """The proven sectors, by number, also those that expired or were terminated and are not compacted yet."""
        return [self.SECTOR.from_wire(wire) for _number, wire in HistoricArray(store, self.sectors).items()]

    def with_info(self, store: Blockstore, info: MinerInfo) -> Self:
        """The same miner with another identity, which is written."""
        return dataclasses.replace(self, info=save(store, info.to_wire()))

    def load_deadlines(self, store: Blockstore) -> Deadlines:
        """The roots of all deadlines."""
        return self.DEADLINES.from_wire(load(store, self.deadlines))

    def with_deadlines(self, store: Blockstore, deadlines: Deadlines) -> Self:
        """The same miner with other deadlines, which are written."""
        return self.with_(deadlines=save(store, deadlines.to_wire()))


@record
class MinerState(AnyMiner):
    """Version 0 of a miner; amounts in attoFIL."""

    initial_pledge_requirement: TokenAmount
    pre_committed_sectors: Cid
    pre_committed_sectors_expiry: Cid
    allocated_sectors: Cid
    sectors: Cid
    proving_period_start: ChainEpoch
    current_deadline: Unsigned
    deadlines: Cid
    early_terminations: Bitfield

    NOTHING_PLEDGED: ClassVar[dict[str, Any]] = {"initial_pledge_requirement": TokenAmount(0)}

    @property
    def pledge(self) -> int:
        """The sum of the sectors' pledges in attoFIL; it is part of the unlocked balance."""
        return self.initial_pledge_requirement

    def with_pledge(self, total: int) -> MinerState:
        """The same miner with another sum of pledges."""
        return dataclasses.replace(self, initial_pledge_requirement=TokenAmount(total))

    def unlocked_balance(self, balance: int) -> int:
        """What is neither vesting nor deposited."""
        return balance - self.locked_funds - self.pre_commit_deposits

    def available_balance(self, balance: int) -> int:
        """What is unlocked and not pledged."""
        return self.unlocked_balance(balance) - self.initial_pledge_requirement


Miner = TypeVar("Miner", bound=AnyMiner)
"""A miner of some version."""
