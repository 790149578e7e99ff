"""The context of a block: all that the chain below says about one miner at one height over one parent tipset.

Who makes a block and who checks it must draw the same randomness, expect the same time, and reckon with the same power;
so both are given one `EpochContext`, and every draw and due value is taken from it and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from thespis.protocols.chain.block import BeaconEntry
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.beacon import entries_due
from thespis.protocols.consensus.election import win_count
from thespis.protocols.consensus.randomness import Purpose, draw, miner_entropy
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ChainError
from thespis.protocols.networks.profile import NetworkProfile

TICKET_LOOKBACK_EPOCHS = 1
"""A ticket is drawn for the epoch before its block's (Lotus v1.4.0 ``build/params_shared_vals.go``,
TicketRandomnessLookback)."""


def lookback_height(height: int, profile: NetworkProfile) -> int:
    """The epoch whose state has the powers, keys and sectors that decide the election of a height.

    It lies so far back that nobody who sees the election's randomness can still change them; early epochs have genesis'
    state. The state meant is the one after that epoch's tipset, or over a parent that is no higher the parent's own
    (Lotus v1.4.0 ``chain/stmgr/utils.go``, GetLookbackTipSetForRound).
    """
    return max(0, height - profile.lookback(height))


@dataclass(frozen=True, slots=True)
class EpochContext:
    """Where a block of `miner` at `height` stands; powers in bytes, fees in attoFIL.

    `worker` and the powers are those of the state that elections look back on; `eligible` says whether the miner may
    take part; `parent_weight`, state root and receipts are what executing the parent gave. In all rules `entries` are
    the beacon entries that the block carries (Lotus v1.4.0 ``chain/stmgr/utils.go``, MinerGetBaseInfo).
    """

    profile: NetworkProfile
    parent: Tipset
    height: int
    miner: Address
    worker: Address
    miner_power: int
    total_power: int
    eligible: bool
    parent_weight: int
    parent_state_root: Cid
    parent_message_receipts: Cid
    base_fee: int
    previous_beacon: BeaconEntry

    @property
    def due_timestamp_s(self) -> int:
        """The only timestamp that the block may have, in Unix seconds: one block delay for each epoch since its parent.

        Source: Lotus v1.4.0 ``chain/sync.go``, Syncer.ValidateBlock ("block has wrong timestamp").
        """
        return self.parent.minimum_timestamp + self.profile.block_delay_s * (self.height - self.parent.height)

    def beacon_entries_due(self) -> tuple[BeaconEntry, ...]:
        """What the block carries of the beacon; raises ChainError for a height that is not above the parent's."""
        if self.height <= self.parent.height:
            raise ChainError(f"height {self.height} is not above the parent's {self.parent.height}")
        return entries_due(self.profile.beacon, self.height, self.parent.height, self.previous_beacon)

    def newest_beacon(self, entries: tuple[BeaconEntry, ...]) -> BeaconEntry:
        """The entry that every draw of the block begins with: its own newest, or the chain's where none was due."""
        return entries[-1] if entries else self.previous_beacon

    def election_randomness(self, entries: tuple[BeaconEntry, ...]) -> bytes:
        """What the worker signs to take part in the election: its signature is the proof that wins or loses.

        Source: Lotus v1.4.0 ``chain/gen/gen.go``, IsRoundWinner; spec, Expected Consensus, "Running a leader election".
        """
        beacon = self.newest_beacon(entries).data
        return draw(beacon, Purpose.ELECTION_PROOF_PRODUCTION, self.height, miner_entropy(self.miner))

    def ticket_randomness(self, entries: tuple[BeaconEntry, ...]) -> bytes:
        """What the worker signs for the block's ticket.

        From upgrade Smoke on the parent's smallest ticket goes in, so that tickets form a chain that no miner can know
        ahead (Lotus v1.4.0 ``miner/miner.go``, Miner.computeTicket; ``chain/sync.go``, ValidateBlock, tktsCheck).
        """
        entropy = miner_entropy(self.miner)
        if self.height > self.profile.upgrade_smoke_height and self.parent.minimum_ticket is not None:
            entropy += self.parent.minimum_ticket.vrf_proof
        beacon = self.newest_beacon(entries).data
        return draw(beacon, Purpose.TICKET_PRODUCTION, self.height - TICKET_LOOKBACK_EPOCHS, entropy)

    def wins(self, vrf_proof: bytes) -> int:
        """How often an election proof wins; a miner that may not take part never does."""
        return win_count(vrf_proof, self.miner_power, self.total_power) if self.eligible else 0
