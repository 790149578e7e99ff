"""The state of a miner actor: identity, locked funds, and the roots of its sectors (specs-actors v0.9.15)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from protocols.builtin.policy import EPOCHS_IN_DAY, EPOCHS_IN_HOUR, MAINNET
from protocols.encoding.address import Address
from protocols.encoding.bitfield import Bitfield
from protocols.encoding.cid import Cid
from protocols.encoding.tuples import BigInteger, ChainEpoch, Record, TokenAmount, Unsigned, record
from protocols.errors import CborError
from protocols.ipld.amt import Amt, AmtVersion
from protocols.ipld.blockstore import Blockstore, load, save
from protocols.ipld.hamt import Hamt, HamtVersion


@record
class WorkerKeyChange(Record):
    """A worker that takes over at an epoch."""

    new_worker: Address
    effective_at: ChainEpoch


@record
class MinerInfo(Record):
    """Who owns a miner, who works for it, and how to reach it; all addresses are ids."""

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
        """Who may act for the miner."""
        return (*self.control_addresses, self.owner, self.worker)


@dataclass(frozen=True, slots=True)
class VestingSchedule:
    """How rewards become free; all in epochs, the step a multiple of the quantum."""

    delay: int
    period: int
    step: int
    quantum: int


VESTING_V0 = VestingSchedule(20 * EPOCHS_IN_DAY, 180 * EPOCHS_IN_DAY, EPOCHS_IN_DAY, 12 * EPOCHS_IN_HOUR)
VESTING_V1 = VestingSchedule(0, 180 * EPOCHS_IN_DAY, EPOCHS_IN_DAY, 12 * EPOCHS_IN_HOUR)
"""From network version 1 on."""


_NOT_NEGATIVE = {b"", b"\x00"}


@dataclass(frozen=True, slots=True)
class VestingFunds:
    """A table of (epoch, attoFIL), sorted by epoch.

    Every block's reward touches each of its two hundred rows, so it is read and written without a record per row.
    """

    funds: tuple[tuple[int, int], ...]

    @classmethod
    def from_wire(cls, wire: Any) -> VestingFunds:
        """The table of a decoded tuple; raises CborError for anything else."""
        try:
            [rows] = wire
            # a sign byte of zero in front changes nothing
            funds = [(epoch, int.from_bytes(amount, "big")) for epoch, amount in rows]
            signs = {amount[:1] for _, amount in rows}
        except (TypeError, ValueError) as error:
            raise CborError(f"no vesting table: {error}") from None
        if not signs <= _NOT_NEGATIVE or any(type(epoch) is not int for epoch, _ in funds):
            raise CborError("no vesting table: an epoch is no integer, or an amount is negative")
        return cls(tuple(funds))

    def to_wire(self) -> list[Any]:
        """A tuple of one array of pairs; amounts as big integers that are not negative."""
        return [
            [
                [epoch, b"\x00" + amount.to_bytes((amount.bit_length() + 7) >> 3, "big") if amount else b""]
                for epoch, amount in self.funds
            ]
        ]

    def unlock(self, epoch: int) -> tuple[VestingFunds, int]:
        """Take out what became free before `epoch`."""
        left = tuple(fund for fund in self.funds if fund[0] >= epoch)
        freed = sum(amount for _, amount in self.funds[: len(self.funds) - len(left)])
        return VestingFunds(left), freed

    def unlock_unvested(self, epoch: int, target: int) -> tuple[VestingFunds, int]:
        """Take out up to a target of what is not free yet, the earliest first; returns how much."""
        funds, taken, first, last = list(self.funds), 0, 0, -1
        for index, (due, amount) in enumerate(self.funds):
            if taken >= target:
                break
            if due < epoch:
                first = index + 1
                continue
            part = min(target - taken, amount)
            taken += part
            funds[index] = (due, amount - part)
            if part == amount:
                last = index
        left = funds if last < 0 else funds[:first] + funds[last + 1 :]
        return VestingFunds(tuple(left)), taken

    def lock(self, epoch: int, amount: int, offset: int, schedule: VestingSchedule) -> VestingFunds:
        """Spread an amount over the schedule; steps are rounded up to quanta, so that the table stays short."""
        if not amount:
            return self
        table = dict(self.funds)
        begin = epoch + schedule.delay
        # steps are whole quanta, so once the first is on the grid all are
        first = quantize_up(begin + schedule.step, schedule.quantum, offset)
        targets = [
            amount * elapsed // schedule.period for elapsed in range(first - begin, schedule.period, schedule.step)
        ]
        done, due = 0, first
        for target in (*targets, amount):
            table[due] = table.get(due, 0) + target - done
            done, due = target, due + schedule.step
        return VestingFunds(tuple(sorted(table.items())))


def quantize_up(epoch: int, unit: int, offset: int) -> int:
    """The next epoch, from `epoch` on, that is a multiple of `unit` away from `offset`."""
    return epoch + (offset - epoch) % unit


@record
class PowerPair(Record):
    """Raw and quality-adjusted power in bytes."""

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


NO_POWER = PowerPair(TokenAmount(0), TokenAmount(0))


@record
class Deadline(Record):
    """The sectors due at one deadline."""

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
class Deadlines(Record):
    """Every deadline of a proving period."""

    due: tuple[Cid, ...]

    def load(self, store: Blockstore, index: int) -> Deadline:
        """One deadline."""
        return Deadline.from_wire(load(store, self.due[index]))

    def update(self, store: Blockstore, index: int, deadline: Deadline) -> Deadlines:
        """The same with one deadline changed."""
        cid = save(store, deadline.to_wire())
        return Deadlines((*self.due[:index], cid, *self.due[index + 1 :]))


@record
class SectorOnChainInfo(Record):
    """A proven sector; weights in byte-epochs, amounts in attoFIL."""

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
    """What a miner says of a sector before it is proven."""

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
class SectorPreCommitOnChainInfo(Record):
    """The same as the chain keeps it, with the deposit in attoFIL and weights in byte-epochs."""

    info: SectorPreCommitInfo
    pre_commit_deposit: TokenAmount
    pre_commit_epoch: ChainEpoch
    deal_weight: BigInteger
    verified_deal_weight: BigInteger


@record
class MinerFunds(Record):
    """What every version of a miner begins with; amounts in attoFIL."""

    info: Cid
    pre_commit_deposits: TokenAmount
    locked_funds: TokenAmount
    vesting_funds: Cid

    def unlock_vested(self, store: Blockstore, epoch: int) -> tuple[Self, int]:
        """Free what has vested; returns how much."""
        table, freed = VestingFunds.from_wire(load(store, self.vesting_funds)).unlock(epoch)
        root = save(store, table.to_wire())
        return dataclasses.replace(self, vesting_funds=root, locked_funds=TokenAmount(self.locked_funds - freed)), freed

    def penalize(self, store: Blockstore, epoch: int, target: int, unlocked: int) -> tuple[Self, int, int]:
        """Take a penalty from what is vesting and then from the balance; returns how much of each."""
        table, taken = VestingFunds.from_wire(load(store, self.vesting_funds)).unlock_unvested(epoch, target)
        root = save(store, table.to_wire())
        changed = dataclasses.replace(self, vesting_funds=root, locked_funds=TokenAmount(self.locked_funds - taken))
        return changed, taken, 0 if taken == target else min(unlocked, target - taken)

    def lock(
        self, store: Blockstore, epoch: int, amount: int, offset: int, schedule: VestingSchedule
    ) -> tuple[Self, int]:
        """Lock an amount for vesting; returns how much of older ones became free. Steps are on `offset`'s grid."""
        table, freed = VestingFunds.from_wire(load(store, self.vesting_funds)).unlock(epoch)
        table = table.lock(epoch, amount, offset, schedule)
        locked = TokenAmount(self.locked_funds - freed + amount)
        return dataclasses.replace(self, vesting_funds=save(store, table.to_wire()), locked_funds=locked), freed


