"""What actors have the machine compute for them, each charged before it is done (Lotus ``chain/vm/syscalls.go``)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from thespis.protocols.builtin.account import AccountState
from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.consensus.faults import consensus_fault
from thespis.protocols.crypto.signature import Signature, SignatureType, check_signature
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.encoding.piece_cid import commitment_of, piece_cid_v1
from thespis.protocols.encoding.tuples import ChainEpoch
from thespis.protocols.errors import CidError, DecodeError, ProofError, SignatureError
from thespis.protocols.proofs.registry import SealProof
from thespis.protocols.vm.exit_codes import StateFault
from thespis.protocols.vm.world import ConsensusFaultFound, SealVerifyInfo, WindowPostInfo

if TYPE_CHECKING:
    from thespis.protocols.vm.machine import Machine


class Syscalls:
    """The syscalls of one call of an actor; failures are StateFaults without a code, which the actor gives one."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def hash_blake2b(self, data: bytes) -> bytes:
        """The chain's hash."""
        self._machine.meter.charge(self._machine.prices.hashing)
        return hashlib.blake2b(data, digest_size=32).digest()

    def verify_signature(self, signature: Signature, signer: Address, data: bytes) -> None:
        """Raise StateFault unless an account or key signed the data."""
        prices = self._machine.prices
        costs = {SignatureType.BLS: prices.verify_bls, SignatureType.SECP256K1: prices.verify_secp256k1}
        if signature.type not in costs:
            raise StateFault(f"signatures of type {signature.type} have no price")
        self._machine.meter.charge(costs[signature.type])
        if signer.protocol is AddressProtocol.ID:
            self._machine.meter.charge(prices.ipld_get)  # for the account's state
        try:
            check_signature(signature, self._machine.key_of(signer), data)
        except SignatureError as error:
            raise StateFault(str(error)) from None

    def unsealed_sector_cid(self, seal_proof: int, pieces: Sequence[tuple[Cid, int]]) -> Cid:
        """CommD of a sector of pieces (CID, padded size), each at the next multiple of its size."""
        from thespis.protocols.proofs.porep import (  # compiled code: only who needs it pays
            data_commitment,
            place_pieces,
        )

        self._machine.meter.charge(self._machine.prices.unsealed_sector_cid)
        try:
            size = SealProof(seal_proof).shape.sector_bytes
            placed = place_pieces([(commitment_of(cid), padded) for cid, padded in pieces], size)
        except (ProofError, CidError) as error:
            raise StateFault(str(error)) from None
        return piece_cid_v1(data_commitment(placed, size))

    def verify_post(self, info: WindowPostInfo) -> None:
        """Raise StateFault unless the sectors of a window proof are stored."""
        kind = info.proofs[0].post_proof if info.proofs else -1
        self._machine.meter.charge(self._machine.prices.on_verify_post(kind, len(info.sectors)))
        if not self._machine.world.window_post_is_valid(info):
            raise StateFault("the window proof is not valid")

    def batch_verify_seals(self, seals: Mapping[Address, Sequence[SealVerifyInfo]]) -> dict[Address, list[bool]]:
        """Which seals hold, by miner; uncharged, for cron calls it and the submitters have paid."""
        seal = self._machine.world.seal_is_valid
        return {miner: [seal(info) for info in infos] for miner, infos in seals.items()}

    def verify_consensus_fault(self, first: bytes, second: bytes, extra: bytes) -> ConsensusFaultFound:
        """The fault that two headers of one miner show, both signed by it; raises StateFault for none."""
        self._machine.meter.charge(self._machine.prices.consensus_fault)
        try:
            read = partial(BlockHeader.decode, dialect=Dialect.ACTORS)
            one, two = read(first), read(second)
            third = read(extra) if extra else None
        except DecodeError as error:
            raise StateFault(f"block header: {error}") from None
        fault = consensus_fault(one, two, third)
        if fault is None:
            raise StateFault("the headers show no fault")
        for header in (one, two):
            worker = self._machine.world.worker_at(header.miner, header.height)
            try:
                if header.block_sig is None:
                    raise SignatureError("a header without a signature")
                check_signature(header.block_sig, worker, header.signing_bytes())
            except SignatureError as error:
                raise StateFault(str(error)) from None
        return ConsensusFaultFound(one.miner, ChainEpoch(two.height), int(fault))


def key_address(machine: Machine, address: Address) -> Address:
    """The key that signs for an address; raises StateFault for one that is no account."""
    if address.protocol in (AddressProtocol.SECP256K1, AddressProtocol.BLS):
        return address
    actor = machine.state.get(address)
    if actor is None:
        raise StateFault(f"there is no actor at {address}")
    try:
        return AccountState.decode(machine.state.store.get(actor.head)).address
    except DecodeError:
        raise StateFault(f"{address} is no account") from None
