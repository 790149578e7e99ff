"""How a miner's rewards become free: a schedule, and the table of what is free when.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from thespis.protocols.builtin.policy import EPOCHS_IN_DAY, EPOCHS_IN_HOUR
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import CborError
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.remembered import Remembered

TABLES_REMEMBERED_BYTES = 16 << 20
"""Decoded tables that a process remembers, some three hundred full ones: those of the miners that win now."""
_ROW_BYTES, _TABLE_BYTES = 192, 512
"""What a row of a remembered table takes, decoded and in its block, and what the table takes beyond its rows."""
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


_NOT_NEGATIVE = {b"", b"\x00"}


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
            head = _AMOUNT_HEADS[size] if size < len(_AMOUNT_HEADS) else cbor.encode(bytes(size + 1))[:-size]
            rows.append(_row_head(epoch) + head + amount.to_bytes(size, "big"))
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
