"""Comparing the demonstration's books after the fact, from the stores themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from thespis.actors.demo import ACKNOWLEDGED, LEDGER_ROLES, RECEIVED
from thespis.runtime.store.interface import METADATA
from thespis.runtime.store.rocks import RocksStore


@dataclass(frozen=True, slots=True)
class Audit:
    """What the books of a stopped ring say."""

    acknowledged: int
    lost: tuple[str, ...]


def audit_books(home: Path) -> Audit:
    """Check that every acknowledged deposit is in its receiver's book; the node must be stopped."""
    received: dict[str, set[bytes]] = {}
    acknowledged: dict[str, set[bytes]] = {}
    for role in LEDGER_ROLES:
        store = RocksStore.open(home / "datastore" / role)
        received[role] = {key[len(RECEIVED) :] for key, _ in store.scan(METADATA, RECEIVED)}
        acknowledged[role] = {key[len(ACKNOWLEDGED) :] for key, _ in store.scan(METADATA, ACKNOWLEDGED)}
        store.close()
    lost: list[str] = []
    for index, role in enumerate(LEDGER_ROLES):
        following = LEDGER_ROLES[(index + 1) % len(LEDGER_ROLES)]
        lost += [identity.decode() for identity in sorted(acknowledged[role] - received[following])]
    return Audit(sum(map(len, acknowledged.values())), tuple(lost))
