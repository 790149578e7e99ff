"""Chains as CAR files: the heaviest chain out of a stopped node's store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from thespis.actors.chain.index import CHAIN_STORE
from thespis.actors.chain.reader import ChainReader
from thespis.protocols.encoding.car import write_car
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.networks.genesis import reachable
from thespis.runtime.environment import RUN_FOLDER
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.repo import Repo
from thespis.runtime.store.rocks import RocksReader


class SnapshotError(RuntimeFloorError):
    """A chain cannot be exported as the home stands."""


def export_chain(home: Path, path: Path) -> tuple[int, int]:
    """Write headers, messages, receipts and the states of genesis and head; returns blocks of data and bytes written.

    All states between follow from these by execution, and would make a file many times as long.

    Raises SnapshotError at a home without a chain, or whose node runs.
    """
    repo = Repo.open(home)
    if user := repo.user():
        raise SnapshotError(f"the node at {home} runs as process {user}; stop it first: thespis --home {home} stop")
    if not (home / "datastore" / CHAIN_STORE).exists():
        raise SnapshotError(f"{home} has no chain yet; run a node there first")
    run = home / RUN_FOLDER
    reader = ChainReader(RocksReader.open(home / "datastore" / CHAIN_STORE, run))
    try:
        head = reader.head()
        with path.open("wb") as stream:
            counted = _Counted(_blocks(reader))
            size = write_car(stream, list(head.key), counted)
        return counted.blocks, size
    finally:
        reader.store.close()
        with contextlib.suppress(OSError):
            run.rmdir()


class _Counted:
    """An iterator that knows how much it gave."""

    def __init__(self, found: Iterator[tuple[Cid, bytes]]) -> None:
        self._found = found
        self.blocks = 0

    def __iter__(self) -> Iterator[tuple[Cid, bytes]]:
        for each in self._found:
            self.blocks += 1
            yield each


def _blocks(reader: ChainReader) -> Iterator[tuple[Cid, bytes]]:
    seen: set[Cid] = set()

    def fresh(found: Iterator[tuple[Cid, bytes]]) -> Iterator[tuple[Cid, bytes]]:
        for cid, block in found:
            if cid not in seen:
                seen.add(cid)
                yield cid, block

    head = reader.head()
    for tipset in reader.history(head):
        for cid, header in zip(tipset.key, tipset.blocks, strict=True):
            yield from fresh(iter([(cid, reader.blocks.get(cid))]))
            yield from fresh(reachable(reader.blocks, [header.messages, header.parent_message_receipts]))
            for message in reader.block_messages(header).chain_cids():
                yield from fresh(iter([(message, reader.blocks.get(message))]))
    genesis = reader.genesis.header
    yield from fresh(reachable(reader.blocks, [genesis.parent_state_root, reader.execution(head.key).state_root]))
