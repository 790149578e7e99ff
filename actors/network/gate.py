"""What gossip has to pass before this node passes it on: as much as can be known here and now, the cheapest first.

Whoever passed on what fails here could have known as well, and answers for it whoever is said to have written it: so
nothing is rejected that a node which has seen less would pass on. What only another process could find (whether a
block's messages can be executed) is for its author to answer. What may be good on a chain that this node does not see
is neither passed on nor held against anybody (Lotus v1.4.0
``chain/sub/incoming.go``, BlockValidator.Validate and MessageValidator.Validate).
"""

from __future__ import annotations

from collections.abc import Callable

from thespis.actors.chain.first_look import is_attested, is_timely
from thespis.actors.chain.reader import ChainReader
from thespis.protocols.builtin.queries.actors import key_address
from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.chain.message import SignedMessage
from thespis.protocols.consensus.admission import Sender, check_form, check_sender
from thespis.protocols.consensus.epoch import lookback_height
from thespis.protocols.crypto.signature import check_signature
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.errors import (
    BlockNotFoundError,
    ChainError,
    CidError,
    InvalidMessageError,
    PoolError,
    ProtocolError,
    SignatureError,
    UnknownMinerError,
)
from thespis.protocols.vm.state_tree import StateTree
from thespis.protocols.wire.topics import parse_block, parse_message
from thespis.runtime.p2p.port import Verdict

NONCE_GAP_MAX = 10_000
"""How far ahead of its account a message may be to be passed on; how far it may be to be kept is the pool's setting."""
SENDERS_MAX = 10_000
"""Accounts looked up in one state; beyond them it is begun anew."""
_KEYS = (AddressProtocol.SECP256K1, AddressProtocol.BLS)


class Gate:
    """Judges payloads by a chain of its own reading; asked in one thread, told of new heads from any."""

    def __init__(self, chain: ChainReader, now_s: Callable[[], float]) -> None:
        self._chain = chain
        self._now_s = now_s
        self._moved = True
        self._state: StateTree | None = None
        self._senders: dict[Address, Sender] = {}

    def moved(self) -> None:
        """The chain has a new head; it is read when the next payload comes."""
        self._moved = True

    def _catch_up(self) -> None:
        if self._moved:
            self._moved = False
            self._chain.refresh()
            self._state = None
            self._senders.clear()

    # -- blocks ----------------------------------------------------------------------------------------------

    def block(self, data: bytes) -> Verdict:
        """Shape, time, place in the chain, and the miner's signature."""
        try:
            header = parse_block(data).header
        except ProtocolError:
            return Verdict.REJECT
        assert header is not None
        profile = self._chain.genesis.profile
        if header.timestamp != profile.timestamp_of(header.height) or not header.parents or header.ticket is None:
            return Verdict.REJECT
        self._catch_up()
        if not is_timely(self._chain, header.height, self._now_s()):
            return Verdict.IGNORE
        if self._chain.index.knows(header.parents):
            return self._over_known(header)
        return Verdict.ACCEPT if self._answers_for(header) else Verdict.KEEP

    def _answers_for(self, header: BlockHeader) -> bool:
        """Whether who knows the parents will find the same signer: by a state of the past that our chain has, too.

        A node that is far behind knows an older key, and would answer for what the others reject.
        """
        settled = lookback_height(header.height, self._chain.genesis.profile) <= self._chain.head().height
        return settled and is_attested(self._chain, header)

    def _over_known(self, header: BlockHeader) -> Verdict:
        """The state that says who signs is the block's own, so who is not found there is nobody.

        That state lies so far back that the forwarder's chain has it as well, unless the two have parted before it. A
        height that is not above the parents' may be signed all the same, and who has not seen these passes it on.
        """
        parent = self._chain.tipset(header.parents)
        if header.height <= parent.height:
            return Verdict.IGNORE
        assert header.block_sig is not None, "parse_block takes none without"
        try:
            worker = self._chain.worker_key(parent, header.height, header.miner)
            check_signature(header.block_sig, worker, header.signing_bytes())
        except (UnknownMinerError, CidError, SignatureError):
            return Verdict.REJECT
        except (BlockNotFoundError, ChainError):
            return Verdict.KEEP  # a chain that begins with a snapshot may lack that state
        return Verdict.ACCEPT

    # -- messages --------------------------------------------------------------------------------------------

    def message(self, data: bytes) -> Verdict:
        """Form and signature, which need no state for a sender that is a key; then whether it can be paid for."""
        try:
            signed = parse_message(data)
            self._catch_up()
            check_form(signed, self._chain.genesis.profile.network_version(self._chain.head().height + 1))
            if signed.message.sender.protocol in _KEYS:
                signed.check_signature()
        except PoolError:
            return Verdict.IGNORE
        except ProtocolError:
            return Verdict.REJECT
        return self._affordable(signed)

    def _affordable(self, signed: SignedMessage) -> Verdict:
        """Accounts differ between forks, so none of this is held against anybody."""
        try:
            sender = self._sender(signed.message.sender)
            check_sender(signed, sender)
        except (PoolError, ChainError, InvalidMessageError, SignatureError):
            return Verdict.IGNORE
        assert sender.actor is not None, "who has no account cannot send"
        return Verdict.ACCEPT if signed.message.nonce <= sender.actor.nonce + NONCE_GAP_MAX else Verdict.IGNORE

    def _sender(self, address: Address) -> Sender:
        found = self._senders.get(address)
        if found is None:
            if self._state is None:
                self._state = self._chain.state_after(self._chain.head())
            state = self._state
            key = key_address(self._chain.blocks, state, address)
            found = Sender(state.resolve(address) or address, key, state.get(address))
            if len(self._senders) >= SENDERS_MAX:
                self._senders.clear()
            self._senders[address] = found
        return found
