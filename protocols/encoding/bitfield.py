"""RLE+ bitfields: sets of sector numbers, packed as run lengths, least significant bit first.

======  =============================================
bits    meaning
======  =============================================
00      version, two bits
x       value of the first run
1       a run of one
01 bbbb a run below 16, four bits
00 ...  a run as LEB128
======  =============================================

Runs alternate; the encoding is minimal, so a set has one (go-bitfield ``rle``; reference: formats, section 3). The
reference reads others as well: `Bitfield.read`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from thespis.protocols.encoding.varint import encode_varint
from thespis.protocols.errors import BitfieldError, BrokenBitfieldError, EncodeError

ENCODED_BYTES_MAX = 32 << 10
"""Largest encoding: go-bitfield's MaxEncodedSize."""
BIT_LIMIT = 1 << 64
"""Bits are numbered by 64-bit integers."""
ITERATED_MAX = 1 << 22
"""Bits that are gone through one by one: well over what the reference lets any message or state name at once."""
_SHORT_RUN_LIMIT = 16
_VARINT_BYTES_MAX = 10

_LENGTH_MAX = BIT_LIMIT - 1
"""All runs together: the reference counts their length in 64 bits, so it has no set with the highest bit."""

Run = tuple[int, int]


class Bitfield:
    """A set of non-negative integers as sorted, disjoint, non-adjacent runs of (start, end)."""

    __slots__ = ("runs",)

    def __init__(self, runs: tuple[Run, ...] = ()) -> None:
        """Wrap runs that are sorted and disjoint; use `of` for loose integers."""
        self.runs = runs

    @classmethod
    def of(cls, bits: Iterable[int]) -> Bitfield:
        """The set of these integers."""
        runs: list[Run] = []
        for bit in sorted(set(bits)):
            if not 0 <= bit < _LENGTH_MAX:
                raise EncodeError(f"bit {bit}; bits run from 0 to 2^64 - 2")
            if runs and runs[-1][1] == bit:
                runs[-1] = (runs[-1][0], bit + 1)
            else:
                runs.append((bit, bit + 1))
        return cls(tuple(runs))

    @classmethod
    def from_run_lengths(cls, lengths: Iterable[int]) -> Bitfield:
        """From alternating run lengths that start with a run of zeros, as JSON writes them."""
        runs: list[Run] = []
        position = 0
        for index, length in enumerate(lengths):
            if length < 0 or position + length > _LENGTH_MAX:
                raise BitfieldError(f"run {index} of length {length} leaves the 64-bit range")
            if index % 2 and length:
                if runs and runs[-1][1] == position:
                    runs[-1] = (runs[-1][0], position + length)
                else:
                    runs.append((position, position + length))
            position += length
        return cls(tuple(runs))

    def run_lengths(self) -> list[int]:
        """Alternating run lengths, zeros first; empty for the empty set."""
        lengths: list[int] = []
        position = 0
        for start, end in self.runs:
            lengths += [start - position, end - start]
            position = end
        return lengths

    def __iter__(self) -> Iterator[int]:
        """Every bit; raises BitfieldError for more than ITERATED_MAX, for a few bytes can name 2^64."""
        if self.count() > ITERATED_MAX:
            raise BitfieldError(f"{self.count()} bits are too many to go through; the bound is {ITERATED_MAX}")
        for start, end in self.runs:
            yield from range(start, end)

    def __bool__(self) -> bool:
        return bool(self.runs)

    def count(self) -> int:
        """How many bits there are; it has no `len`, which cannot be more than 2^63 - 1."""
        return sum(end - start for start, end in self.runs)

    def check(self) -> None:
        """Raise BrokenBitfieldError for a field that was read and is broken; rules say by this when they look first."""
        self.runs  # noqa: B018  # of a broken field it raises

    def __contains__(self, bit: int) -> bool:
        return any(start <= bit < end for start, end in self.runs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bitfield) and self.runs == other.runs

    def __hash__(self) -> int:
        return hash(self.runs)

    def __repr__(self) -> str:
        return f"Bitfield({list(self.runs[:8])}{'…' if len(self.runs) > 8 else ''})"  # noqa: PLR2004

    def __or__(self, other: Bitfield) -> Bitfield:
        return self._combine(other, lambda mine, theirs: mine or theirs)

    def __and__(self, other: Bitfield) -> Bitfield:
        return self._combine(other, lambda mine, theirs: mine and theirs)

    def __sub__(self, other: Bitfield) -> Bitfield:
        return self._combine(other, lambda mine, theirs: mine and not theirs)

    def _combine(self, other: Bitfield, keep: object) -> Bitfield:
        edges = sorted({edge for run in (*self.runs, *other.runs) for edge in run})
        runs: list[Run] = []
        mine, theirs = _Cursor(self.runs), _Cursor(other.runs)
        for start, end in itertools.pairwise(edges):
            if keep(mine.covers(start), theirs.covers(start)):  # type: ignore[operator]
                if runs and runs[-1][1] == start:
                    runs[-1] = (runs[-1][0], end)
                else:
                    runs.append((start, end))
        return Bitfield(tuple(runs))

    def encode(self) -> bytes:
        """The minimal RLE+; raises EncodeError over 32 KiB."""
        if not self.runs:
            return b""
        first = self.runs[0][0] == 0
        bits, width = int(first) << 2, 3
        for length in self.run_lengths()[1 if first else 0 :]:
            code, size = _encode_run(length)
            bits |= code << width
            width += size
        data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
        if len(data) > ENCODED_BYTES_MAX:
            raise EncodeError(f"bitfield of {len(data)} encoded bytes; the bound is {ENCODED_BYTES_MAX}")
        return data

    @classmethod
    def decode(cls, data: bytes) -> Bitfield:
        """The set of a canonical RLE+; raises BitfieldError for anything else."""
        if not data:
            return cls()
        if len(data) > ENCODED_BYTES_MAX:
            raise BitfieldError(f"bitfield of {len(data)} bytes; the bound is {ENCODED_BYTES_MAX}")
        if data[-1] == 0:
            raise BitfieldError("the last byte is zero; the minimal form is shorter")
        field = cls.from_run_lengths(_read_runs(data))
        if field.encode() != data:
            raise BitfieldError("not the minimal RLE+ of its bits")
        return field

    @classmethod
    def read(cls, data: bytes) -> Bitfield:
        """The set of RLE+ as the reference reads it, which looks at no run before someone asks for one.

        Any code of a run's length will do, and a run of none ends the set. What is broken inside gives a field that
        raises BrokenBitfieldError at its first use; BitfieldError only for the length and the version. Until it is
        changed a field is written as it came (go-bitfield ``rle/rleplus.go``, FromBuf, ValidateRLE, ``bitfield.go``,
        MarshalCBOR, as Lotus v1.4.0 has it).
        """
        if len(data) > ENCODED_BYTES_MAX:
            raise BitfieldError(f"bitfield of {len(data)} bytes; the bound is {ENCODED_BYTES_MAX}")
        if data and data[0] & 3:
            raise BitfieldError("version bits are not 00")
        if not data:
            return cls()
        try:
            if data[-1] == 0:
                raise BitfieldError("the last byte is zero")
            return _GivenBitfield(cls.from_run_lengths(_read_any_runs(data)).runs, data)
        except BitfieldError as error:
            return _BrokenBitfield(str(error), data)


