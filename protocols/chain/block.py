"""Block headers and what travels with them.

A header is signed by its miner's worker key over its CBOR with a null signature, not over its CID (reference: formats,
section 5.1).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import Signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Record, TokenAmount, Unsigned, record
from thespis.protocols.errors import NodeError
from thespis.protocols.ipld.amt import Amt, AmtVersion
from thespis.protocols.ipld.blockstore import Blockstore, load, save


@record
class Ticket(Record):
    """A link of the ticket chain: a VRF proof over the parent's randomness."""

    vrf_proof: bytes


@record
class ElectionProof(Record):
    """How often the miner won this epoch, and the VRF proof that shows it."""

    win_count: int
    vrf_proof: bytes


@record
class BeaconEntry(Record):
    """One round of the randomness beacon."""

    round: Unsigned
    data: bytes


@record
class PoStProof(Record):
    """A proof of spacetime of one proof type."""

    proof_type: int
    proof_bytes: bytes


@record
class BlockHeader(Record):
    """A block header; its CID names the block."""

    miner: Address
    ticket: Ticket | None
    election_proof: ElectionProof | None
    beacon_entries: tuple[BeaconEntry, ...]
    win_post_proof: tuple[PoStProof, ...]
    parents: tuple[Cid, ...]
    parent_weight: BigInteger
    height: ChainEpoch
    parent_state_root: Cid
    parent_message_receipts: Cid
    messages: Cid
    bls_aggregate: Signature | None
    timestamp: Unsigned
    block_sig: Signature | None
    fork_signaling: Unsigned
    parent_base_fee: TokenAmount

    def signing_bytes(self) -> bytes:
        """What the worker signs: the header with no signature."""
        return dataclasses.replace(self, block_sig=None).encode()


@record
class BlockMessage(Record):
    """A block as gossip carries it: the header and the CIDs of its messages."""

    header: BlockHeader | None
    bls_messages: tuple[Cid, ...]
    secpk_messages: tuple[Cid, ...]


@dataclass(frozen=True, slots=True)
class BlockMessages:
    """A block's messages themselves, in order."""

    bls: tuple[Message, ...]
    secpk: tuple[SignedMessage, ...]

    def chain_cids(self) -> list[Cid]:
        """The CIDs that the chain knows them by."""
        return [message.cid() for message in self.bls] + [message.cid() for message in self.secpk]

    def unsigned(self) -> tuple[Message, ...]:
        """All of them without signatures, in the order in which they are applied."""
        return (*self.bls, *(signed.message for signed in self.secpk))


@record
class MessageMeta(Record):
    """The roots of a block's two message arrays; headers link to it."""

    bls_messages: Cid
    secpk_messages: Cid


def save_message_meta(store: Blockstore, bls: list[Cid], secpk: list[Cid]) -> Cid:
    """Write both arrays of message CIDs, and the record over them; returns what a header links to."""
    meta = MessageMeta(_save_cids(store, bls), _save_cids(store, secpk))
    return save(store, meta.to_wire())


def load_message_meta(store: Blockstore, cid: Cid) -> tuple[list[Cid], list[Cid]]:
    """The CIDs of a block's BLS and secp256k1 messages, in block order."""
    meta = MessageMeta.from_wire(load(store, cid))
    return _load_cids(store, meta.bls_messages), _load_cids(store, meta.secpk_messages)


def load_block_messages(store: Blockstore, root: Cid) -> BlockMessages:
    """The messages that a header links to."""
    bls, secpk = load_message_meta(store, root)
    return BlockMessages(
        tuple(Message.decode(store.get(cid)) for cid in bls),
        tuple(SignedMessage.decode(store.get(cid)) for cid in secpk),
    )


def _save_cids(store: Blockstore, cids: list[Cid]) -> Cid:
    array = Amt(store, version=AmtVersion.V0)
    for cid in cids:
        array.append(cid)
    return array.flush()


def _load_cids(store: Blockstore, root: Cid) -> list[Cid]:
    cids: list[Cid] = []
    for index, cid in Amt(store, root, version=AmtVersion.V0).items():
        if index != len(cids) or not isinstance(cid, Cid):
            raise NodeError(f"message array {root} is not a dense array of links")
        cids.append(cid)
    return cids
