"""What executing messages needs to know of the chain beyond its state, as interfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

from thespis.protocols.consensus.randomness import Purpose
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import ChainEpoch, Record, StateRecord, Unsigned, record
from thespis.protocols.vm.exit_codes import ActorNotImplementedError

if TYPE_CHECKING:
    from thespis.protocols.vm.state_tree import StateTree


@record
class SectorId(Record):
    """A sector of a miner, both by number."""

    miner: Unsigned
    number: Unsigned


@record
class SealVerifyInfo(StateRecord):
    """Everything that checking a sector's sealing takes."""

    seal_proof: int
    sector_id: SectorId
    deal_ids: tuple[Unsigned, ...]
    randomness: bytes
    interactive_randomness: bytes
    proof: bytes
    sealed_cid: Cid
    unsealed_cid: Cid


@record
class PostProof(Record):
    """A proof of spacetime and its registered type."""

    post_proof: int
    proof_bytes: bytes


@dataclass(frozen=True, slots=True)
class ChallengedSector:
    """A sector that a window proof is about."""

    seal_proof: int
    number: int
    sealed_cid: Cid


@dataclass(frozen=True, slots=True)
class WindowPostInfo:
    """Everything that checking a window proof takes; `sectors` may name a good one in the place of a faulty one."""

    randomness: bytes
    proofs: Sequence[PostProof]
    sectors: Sequence[ChallengedSector]
    miner: int


class World(Protocol):
    """A chain as seen from the message that is being executed."""

    def seal_is_valid(self, info: SealVerifyInfo) -> bool:
        """Whether a sector was sealed as said."""
        ...

    def window_post_is_valid(self, info: WindowPostInfo) -> bool:
        """Whether sectors are still stored."""
        ...

    def ticket_randomness(self, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
        """32 bytes drawn from the ticket of an epoch."""
        ...

    def beacon_randomness(self, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
        """32 bytes drawn from the beacon entry of an epoch."""
        ...

    def circulating_supply(self, epoch: int, state: StateTree) -> int:
        """AttoFIL that are neither locked nor still to be paid out."""
        ...

    def worker_at(self, miner: Address, height: int) -> Address:
        """The key that signed blocks of a miner at a height."""
        ...


class UnknownWorld:
    """For messages that ask nothing of the chain; what is asked is answered by an error and never by a guess."""

    def _unknown(self, what: str) -> NoReturn:
        raise ActorNotImplementedError(f"the message needs the chain's {what}, which is not known here")

    def seal_is_valid(self, _info: SealVerifyInfo) -> bool:
        """Nobody checks proofs."""
        self._unknown("kind of proofs")

    def window_post_is_valid(self, _info: WindowPostInfo) -> bool:
        """Nobody checks proofs."""
        self._unknown("kind of proofs")

    def ticket_randomness(self, _purpose: Purpose, _epoch: int, _entropy: bytes) -> bytes:
        """There are no tickets."""
        self._unknown("tickets")

    def beacon_randomness(self, _purpose: Purpose, _epoch: int, _entropy: bytes) -> bytes:
        """There is no beacon."""
        self._unknown("beacon")

    def circulating_supply(self, _epoch: int, _state: StateTree) -> int:
        """Nobody knows."""
        self._unknown("circulating supply")

    def worker_at(self, _miner: Address, _height: int) -> Address:
        """Nobody knows."""
        self._unknown("history")


@record
class ConsensusFaultFound(Record):
    """A fault that was proven: whose, when, and which."""

    target: Address
    epoch: ChainEpoch
    kind: int
