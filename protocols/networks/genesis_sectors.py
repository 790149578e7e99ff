"""Sectors that a local network's genesis starts with: really sealed, and the same for the same parameters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from thespis.protocols.builtin.storage_miner.state import SectorOnChainInfo
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.piece_cid import sealed_cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.networks.devnet import DevnetParameters
from thespis.protocols.proofs.memory import data_rows, seal_in_memory
from thespis.protocols.proofs.nodes import of_bytes
from thespis.protocols.proofs.piece import pad
from thespis.protocols.proofs.porep import Replication
from thespis.protocols.proofs.registry import SealProof
from thespis.protocols.proofs.vanilla import SealedSector

_EXPIRATION = 540 * 2880
"""A sector's longest life in epochs (specs-actors v0: MaxSectorExpirationExtension)."""


@dataclass(frozen=True, slots=True)
class GenesisSector:
    """One sector: its payload, and the same sealed."""

    payload: bytes
    sealed: SealedSector
    comm_r: bytes

    @property
    def replication(self) -> Replication:
        """Whose it is, and what it was sealed with."""
        return self.sealed.replication

    def on_chain(self) -> SectorOnChainInfo:
        """What genesis says of it."""
        nothing = TokenAmount(0)
        return SectorOnChainInfo(
            Unsigned(self.replication.sector), self.replication.proof.number, sealed_cid(self.comm_r), (),
            ChainEpoch(0), ChainEpoch(_EXPIRATION), BigInteger(0), BigInteger(0), nothing, nothing, nothing,
        )  # fmt: skip


def genesis_sector(parameters: DevnetParameters, miner: Address, number: int) -> GenesisSector:
    """The sector `number` of a miner of a network; sealed at the first call."""
    return _sealed(parameters.seal_proof, parameters.network_name, parameters.beacon_seed, miner.actor_id, number)


@lru_cache(maxsize=64)
def _sealed(proof_number: int, network: str, seed: bytes, miner: int, number: int) -> GenesisSector:
    proof = SealProof(proof_number)
    label = f"thespis genesis {network} {miner} {number}".encode()
    payload = hashlib.shake_256(seed + label).digest(proof.shape.payload_bytes)
    ticket = hashlib.blake2b(seed + b"ticket" + label, digest_size=32).digest()
    data = of_bytes(pad(payload))
    comm_d = data_rows(data)[-1].tobytes()
    sealed, comm_r = seal_in_memory(Replication(proof, miner, number, ticket, comm_d), data)
    return GenesisSector(payload, sealed, comm_r)