class _GivenBitfield(Bitfield):
    """A set that was read from any RLE+, and is written as it came; what is made of it is another set."""

    __slots__ = ("_given",)

    def __init__(self, runs: tuple[Run, ...], given: bytes) -> None:
        super().__init__(runs)
        self._given = given

    def encode(self) -> bytes:
        return self._given


class _BrokenBitfield(Bitfield):
    """RLE+ in which no runs can be found: nothing is wrong before they are asked for."""

    __slots__ = ("_given", "_reason")

    def __init__(self, reason: str, given: bytes) -> None:
        self._reason, self._given = reason, given

    def encode(self) -> bytes:
        return self._given

    @property
    def runs(self) -> tuple[Run, ...]:  # type: ignore[override]  # it is a slot there
        raise BrokenBitfieldError(self._reason)

    def __repr__(self) -> str:
        return f"Bitfield(broken: {self._reason})"


class _Cursor:
    """Answers whether ascending positions lie in sorted runs, in one pass."""

    def __init__(self, runs: tuple[Run, ...]) -> None:
        self._runs = runs
        self._index = 0

    def covers(self, position: int) -> bool:
        while self._index < len(self._runs) and self._runs[self._index][1] <= position:
            self._index += 1
        return self._index < len(self._runs) and self._runs[self._index][0] <= position


def _encode_run(length: int) -> tuple[int, int]:
    if length == 1:
        return 1, 1
    if length < _SHORT_RUN_LIMIT:
        return 0b10 | length << 2, 6
    varint = encode_varint(length)
    return int.from_bytes(varint, "little") << 2, 2 + 8 * len(varint)


def _read_runs(data: bytes) -> Iterator[int]:
    """Run lengths, zeros first; the reader takes 128 bits at a time so that long fields stay linear."""
    reader = _BitReader(data)
    if reader.take(2) != 0:
        raise BitfieldError("version bits are not 00")
    if reader.take(1):
        yield 0
    while reader.left():
        if reader.take(1):
            yield 1
        elif reader.take(1):
            yield reader.take(4)
        else:
            yield _read_varint_run(reader)


def _read_any_runs(data: bytes) -> Iterator[int]:
    """Run lengths, zeros first, up to a run of none, which all end in: past the end the bits are zero."""
    reader = _BitReader(data)
    reader.take(2)
    if reader.take(1):
        yield 0
    while True:
        if reader.take(1):
            length = 1
        elif reader.take(1):
            length = reader.take(4)
        else:
            length = _read_varint_run(reader)
        if not length:
            return
        yield length


def _read_varint_run(reader: _BitReader) -> int:
    length = shift = 0
    for _ in range(_VARINT_BYTES_MAX):
        byte = reader.take(8)
        length |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004
            if byte == 0 and shift:
                raise BitfieldError("a run length ends in a zero byte; the minimal form is shorter")
            return length
        shift += 7
    raise BitfieldError(f"run length is longer than {_VARINT_BYTES_MAX} bytes")


class _BitReader:
    """Reads bits, least significant first; past the end they are zero, as padding is."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._end = 8 * len(data) - 8 + data[-1].bit_length()

    def left(self) -> bool:
        return self._position < self._end

    def take(self, count: int) -> int:
        byte, shift = divmod(self._position, 8)
        self._position += count
        return int.from_bytes(self._data[byte : byte + 2], "little") >> shift & ((1 << count) - 1)
