"""The MsgPool: holds signed messages until a block carries them, and chooses those for this node's own blocks.

What is taken from this node's users is written before it is acknowledged, survives a restart, and is announced again
until it is on chain. Messages of blocks that a reorganisation dropped come back.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import OrderedDict
from collections.abc import Iterable

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.msg_pool import (
    AddMessage,
    Change,
    EstimateGas,
    Explanation,
    GetMessages,
    ListMessages,
    MessageAdded,
    MessageChanged,
    MessageGossiped,
    NextNonce,
    RemoveMessage,
    SelectMessages,
    SendMessage,
    WhyWaiting,
)
from thespis.actors.messages.network import PeerMisbehaved, PublishGossip, Topic
from thespis.actors.messages.syncer import NewHead, ReadSync
from thespis.actors.messages.wallet import SignBytes
from thespis.actors.msg_pool.gas import fill_gas
from thespis.actors.msg_pool.pending import Pending
from thespis.actors.msg_pool.settings import MsgPoolSettings
from thespis.actors.msg_pool.why import explain
from thespis.protocols.builtin.queries.actors import key_address
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.admission import Sender, account_of, check_form, check_sender
from thespis.protocols.consensus.finality import final_height
from thespis.protocols.consensus.selection import select
from thespis.protocols.crypto.signature import SignatureType
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.errors import ChainError, DecodeError, InvalidMessageError, PoolError, SignatureError
from thespis.protocols.vm.state_tree import Actor, StateTree
from thespis.protocols.wire.topics import parse_message
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError
from thespis.runtime.store.interface import METADATA, Delete, Put, Store

logger = logging.getLogger(__name__)

REPUBLISH_EPOCHS = 10
FORGET_EVERY_EPOCHS = 100
SIGNATURES_KEPT = 20_000
"""BLS signatures of mined messages, so that a reorganisation can bring the messages back."""
SENDERS_KEPT = 10_000
_LOCAL = b"local/"


class MsgPool(Subsystem[MsgPoolSettings]):
    """Messages that wait."""

    chain: ChainReader
    store: Store
    head: Tipset
    """The head as this process last saw it."""
    state: StateTree
    """The state after the head."""

    def __init__(self) -> None:
        super().__init__()
        self._pending = Pending(0)
        self._local: dict[Cid, SignedMessage] = {}
        self._signatures: OrderedDict[Cid, SignedMessage] = OrderedDict()
        self._gap_max = 0
        self._senders: dict[Address, Sender] = {}

    async def start(self, settings: MsgPoolSettings) -> None:
        """Open the chain and bring back the messages of this node's users."""
        self.chain = ChainReader(self.opened(self.environment.open_reader("chain")))
        self.store = self.opened(self.environment.open_store("mpool"))
        self._pending = Pending(settings.messages_max)
        self._gap_max = settings.nonce_gap_max
        self._look()
        for _key, data in list(self.store.scan(METADATA, _LOCAL)):
            signed = SignedMessage.decode(data)
            self._local[signed.chain_cid()] = signed
        self._bring_back(self._local.values())
        self.spawn(self._announce_for_ever(self.chain.genesis.profile.block_delay_s * REPUBLISH_EPOCHS))

    # -- the chain moves -------------------------------------------------------------------------------------

    def _look(self) -> None:
        self.chain.refresh()
        self.head = self.chain.head()
        self.state = self.chain.state_after(self.head)
        self._senders.clear()

    @handles(NewHead)
    def new_head(self, _event: NewHead) -> None:
        """Take back what was dropped, drop what was mined: all between the head as known here and the new one.

        The event itself is only a hint: one that was missed while this process was away is made up for by the next.
        """
        before = self.head
        self._look()
        reverted, applied = self.chain.path(before, self.head)
        returned = [signed for key in reverted for signed in self._signed_messages(key)]
        for key in applied:
            for signed in self._signed_messages(key):
                self._remove(signed.chain_cid())
        if reverted:
            self._bring_back([*returned, *self._local.values()])
        for sender in self._pending.senders():
            actor = self.state.get(sender)
            for signed in self._pending.drop_below(sender, actor.nonce if actor else 0):
                self._removed(signed)
        if self.head.height % FORGET_EVERY_EPOCHS == 0:
            self._forget_final()

    def _signed_messages(self, key: tuple[Cid, ...]) -> list[SignedMessage]:
        found = []
        for header in self.chain.tipset(key).blocks:
            messages = self.chain.block_messages(header)
            found += list(messages.secpk)
            found += [self._signatures[m.cid()] for m in messages.bls if m.cid() in self._signatures]
        return found

    def _bring_back(self, messages: Iterable[SignedMessage]) -> None:
        """Let messages wait again that are not on the chain; in nonce order, so that none looks like a gap."""
        for signed in sorted(messages, key=lambda each: each.message.nonce):
            cid = signed.chain_cid()
            if cid in self._pending or self.chain.index.message_height(cid) is not None:
                continue
            try:
                self._pending.add(self._check(signed), signed)
            except (PoolError, InvalidMessageError, SignatureError) as error:
                logger.info("message %s does not come back: %s", cid, error)

    def _remove(self, cid: Cid) -> None:
        signed = self._pending.remove(cid)
        if signed is not None:
            self._removed(signed)

    def _forget_final(self) -> None:
        """What this node's users sent is kept until no reorganisation can drop it any more."""
        final = final_height(self.head.height, self.chain.genesis.profile.finality_epochs)
        for cid in list(self._local):
            height = self.chain.index.message_height(cid)
            if height is not None and height < final:
                self._forget(cid)

    def _removed(self, signed: SignedMessage) -> None:
        self.publish(MessageChanged(Change.REMOVED, signed))

    def _forget(self, cid: Cid) -> None:
        self._local.pop(cid, None)
        if self.store.has(METADATA, _LOCAL + cid.data):
            self.store.write([Delete(METADATA, _LOCAL + cid.data)], durable=False)

    # -- messages come ---------------------------------------------------------------------------------------

    @answers(AddMessage)
    async def add_message(self, request: AddMessage) -> MessageAdded:
        """Take a message and announce it; raises what is wrong with it."""
        signed = request.message
        self._admit(signed, local=request.local)
        return MessageAdded(signed.chain_cid(), await self._publish(signed))

    @handles(MessageGossiped)
    def message_gossiped(self, gossip: MessageGossiped) -> None:
        """Take a message from a peer; one that could never be valid counts against the peer."""
        try:
            self._admit(parse_message(gossip.data), local=False)
        except (SignatureError, InvalidMessageError, DecodeError) as error:
            self.tell(PeerMisbehaved(gossip.author, f"message: {error}"[:500]))
        except PoolError as error:
            logger.debug("gossiped message not taken: %s", error)

    @answers(SendMessage, exclusive=True)
    async def send_message(self, request: SendMessage) -> SignedMessage:
        """Complete a message with nonce and gas, have it signed, and take it; one at a time, so nonces follow on."""
        message = fill_gas(self.chain, self.head, request.message, list(self._pending), request.max_fee)
        message = dataclasses.replace(message, nonce=Unsigned(self._next_nonce(message.sender)))
        signer = self._key(message.sender)
        signed = SignedMessage(message, await self.ask(SignBytes(signer, message.signing_bytes())))
        self._admit(signed, local=True)
        await self._publish(signed)
        return signed

    def _admit(self, signed: SignedMessage, *, local: bool) -> None:
        cid = signed.chain_cid()
        if cid in self._pending:
            return
        sender = self._check(signed)
        if local:
            self.store.write([Put(METADATA, _LOCAL + cid.data, signed.encode())])
            self._local[cid] = signed
        for removed in self._pending.add(sender, signed):
            self._forget(removed.chain_cid())
            self._removed(removed)
        if signed.signature.type is SignatureType.BLS:
            self._signatures[cid] = signed
            if len(self._signatures) > SIGNATURES_KEPT:
                self._signatures.popitem(last=False)
        self.publish(MessageChanged(Change.ADDED, signed))

    def _check(self, signed: SignedMessage) -> Address:
        """Raise PoolError, InvalidMessageError or SignatureError; returns the sender's id, or its key without one."""
        check_form(signed, self.chain.genesis.profile.network_version(self.head.height + 1))
        sender = self._sender(signed.message.sender)
        check_sender(signed, sender, self._gap_max)
        self._pending.check(sender.number, signed)
        return sender.number

    def _sender(self, address: Address) -> Sender:
        """Who sends, in the state after the head; looked up once for all messages of a head."""
        sender = self._senders.get(address)
        if sender is None:
            sender = Sender(self.state.resolve(address) or address, self._key(address), self.state.get(address))
            if len(self._senders) >= SENDERS_KEPT:
                self._senders.clear()
            self._senders[address] = sender
        return sender

    def _account(self, address: Address) -> Actor:
        return account_of(address, self.state.get(address))

    def _key(self, address: Address) -> Address:
        try:
            return key_address(self.chain.blocks, self.state, address)
        except ChainError as error:
            raise PoolError(str(error)) from None

    async def _publish(self, signed: SignedMessage) -> bool:
        try:
            await self.ask(PublishGossip(Topic.MESSAGES, signed.encode()))
        except AskError as error:
            logger.info("message %s waits to be announced: %s", signed.chain_cid(), error)
            return False
        return True

    async def _announce_for_ever(self, period_s: float) -> None:
        while True:
            await self.sleep(period_s)
            for signed in list(self._pending):
                if signed.chain_cid() in self._local:
                    await self._publish(signed)

    # -- questions -------------------------------------------------------------------------------------------

    def _next_nonce(self, address: Address) -> int:
        actor = self._account(address)
        sender = self.state.resolve(address) or address
        return self._pending.next_nonce(sender, actor.nonce)

    @answers(NextNonce)
    def next_nonce(self, request: NextNonce) -> int:
        """The first nonce that neither chain nor pool has used."""
        return self._next_nonce(request.address)

    @answers(SelectMessages)
    def select_messages(self, request: SelectMessages) -> tuple[SignedMessage, ...]:
        """Messages for a block."""
        if not self.chain.blocks.has(request.base[0]) or self.chain.index.execution(request.base) is None:
            self.chain.refresh()
        state = self.chain.state_after(self.chain.tipset(request.base))

        def account(sender: Address) -> tuple[int, int]:
            actor = state.get(sender)
            return (actor.nonce, actor.balance) if actor else (0, 0)

        chains = [(sender, self._pending.of_sender(sender)) for sender in self._pending.senders()]
        return tuple(select(chains, account, request.base_fee))

    @answers(ListMessages)
    def list_messages(self, _request: ListMessages) -> tuple[SignedMessage, ...]:
        """Everything that waits."""
        return tuple(self._pending)

    @answers(GetMessages)
    def get_messages(self, request: GetMessages) -> tuple[SignedMessage, ...]:
        """Messages by CID, waiting or just mined."""
        found = (self._pending.get(cid) or self._signatures.get(cid) for cid in request.cids)
        return tuple(signed for signed in found if signed is not None)

    @answers(RemoveMessage)
    def remove_message(self, order: RemoveMessage) -> None:
        """Drop a message; peers keep theirs."""
        if order.cid not in self._pending:
            raise PoolError(f"message {order.cid} not found in the pool")
        self._remove(order.cid)
        self._forget(order.cid)

    @answers(EstimateGas)
    def estimate_gas(self, request: EstimateGas) -> Message:
        """The message with its gas fields filled in."""
        return fill_gas(self.chain, self.head, request.message, list(self._pending), request.max_fee)

    @answers(WhyWaiting)
    async def why_waiting(self, request: WhyWaiting) -> Explanation:
        """Why a message waits."""
        height = self.chain.index.message_height(request.cid)
        if height is not None:
            return Explanation(f"it is on chain, at height {height}", "nothing is to be done")
        signed = self._pending.get(request.cid)
        if signed is None:
            return Explanation(
                "neither the chain nor the pool of this node has it",
                "check the CID; if it is right, the message was replaced, dropped or never sent: send it again",
            )
        sender = self.state.resolve(signed.message.sender) or signed.message.sender
        try:
            fault = (await self.ask(ReadSync())).fault
        except AskError as error:
            fault = f"has no Syncer that answers: {error}"
        chain, account = self._pending.of_sender(sender), self._account(sender)
        return explain(signed, chain, account, self.chain.base_fee(self.head), fault)
