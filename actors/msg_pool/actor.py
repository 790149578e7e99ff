"""The MsgPool: holds signed messages until a block carries them, and chooses those for this node's own blocks.

What is taken from this node's users is written before it is acknowledged, survives a restart, and is announced again
until it is on chain. Messages of blocks that a reorganisation dropped come back.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable

from thespis.actors.chain.reader import ChainReader
from thespis.actors.chain.search import find_nonce, stored_message
from thespis.actors.messages.msg_pool import (
    AddMessage,
    Change,
    EstimateGas,
    EstimatePremium,
    Explanation,
    GetMessages,
    ListMessages,
    MessageAdded,
    MessageChanged,
    MessageGossiped,
    NextNonce,
    RemoveMessage,
    ReplaceMessage,
    SelectMessages,
    SendMessage,
    WhyWaiting,
)
from thespis.actors.messages.network import PeerMisbehaved, PublishGossip, Topic
from thespis.actors.messages.syncer import NewHead, ReadSync
from thespis.actors.messages.wallet import SignBytes
from thespis.actors.msg_pool.final import final_state, same_wherever
from thespis.actors.msg_pool.gas import estimate_premium, fill_gas, priced_anew
from thespis.actors.msg_pool.kept import OwnMessages, Remembered
from thespis.actors.msg_pool.pending import Bounds, Pending, Trust
from thespis.actors.msg_pool.settings import MsgPoolSettings
from thespis.actors.msg_pool.turns import Turns
from thespis.actors.msg_pool.why import explain, gone, on_chain, unknown
from thespis.protocols.builtin.queries.actors import key_address
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.admission import Sender, account_of, check_form, check_sender
from thespis.protocols.consensus.selection import select
from thespis.protocols.crypto.signature import SignatureType
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.errors import ChainError, DecodeError, InvalidMessageError, PoolError, SignatureError
from thespis.protocols.vm.state_tree import Actor, StateTree
from thespis.protocols.wire.topics import parse_message
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.pages import Page, page_of
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError

logger = logging.getLogger(__name__)

REPUBLISH_EPOCHS = 10
FORGET_EVERY_EPOCHS = 100
SIGN_TRIES_MAX = 3
"""A nonce that somebody else's message takes while the Wallet signs is chosen anew."""
SENDERS_KEPT = 10_000


