"""Queues of numbers by epoch: which commitments expire when, which partitions have expirations when.

Epochs are rounded up to a grid, so that the queue stays short; an entry is a bitfield.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/miner/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from thespis.protocols.builtin.storage_miner.periods import Quant
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import unpack_state
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.historic import HistoricArray

NOTHING = Bitfield()


def merged(fields: Iterable[Bitfield]) -> Bitfield:
    """The union of bitfields."""
    result = NOTHING
    for field in fields:
        result |= field
    return result


def holds_all(field: Bitfield, part: Bitfield) -> bool:
    """Whether every bit of `part` is in a field."""
    return not (part - field).runs


class BitfieldQueue(HistoricArray):
    """Bitfields by epoch, on a grid of epochs.

    Source: ``bitfield_queue.go``.
    """

    def __init__(self, store: Blockstore, root: Cid, quant: Quant) -> None:
        super().__init__(store, root)
        self._quant = quant

    def add(self, epoch: int, numbers: Bitfield) -> None:
        """Add numbers to an epoch, rounded up to the grid."""
        if numbers.runs:
            at = self._quant.up(epoch)
            wire = self.get(at)
            self.set(at, ((NOTHING if wire is None else unpack_state(Bitfield, wire)) | numbers).encode())

    def add_many(self, numbers: Mapping[int, Sequence[int]]) -> None:
        """Add numbers to epochs, in the order of the grid.

        An epoch of the grid that several map to is written once for each, with all their numbers each time: the
        reference does so, and writes are paid for with gas.

        Source: ``bitfield_queue.go``, AddManyToQueueValues.
        """
        by_epoch: dict[int, list[int]] = {}
        for epoch, entries in numbers.items():
            by_epoch.setdefault(self._quant.up(epoch), []).extend(entries)
        for epoch in sorted(self._quant.up(epoch) for epoch in numbers):
            self.add(epoch, Bitfield.of(by_epoch[epoch]))

    def entries(self) -> Iterator[tuple[int, Bitfield]]:
        """Every epoch of the queue with its numbers, the earliest first."""
        for epoch, wire in self.items():
            yield epoch, unpack_state(Bitfield, wire)

    def pop_until(self, until: int) -> tuple[Bitfield, bool]:
        """Take out all entries up to an epoch; returns their union, and whether there were any.

        Source: ``bitfield_queue.go``, PopUntil.
        """
        popped: list[tuple[int, Bitfield]] = []
        for epoch, numbers in self.entries():
            if epoch > until:
                break
            popped.append((epoch, numbers))
        for epoch, _numbers in popped:
            self.delete(epoch)
        return merged(numbers for _epoch, numbers in popped), bool(popped)

    def cut(self, numbers: Bitfield) -> None:
        """Take numbers out of every epoch, and close the gaps that they leave: numbers above them move down.

        That is for partitions, which are numbered without gaps.

        Source: ``bitfield_queue.go``, Cut.
        """
        emptied = []
        for epoch, field in self.entries():
            left = cut_bits(field, numbers)
            if left.runs:
                self.set(epoch, left.encode())
            else:
                emptied.append(epoch)
        for epoch in emptied:
            self.delete(epoch)


def cut_bits(field: Bitfield, removed: Bitfield) -> Bitfield:
    """A field less bits that are removed, each bit above them moved down by as many."""
    gone = sorted(removed)
    kept = sorted(field - removed)
    position, moved = 0, []
    for bit in kept:
        while position < len(gone) and gone[position] < bit:
            position += 1
        moved.append(bit - position)
    return Bitfield.of(moved)
