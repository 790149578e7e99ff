"""Staged pieces: files in their sector's folder, counted and hashed as they come and again as they are sealed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from thespis.protocols.proofs.piece import Piece as PieceHash
from thespis.runtime.files import sync_folder
from thespis.runtime.sectors.errors import SectorDataError
from thespis.runtime.sectors.jobs import Piece

READ_BYTES = 1 << 20


def piece_path(folder: Path, key: str) -> Path:
    """Where a staged piece is; keys may hold any character."""
    return folder / f"piece-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def stage(folder: Path, key: str, source: str, payload_bytes: int) -> bytes:
    """Copy a source of exactly so many bytes, and return the piece's root; the file has its name only when whole.

    Raises SectorDataError for a source that is missing, no plain file, shorter or longer than it should be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = piece_path(folder, key)
    partial = final.with_suffix(".part")
    try:
        with _plain_file(source) as reader, partial.open("wb") as writer:
            root = _copy(reader, writer, source, payload_bytes)
            writer.flush()
            os.fsync(writer.fileno())
        partial.replace(final)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return root


def _plain_file(path: str) -> IO[bytes]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # opening a pipe must not wait for its writer
    except OSError as error:
        raise SectorDataError(f"piece source {path}: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SectorDataError(f"piece source {path} is no plain file")
    return os.fdopen(fd, "rb")


def _copy(reader: IO[bytes], writer: IO[bytes], name: str, payload_bytes: int) -> bytes:
    left = payload_bytes
    with PieceHash() as piece:
        while left:
            data = reader.read(min(READ_BYTES, left))
            if not data:
                raise SectorDataError(f"piece source {name} ends after {payload_bytes - left} of {payload_bytes} bytes")
            writer.write(data)
            piece.update(data)
            left -= len(data)
        if reader.read(1):
            raise SectorDataError(f"piece source {name} is longer than the {payload_bytes} bytes it was said to have")
        return piece.finish().root


def root_of(file: IO[bytes]) -> bytes:
    """The root of the piece that the rest of a file is."""
    with PieceHash() as hashed:
        while data := file.read(READ_BYTES):
            hashed.update(data)
        return hashed.finish().root


class PieceStream:
    """The payload of a sector: its pieces at their offsets and zeros between them, read as one file."""

    def __init__(self, folder: Path, pieces: Sequence[Piece]) -> None:
        self._folder = folder
        self._pieces = sorted(pieces, key=lambda piece: piece.offset)
        self._parts = self._read()
        self._rest = b""

    def _read(self) -> Iterator[bytes]:
        position = 0
        for piece in self._pieces:
            start = piece.payload_offset
            yield from _zeros(start - position)
            path = piece_path(self._folder, piece.key)
            with _plain_file(str(path)) as file:
                found = os.fstat(file.fileno()).st_size
                if found != piece.payload_bytes:
                    raise SectorDataError(f"piece {piece.key}: {path} has {found} of {piece.payload_bytes} bytes")
                while data := file.read(READ_BYTES):
                    yield data
            position = start + piece.payload_bytes

    def read(self, count: int) -> bytes:
        """The next bytes: as many as asked for, or what is left."""
        taken = bytearray(self._rest)
        while len(taken) < count and (part := next(self._parts, b"")):
            taken += part
        self._rest = bytes(taken[count:])
        return bytes(taken[:count])


def _zeros(count: int) -> Iterator[bytes]:
    while count:
        part = min(count, READ_BYTES)
        yield bytes(part)
        count -= part


def check_staged(folder: Path, pieces: Sequence[Piece]) -> None:
    """Raise SectorDataError for the first staged piece that is not what was staged."""
    for piece in pieces:
        path = piece_path(folder, piece.key)
        try:
            with path.open("rb") as file:
                root = root_of(file)
        except FileNotFoundError:
            raise SectorDataError(f"piece {piece.key}: {path} is gone; put it back and seal again") from None
        if root != piece.root:
            raise SectorDataError(f"piece {piece.key}: {path} was changed; put back what it was and seal again")