class MsgPool(Subsystem[MsgPoolSettings]):
    """Messages that wait."""

    chain: ChainReader
    own: OwnMessages
    head: Tipset
    """The head as this process last saw it."""
    state: StateTree
    """The state after the head."""
    pending: Pending

    def __init__(self) -> None:
        super().__init__()
        self._remembered = Remembered()
        self._senders: dict[Address, Sender] = {}
        self._signing = Turns()
        self._forgot_at = 0

    async def start(self, settings: MsgPoolSettings) -> None:
        """Open the chain and bring back the messages of this node's users."""
        self.chain = ChainReader(self.opened(self.environment.open_reader("chain")))
        self.own = OwnMessages(self.opened(self.environment.open_store("mpool")))
        self.pending = Pending(Bounds(settings.messages_max, settings.bytes_max, settings.nonce_gap_max))
        self._look()
        self._bring_back(self.own)
        self.spawn(self._announce_for_ever(self.chain.genesis.profile.block_delay_s * REPUBLISH_EPOCHS))

    # -- the chain moves -------------------------------------------------------------------------------------

    def _look(self) -> None:
        self.chain.refresh()
        self.head = self.chain.head()
        self.state = self.chain.state_after(self.head)
        self.pending.at_base_fee(self.chain.base_fee(self.head))
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
            self._bring_back([*returned, *self.own])
        for sender in self.pending.senders():
            actor = self.state.get(sender)
            self._gone(self.pending.settle(sender, *(actor.nonce, actor.balance) if actor else (0, 0)))
        if self.head.height >= self._forgot_at + FORGET_EVERY_EPOCHS:
            self._forgot_at = self.head.height
            self._forget_final()
            self._bring_back(self.own)

    def _signed_messages(self, key: tuple[Cid, ...]) -> list[SignedMessage]:
        found = []
        for header in self.chain.tipset(key).blocks:
            messages = self.chain.block_messages(header)
            found += list(messages.secpk)
            found += [signed for m in messages.bls if (signed := self._remembered.get(m.cid())) is not None]
        return found

    def _bring_back(self, messages: Iterable[SignedMessage]) -> None:
        """Let messages wait again that are not on the chain.

        In nonce order, so that none looks like a gap, and of one nonce the dearest first, which replaced the others.
        """
        for signed in sorted(messages, key=lambda each: (each.message.nonce, -each.message.gas_premium)):
            cid = signed.chain_cid()
            if cid in self.pending or self.chain.index.message_height(cid) is not None:
                continue
            try:
                self._gone(self._take_again(signed))
            except (PoolError, InvalidMessageError, SignatureError) as error:
                logger.info("message %s does not come back: %s", cid, error)

    def _take_again(self, signed: SignedMessage) -> list[SignedMessage]:
        """What was accepted of a user comes back whatever the account has now; others are looked at anew."""
        if signed.chain_cid() not in self.own:
            return self._take(signed, Trust.PEER)
        sender = self._sender(signed.message.sender)
        if account_of(signed.message.sender, sender.actor).nonce > signed.message.nonce:
            return []
        return self.pending.bring_back(sender.number, signed)

    def _remove(self, cid: Cid) -> None:
        signed = self.pending.remove(cid)
        if signed is not None:
            self._gone([signed])

    def _forget_final(self) -> None:
        """What this node's users sent is kept until its nonce is used for good, whichever message used it."""
        state = final_state(self.chain, self.head)
        if state is None:
            return
        for signed in self.own:
            actor = state.get(signed.message.sender)
            if actor is not None and actor.nonce > signed.message.nonce:
                self.own.forget(signed.chain_cid())

    def _gone(self, messages: Iterable[SignedMessage]) -> None:
        for signed in messages:
            self._remembered.add(signed)
            self.publish(MessageChanged(Change.REMOVED, signed))

    # -- messages come ---------------------------------------------------------------------------------------

    @answers(AddMessage)
    async def add_message(self, request: AddMessage) -> MessageAdded:
        """Take a message and announce it; raises what is wrong with it."""
        signed = request.message
        self._admit(signed, Trust.OWN if request.local else Trust.UNTRUSTED if request.untrusted else Trust.PEER)
        return MessageAdded(signed.chain_cid(), await self._publish(signed))

    @answers(MessageGossiped)
    def message_gossiped(self, gossip: MessageGossiped) -> None:
        """Take a message from a peer; one that could never be valid counts against the peer."""
        try:
            signed = parse_message(gossip.data)
        except DecodeError as error:
            self.tell(PeerMisbehaved(gossip.author, f"message: {error}"[:500]))
            return
        try:
            self._admit(signed, Trust.PEER)
        except (SignatureError, InvalidMessageError) as error:
            if same_wherever(self.chain, self.head, signed.message.sender):
                self.tell(PeerMisbehaved(gossip.author, f"message: {error}"[:500]))
        except PoolError as error:
            logger.debug("gossiped message not taken: %s", error)

    def _admit(self, signed: SignedMessage, trust: Trust) -> None:
        cid = signed.chain_cid()
        if cid in self.pending:
            if trust is Trust.OWN and self.pending.keep(cid):
                self.own.keep(signed, self.pending.__contains__)
            return
        self._gone(self._take(signed, trust))
        if signed.signature.type is SignatureType.BLS:
            self._remembered.add(signed)
        self.publish(MessageChanged(Change.ADDED, signed))

    def _take(self, signed: SignedMessage, trust: Trust) -> list[SignedMessage]:
        """Check a message and have it wait; a user's is durable before it does. Returns what had to go for it.

        Raises PoolError, InvalidMessageError or SignatureError.
        """
        check_form(signed, self.chain.genesis.profile.network_version(self.head.height + 1))
        sender = self._sender(signed.message.sender)
        check_sender(signed, sender)
        account = account_of(signed.message.sender, sender.actor)

        def accepted() -> None:
            if trust is Trust.OWN:
                self.own.keep(signed, self.pending.__contains__)

        place = {"nonce": account.nonce, "balance": account.balance}
        return self.pending.add(sender.number, signed, trust, accepted=accepted, **place)

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
            for signed in list(self.pending):
                if signed.chain_cid() in self.own:
                    await self._publish(signed)

    # -- messages are made -----------------------------------------------------------------------------------

    @answers(SendMessage)
    async def send_message(self, request: SendMessage) -> SignedMessage:
        """Complete a message with nonce and gas, have it signed, and take it.

        A sender's messages are signed one after the other, so that nonces follow on; everybody else goes on meanwhile.
        """
        message = fill_gas(self.chain, self.head, request.message, self.pending, request.max_fee)
        sender = self._sender(message.sender)
        async with self._signing.of(sender.number):
            for _ in range(SIGN_TRIES_MAX):
                message = dataclasses.replace(message, nonce=Unsigned(self._next_nonce(message.sender)))
                signed = await self._sign(message)
                if self._next_nonce(message.sender) == message.nonce:
                    break
            self._admit(signed, Trust.OWN)
        await self._publish(signed)
        return signed

    @answers(ReplaceMessage)
    async def replace_message(self, order: ReplaceMessage) -> SignedMessage:
        """Sign a message that waits anew, with the pay that it needs to be taken now."""
        present = self.pending.get(order.cid)
        if present is None:
            raise PoolError(f"message {order.cid} does not wait; thespis mpool why {order.cid} says what became of it")
        signed = await self._sign(priced_anew(present, self.pending, self.chain.base_fee(self.head), order))
        self._admit(signed, Trust.OWN)
        await self._publish(signed)
        return signed

    async def _sign(self, message: Message) -> SignedMessage:
        signature = await self.ask(SignBytes(self._key(message.sender), message.signing_bytes()))
        return SignedMessage(message, signature)

    # -- questions -------------------------------------------------------------------------------------------

    def _next_nonce(self, address: Address) -> int:
        actor = self._account(address)
        sender = self.state.resolve(address) or address
        return self.pending.next_nonce(sender, actor.nonce)

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

        chains = [(sender, self.pending.of_sender(sender)) for sender in self.pending.senders()]
        return tuple(select(chains, account, request.base_fee))

    @answers(ListMessages)
    def list_messages(self, request: ListMessages) -> Page[SignedMessage]:
        """Everything that waits."""
        return page_of(self.pending.places(), request.after, _size)

    @answers(GetMessages)
    def get_messages(self, request: GetMessages) -> Page[SignedMessage]:
        """Messages by CID, as far as this node still has them with their signatures."""
        found = ((number.to_bytes(4, "big"), self._signed(cid)) for number, cid in enumerate(request.cids))
        return page_of(((key, signed) for key, signed in found if signed is not None), request.after, _size)

    def _signed(self, cid: Cid) -> SignedMessage | None:
        return self.pending.get(cid) or self._remembered.get(cid) or self.own.get(cid)

    @answers(RemoveMessage)
    def remove_message(self, order: RemoveMessage) -> None:
        """Drop a message; peers keep theirs."""
        if order.cid not in self.pending:
            raise PoolError(f"message {order.cid} not found in the pool")
        self._remove(order.cid)
        self.own.forget(order.cid)

    @answers(EstimateGas)
    def estimate_gas(self, request: EstimateGas) -> Message:
        """The message with its gas fields filled in."""
        return fill_gas(self.chain, self.head, request.message, self.pending, request.max_fee)

    @answers(EstimatePremium)
    def premium(self, _request: EstimatePremium) -> int:
        """A premium that beats the middle of what waits."""
        return estimate_premium(self.pending)

    @answers(WhyWaiting)
    async def why_waiting(self, request: WhyWaiting) -> Explanation:
        """Why a message waits."""
        height = self.chain.index.message_height(request.cid)
        if height is not None:
            return on_chain(height)
        signed = self.pending.get(request.cid)
        if signed is None:
            return self._why_gone(request.cid)
        sender = self.state.resolve(signed.message.sender) or signed.message.sender
        try:
            fault = (await self.ask(ReadSync())).fault
        except AskError as error:
            fault = f"has no Syncer that answers: {error}"
        chain, account = self.pending.of_sender(sender), self._account(sender)
        return explain(signed, chain, account, self.chain.base_fee(self.head), fault)

    def _why_gone(self, cid: Cid) -> Explanation:
        """What became of a message that does not wait: its nonce tells."""
        signed = self._signed(cid)
        message = signed.message if signed is not None else stored_message(self.chain, cid)
        if message is None:
            return unknown()
        sender = self.state.resolve(message.sender) or message.sender
        waiting = self.pending.of_sender(sender)
        instead = next((each for each in waiting if each.message.nonce == message.nonce), None)
        mined = find_nonce(self.chain, sender, message.nonce, self.head, 0)
        actor = self.state.get(sender)
        return gone(message, instead, mined, actor.nonce if actor is not None else 0)


def _size(signed: SignedMessage) -> int:
    return len(signed.encode()) + 8
