"""The randomness beacon: which round belongs to an epoch, and whether an entry is genuine.

A chained drand entry is a BLS signature of ``sha256(previous signature || round)`` by the beacon's group key; the round
is eight bytes, big-endian (Lotus v1.4.0 ``chain/beacon/beacon.go`` and ``chain/beacon/drand/drand.go``, VerifyEntry and
MaxBeaconRoundForEpoch; reference: formats, section 6).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from thespis.protocols.chain.block import BeaconEntry
from thespis.protocols.crypto import bls
from thespis.protocols.errors import BeaconUnavailableError, BlockBeaconError, SignatureError


class Beacon(Protocol):
    """What consensus needs of a beacon."""

    def round_of(self, epoch: int) -> int:
        """The newest round that a block of this epoch must carry."""
        ...

    def entry(self, number: int) -> BeaconEntry:
        """The entry of a round, for making blocks; raises BeaconUnavailableError where it would have to be fetched."""
        ...

    def check(self, previous: BeaconEntry, entry: BeaconEntry) -> None:
        """Raise BlockBeaconError unless `entry` follows `previous` genuinely."""
        ...


@dataclass(frozen=True, slots=True)
class ChainedDrand:
    """A drand network of the chained scheme; times in Unix seconds."""

    public_key: bytes
    genesis_s: int
    period_s: int
    network_genesis_s: int
    block_delay_s: int

    def round_of(self, epoch: int) -> int:
        """The round that was newest one block delay before the epoch began."""
        latest_s = epoch * self.block_delay_s + self.network_genesis_s - self.block_delay_s
        return (latest_s - self.genesis_s) // self.period_s

    def entry(self, number: int) -> BeaconEntry:
        """Not offered: this node checks drand entries and has no client that fetches them."""
        raise BeaconUnavailableError(
            f"round {number} would have to be fetched from drand; this node has no client for it"
        )

    def check(self, previous: BeaconEntry, entry: BeaconEntry) -> None:
        """Check the round's number and signature; the entry after genesis' round 0 starts the chain and is trusted."""
        if previous.round == 0:
            return
        if entry.round != previous.round + 1:
            raise BlockBeaconError(f"beacon round {entry.round} does not follow round {previous.round}")
        signed = hashlib.sha256(previous.data + entry.round.to_bytes(8, "big")).digest()
        try:
            valid = bls.verify(self.public_key, signed, entry.data)
        except SignatureError as error:
            raise BlockBeaconError(f"beacon round {entry.round}: {error}") from None
        if not valid:
            raise BlockBeaconError(f"beacon round {entry.round} is not signed by the beacon")


def check_entries(
    beacon: Beacon, entries: tuple[BeaconEntry, ...], height: int, parent_height: int, previous: BeaconEntry
) -> None:
    """Raise BlockBeaconError unless a block carries exactly the rounds since its parent, oldest first, all genuine.

    Source: Lotus v1.4.0 ``chain/beacon/beacon.go``, ValidateBlockValues.
    """
    last_round = beacon.round_of(height)
    if last_round == previous.round:
        if entries:
            raise BlockBeaconError(f"{len(entries)} beacon entries where no new round is due")
        return
    rounds = [beacon.round_of(epoch) for epoch in range(parent_height + 1, height + 1)]
    if [entry.round for entry in entries] != rounds:
        raise BlockBeaconError(f"beacon rounds {[entry.round for entry in entries]} where {rounds} are due")
    for entry in entries:
        beacon.check(previous, entry)
        previous = entry


def entries_due(beacon: Beacon, height: int, parent_height: int, previous: BeaconEntry) -> tuple[BeaconEntry, ...]:
    """The entries that a block of this height over this parent carries.

    Source: Lotus v1.4.0 ``chain/beacon/beacon.go``, BeaconEntriesForBlock.
    """
    if beacon.round_of(height) == previous.round:
        return ()
    return tuple(beacon.entry(beacon.round_of(epoch)) for epoch in range(parent_height + 1, height + 1))
