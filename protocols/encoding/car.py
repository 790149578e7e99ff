"""CAR files: version 1 read, written and verified; version 2 read.

======================  =========================================================================
version 1               sections: ``uvarint length || bytes``; the first is the header, a DAG-CBOR
                        map ``{roots, version: 1}``, every other ``CID || block``
version 2               pragma (11 bytes), header (40 bytes: characteristics, data offset, data
                        size, index offset; little-endian), a version 1 payload, an optional index
======================  =========================================================================

Blocks stream: memory is bounded by the largest section (reference: formats, section 12).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.varint import encode_varint
from thespis.protocols.errors import CarError, DecodeError

SECTION_BYTES_MAX = 8 << 20
"""go-car's default bound for one section."""
HEADER_BYTES_MAX = 1 << 20
_V2_HEADER = struct.Struct("<16sQQQ")
_VARINT_BYTES_MAX = 9
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""Zstandard's (RFC 8878, section 3.1.1): snapshots are handed round as ``.car.zst``."""
_GZIP_MAGIC = b"\x1f\x8b"


class CarReader:
    """Reads one CAR from a binary stream; iterate it for (CID, block) once.

    With `verify`, which is the default, every block must hash to its CID. Raises CarError for whatever is wrong,
    naming the byte offset.
    """

    def __init__(self, stream: BinaryIO, *, verify: bool = True) -> None:
        self._stream = stream
        self._verify = verify
        self._offset = 0
        self._end: int | None = None
        self.version = 1
        self._ahead = stream.read(len(_ZSTD_MAGIC))
        for magic, what in ((_ZSTD_MAGIC, "zstd -d"), (_GZIP_MAGIC, "gunzip")):
            if self._ahead.startswith(magic):
                raise CarError(f"the file is compressed, and no CAR before it is unpacked: {what} FILE")
        header = self._read_header()
        if header == {"version": 2}:
            self.version = 2
            self._enter_v2()
            header = self._read_header()
        self.roots = _check_header(header)

    def __iter__(self) -> Iterator[tuple[Cid, bytes]]:
        while (section := self._section(SECTION_BYTES_MAX)) is not None:
            start = self._offset - len(section)
            try:
                cid, end = Cid.read(section)
                block = section[end:]
                matches = not self._verify or cid.matches(block)
            except DecodeError as error:
                raise CarError(f"section at byte {start}: {error}") from None
            if not matches:
                raise CarError(f"block at byte {start} does not hash to its CID {cid}; the file is damaged")
            yield cid, block

    def _read_header(self) -> object:
        section = self._section(HEADER_BYTES_MAX)
        if section is None:
            raise CarError("the file is empty; a CAR starts with its header")
        try:
            return cbor.decode(section)
        except DecodeError as error:
            raise CarError(f"header: {error}") from None

    def _enter_v2(self) -> None:
        _characteristics, data_offset, data_size, _index = _V2_HEADER.unpack(
            self._exactly(_V2_HEADER.size, "version 2 header")
        )
        if data_offset < self._offset:
            raise CarError(f"version 2 data offset {data_offset} lies inside the header, which ends at {self._offset}")
        remaining = data_offset - self._offset
        while remaining:
            remaining -= len(self._exactly(min(remaining, SECTION_BYTES_MAX), "version 2 padding"))
        self._end = data_offset + data_size

    def _section(self, bytes_max: int) -> bytes | None:
        if self._end is not None and self._offset >= self._end:
            return None
        size = self._varint()
        if size is None:
            return None
        if not 0 < size <= bytes_max:
            raise CarError(f"section at byte {self._offset} has {size} bytes; sections have 1 to {bytes_max}")
        if self._end is not None and self._offset + size > self._end:
            raise CarError(
                f"section at byte {self._offset} has {size} bytes; the version 2 header ends its data at {self._end}"
            )
        return self._exactly(size, "section")

    def _varint(self) -> int | None:
        value = 0
        for index in range(_VARINT_BYTES_MAX):
            byte = b"" if self._offset == self._end else self._read(1)
            if not byte:
                if index == 0 and self._end is None:
                    return None
                raise CarError(f"the file is truncated at byte {self._offset}, inside a section's length")
            self._offset += 1
            value |= (byte[0] & 0x7F) << 7 * index
            if byte[0] < 0x80:  # noqa: PLR2004
                if byte[0] == 0 and index:
                    raise CarError(f"section length at byte {self._offset} is not minimal")
                return value
        raise CarError(f"section length at byte {self._offset} is longer than {_VARINT_BYTES_MAX} bytes")

    def _read(self, size: int) -> bytes:
        if not self._ahead:
            return self._stream.read(size)
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data + self._stream.read(size - len(data)) if len(data) < size else data

    def _exactly(self, size: int, what: str) -> bytes:
        data = self._read(size)
        self._offset += len(data)
        if len(data) < size:
            raise CarError(
                f"the file is truncated: {what} needs {size} bytes, {len(data)} are left at byte {self._offset}"
            )
        return data


def _check_header(header: object) -> list[Cid]:
    if not isinstance(header, dict) or set(header) != {"roots", "version"}:
        raise CarError("header is not a map of roots and version")
    if header["version"] != 1 or header["version"] is True:
        raise CarError(f"payload version {header['version']!r}; versions 1 and 2 are read")
    roots = header["roots"]
    if not isinstance(roots, list) or not all(isinstance(root, Cid) for root in roots):
        raise CarError("roots is not a list of links")
    return roots


def write_car(stream: BinaryIO, roots: list[Cid], blocks: Iterable[tuple[Cid, bytes]]) -> int:
    """Write a version 1 CAR; returns its size in bytes."""
    header = cbor.encode({"roots": roots, "version": 1})
    written = stream.write(encode_varint(len(header)) + header)
    for cid, block in blocks:
        size = len(cid.data) + len(block)
        if size > SECTION_BYTES_MAX:
            raise CarError(f"block {cid} makes a section of {size} bytes; the bound is {SECTION_BYTES_MAX}")
        written += stream.write(encode_varint(size) + cid.data + block)
    return written