@record
class MinerState(MinerFunds):
    """Amounts in attoFIL; sectors come with their own roots."""

    initial_pledge_requirement: TokenAmount
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
        deadlines: int = MAINNET.deadlines,
    ) -> MinerState:
        """A miner, with sectors that need no deal and are in no deadline."""
        listed = Amt(store, version=AmtVersion.V0)
        for sector in sectors:
            listed.set(sector.number, sector.to_wire())
        empty_map = Hamt(store, version=HamtVersion.V0).flush()
        empty_array = Amt(store, version=AmtVersion.V0).flush()
        deadline = Deadline.empty(empty_array)
        deadline_root = save(store, deadline.to_wire())
        return cls(
            info=save(store, info.to_wire()),
            pre_commit_deposits=TokenAmount(0),
            locked_funds=TokenAmount(0),
            vesting_funds=save(store, VestingFunds(()).to_wire()),
            initial_pledge_requirement=TokenAmount(0),
            pre_committed_sectors=empty_map,
            pre_committed_sectors_expiry=empty_array,
            allocated_sectors=save(store, Bitfield.of(int(sector.number) for sector in sectors).encode()),
            sectors=listed.flush() if sectors else empty_array,
            proving_period_start=ChainEpoch(period_start),
            current_deadline=Unsigned(0),
            deadlines=save(store, Deadlines((deadline_root,) * deadlines).to_wire()),
            early_terminations=Bitfield(),
        )

    def load_info(self, store: Blockstore) -> MinerInfo:
        """The identity."""
        return MinerInfo.from_wire(load(store, self.info))

    def load_sectors(self, store: Blockstore) -> list[SectorOnChainInfo]:
        """The proven sectors, by number."""
        listed = Amt(store, self.sectors, version=AmtVersion.V0)
        return [SectorOnChainInfo.from_wire(wire) for _number, wire in listed.items()]

    def with_info(self, store: Blockstore, info: MinerInfo) -> MinerState:
        """The same miner with another identity."""
        return dataclasses.replace(self, info=save(store, info.to_wire()))

    def unlocked_balance(self, balance: int) -> int:
        """What is neither vesting nor deposited."""
        return balance - self.locked_funds - self.pre_commit_deposits

    def load_deadlines(self, store: Blockstore) -> Deadlines:
        """Every deadline's root."""
        return Deadlines.from_wire(load(store, self.deadlines))

    def with_deadlines(self, store: Blockstore, deadlines: Deadlines) -> MinerState:
        """The same miner with other deadlines."""
        return dataclasses.replace(self, deadlines=save(store, deadlines.to_wire()))
