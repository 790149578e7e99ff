"""Local networks: short epochs, a beacon that needs nobody, and a profile that genesis itself commits to.

The profile is a record in the genesis CAR; the 32 bytes of genesis' only beacon entry are its digest. So two nodes
with the same genesis CID have the same profile.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from functools import partial

from thespis.protocols.builtin.policy import Policy
from thespis.protocols.chain.block import BeaconEntry
from thespis.protocols.encoding.cid import BLAKE2B_256, DAG_CBOR, Cid
from thespis.protocols.encoding.tuples import ChainEpoch, Record, Unsigned, record
from thespis.protocols.errors import BlockBeaconError, GenesisError
from thespis.protocols.networks.profile import NetworkProfile, ProofPolicy
from thespis.protocols.upgrades.actors_v2 import upgrade_to_actors_v2

NETWORK_VERSION = 5
"""Builtin actors of version 2, with the rules that mainnet had in December 2020."""
FIRST_NETWORK_VERSION = 3
"""Builtin actors of version 0, as mainnet had them before; a devnet may begin so and upgrade."""
NEVER = -1
LOCAL_POLICY = Policy(
    proving_period=240,
    challenge_window=5,
    challenge_lookback=3,
    fault_declaration_cutoff=8,
    fault_max_age_periods=3,
    pre_commit_challenge_delay=10,
    seal_duration_max=1000,
    prove_commit_duration_max=1000,
    pre_commit_lookback_max=2000,
    sector_expiration_min=960,
    deal_duration_min=240,
    deal_updates_interval=60,
    seal_proof_bytes_max=1 << 20,
)
"""A day of the actors lasts 240 epochs, in 48 deadlines as on mainnet; what lasts months there lasts hours here.

Proofs are Merkle openings, so they are larger than mainnet's.
"""
SEAL_PROOF_MAX = 2
"""The first seal proof of 512 MiB: genesis' sectors are sealed while it is made, so larger ones are not offered."""
_BEACON_TAG = b"thespis devnet beacon"


@dataclass(frozen=True, slots=True)
class SeededBeacon:
    """One round per epoch, each a hash of the seed and the round: offline, the same everywhere, and predictable."""

    seed: bytes

    def round_of(self, epoch: int) -> int:
        """The epoch's own number."""
        return epoch

    def entry(self, number: int) -> BeaconEntry:
        """A round's entry."""
        digest = hashlib.blake2b(self.seed + number.to_bytes(8, "big"), digest_size=32, person=_BEACON_TAG[:16])
        return BeaconEntry(Unsigned(number), digest.digest())

    def check(self, _previous: BeaconEntry, entry: BeaconEntry) -> None:
        """Raise BlockBeaconError unless the entry is its round's."""
        if entry != self.entry(entry.round):
            raise BlockBeaconError(f"beacon round {entry.round} is not of this network's beacon")


@record
class DevnetParameters(Record):
    """What a devnet chose; the record whose digest genesis holds.

    `seal_proof` is the registered seal proof of its miners. A network that begins with the actors of version 0 has
    `upgrade_epoch`, the last one with them; -1 is for one that has version 2 from the beginning.
    """

    network_name: str
    genesis_time_s: Unsigned
    block_delay_s: Unsigned
    beacon_seed: bytes
    proofs: str
    seal_proof: Unsigned
    upgrade_epoch: ChainEpoch = ChainEpoch(NEVER)

    def profile(self) -> NetworkProfile:
        """The network's profile; raises GenesisError for parameters that this program has no rules for."""
        if self.proofs != ProofPolicy.VANILLA.value:
            raise GenesisError(f"proofs {self.proofs!r}; a network of this node has {ProofPolicy.VANILLA.value!r} ones")
        if not 0 <= self.seal_proof <= SEAL_PROOF_MAX:
            raise GenesisError(
                f"seal proof {self.seal_proof}; sectors of a local network have 2 KiB, 8 MiB or 512 MiB (0 to 2)"
            )
        if self.block_delay_s < 1:
            raise GenesisError("a block delay of 0 s; header timestamps count whole seconds, so it is at least 1 s")
        if self.upgrade_epoch != NEVER and self.upgrade_epoch < 1:
            raise GenesisError(f"upgrade epoch {self.upgrade_epoch}; it is at least 1, or {NEVER} for no upgrade")
        policy = dataclasses.replace(LOCAL_POLICY, seal_proofs=frozenset({self.seal_proof}))
        return NetworkProfile(
            name=self.network_name,
            genesis_time_s=self.genesis_time_s,
            block_delay_s=self.block_delay_s,
            beacon=SeededBeacon(self.beacon_seed),
            network_version=self.network_version,
            upgrade_smoke_height=-1,
            proofs=ProofPolicy.VANILLA,
            policy=policy,
            upgrades={int(self.upgrade_epoch): partial(upgrade_to_actors_v2, policy=policy)},
        )

    def network_version(self, epoch: int) -> int:
        """The version in force when the tipset of an epoch is executed."""
        return FIRST_NETWORK_VERSION if epoch <= self.upgrade_epoch else NETWORK_VERSION

    def genesis_entry(self) -> BeaconEntry:
        """The beacon entry that ties genesis to these parameters."""
        return BeaconEntry(Unsigned(0), self.cid().parts()[2])


def parameters_cid(entry: BeaconEntry) -> Cid:
    """Where the parameters are that a genesis entry commits to."""
    return Cid.make(DAG_CBOR, BLAKE2B_256, entry.data)
