"""How a miner's rewards become free: a schedule, and the table of what is free when.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from thespis.protocols.builtin.policy import EPOCHS_IN_DAY, EPOCHS_IN_HOUR
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.bigint import encode_bigint
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ARRAY_ITEMS_MAX, ChainEpoch, StateRecord, TokenAmount, record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.remembered import Remembered

TABLES_REMEMBERED_BYTES = 16 << 20
"""Decoded tables that a process remembers, some three hundred full ones: those of the miners that win now."""
_ROW_BYTES, _TABLE_BYTES = 192, 512
"""What a row of a remembered table takes, decoded and in its block, and what the table takes beyond its rows."""
_NOT_NEGATIVE = {b"", b"\x00"}
_AMOUNT_HEADS = (b"\x40", *(bytes((0x41 + size, 0)) for size in range(1, 23)))
"""What an amount's encoding begins with, by its bytes: a byte string's head and the sign; zero has neither."""


@dataclass(frozen=True, slots=True)
class VestingSchedule:
    """How rewards become free: nothing for a delay, then in steps over a period; all in epochs, the step whole quanta.

    Source: ``policy.go``, VestSpec.
    """

    delay: int
    period: int
    step: int
    quantum: int


VESTING_V0 = VestingSchedule(20 * EPOCHS_IN_DAY, 180 * EPOCHS_IN_DAY, EPOCHS_IN_DAY, 12 * EPOCHS_IN_HOUR)
VESTING_V1 = VestingSchedule(0, 180 * EPOCHS_IN_DAY, EPOCHS_IN_DAY, 12 * EPOCHS_IN_HOUR)
"""From network version 1 on."""


@record
class VestingFund(StateRecord):
    """What becomes free at the end of an epoch.

    Source: ``vesting_state.go``, VestingFund.
    """

    epoch: ChainEpoch
    amount: TokenAmount


@record
class _Table(StateRecord):
    funds: tuple[VestingFund, ...]


def _is_usual(row: Any) -> bool:
    """Whether a row can be taken as it is: an epoch, and an amount that is not negative."""
    if type(row) is not list or len(row) != 2:  # noqa: PLR2004
        return False
    epoch, amount = row
    usual = type(epoch) is int and type(amount) is bytes and len(amount) < len(_AMOUNT_HEADS)
    return usual and 0 <= epoch < 1 << 63 and amount[:1] in _NOT_NEGATIVE


@dataclass(frozen=True, slots=True)
class VestingFunds:
    """A table of (epoch, attoFIL), sorted by epoch.

    Every block's reward touches each of its two hundred rows, so it is read and written without a record per row, and
    what was written is remembered by its bytes, for the miner's next reward begins with it. The block is asked of the
    store all the same, since that costs gas.
    """

    funds: tuple[tuple[int, int], ...]

    @classmethod
    def from_wire(cls, wire: Any) -> VestingFunds:
        """The table of a decoded tuple; raises CborError for anything else."""
        rows = wire[0] if isinstance(wire, list) and len(wire) == 1 else None
        if isinstance(rows, list) and len(rows) <= ARRAY_ITEMS_MAX and all(map(_is_usual, rows)):
            # a sign byte of zero in front changes nothing
            return cls(tuple([(epoch, int.from_bytes(amount, "big")) for epoch, amount in rows]))
        return cls(tuple([(fund.epoch, fund.amount) for fund in _Table.from_wire(wire).funds]))

    def to_wire(self) -> list[Any]:
        """A tuple of one array of pairs."""
        return [[[epoch, encode_bigint(amount)] for epoch, amount in self.funds]]

    @classmethod
    def load(cls, store: Blockstore, cid: Cid) -> VestingFunds:
        """The table in a block of a store; raises CborError when it is none."""
        block = store.get(cid)
        found = _tables.get(block)
        if found is None:
            found = cls.from_wire(cbor.decode_stored(block))
            _remember(block, found)
        return found

    def save(self, store: Blockstore) -> Cid:
        """Write the table as a block."""
        block = self.encode()
        cid = Cid.of(block)
        store.put(cid, block)
        _remember(block, self)
        return cid

    def encode(self) -> bytes:
        """The encoding of `to_wire`, put together by rows; an encoder that looks at each item is far slower."""
        rows = []
        for epoch, amount in self.funds:
            size = (amount.bit_length() + 7) >> 3
            if amount >= 0 and size < len(_AMOUNT_HEADS):
                rows.append(_row_head(epoch) + _AMOUNT_HEADS[size] + amount.to_bytes(size, "big"))
            else:
                rows.append(_row_head(epoch) + cbor.encode(encode_bigint(amount)))
        return b"\x81" + cbor.array_head(len(rows)) + b"".join(rows)

    def unlock(self, epoch: int) -> tuple[VestingFunds, int]:
        """Take out what became free before an epoch; returns how much.

        Source: ``vesting_state.go``, unlockVestedFunds.
        """
        left = [fund for fund in self.funds if fund[0] >= epoch]
        freed = sum(amount for _, amount in self.funds[: len(self.funds) - len(left)])
        return VestingFunds(tuple(left)), freed

    def unlock_unvested(self, epoch: int, target: int) -> tuple[VestingFunds, int]:
        """Take out up to a target of what is not free yet, the earliest first; returns how much.

        Rows in front that are free already, and that nobody has taken out yet, are left alone.

        Source: ``vesting_state.go``, unlockUnvestedFunds.
        """
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
        """Spread an amount over the schedule; steps are rounded up to quanta, so that the table stays short.

        Source: ``vesting_state.go``, addLockedFunds.
        """
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


_tables: Remembered[bytes, VestingFunds] = Remembered(TABLES_REMEMBERED_BYTES)


def _remember(block: bytes, table: VestingFunds) -> None:
    _tables.put(block, table, _TABLE_BYTES + _ROW_BYTES * len(table.funds))


@lru_cache(maxsize=4096)
def _row_head(epoch: int) -> bytes:
    """What a row's encoding begins with: an array of two, and the epoch."""
    return b"\x82" + cbor.encode(epoch)


def quantize_up(epoch: int, unit: int, offset: int) -> int:
    """The first epoch, from `epoch` on, that is a multiple of `unit` away from `offset`.

    Source: ``quantize.go``, quantizeUp.
    """
    return epoch + (offset - epoch) % unit
