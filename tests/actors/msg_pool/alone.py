"""A MsgPool without its process: its own rules over a real chain, with everyone it talks to played by the test."""

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.msg_pool import Change, MessageChanged, MessageGossiped
from thespis.actors.messages.network import PeerMisbehaved, PublishGossip
from thespis.actors.messages.syncer import NewHead, ReadSync, SyncStatus
from thespis.actors.messages.wallet import SignBytes
from thespis.actors.msg_pool.actor import MsgPool
from thespis.actors.msg_pool.kept import OwnMessages
from thespis.actors.msg_pool.pending import Bounds, Pending
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.runtime.errors import AskTimeoutError

from tests.actors.chain.builder import USER_KEYS, USERS


class Alone(MsgPool):
    """Records what it says; the wallet has the users' keys, and the network may be away."""

    def __init__(self, disk, messages_max=100, gap_max=10, bytes_max=64 << 20):
        super().__init__()
        self.chain = ChainReader(disk.open_reader("chain"))
        self.store = disk.open("mpool")
        self.own = OwnMessages(self.store)
        self.pending = Pending(Bounds(messages_max, bytes_max, gap_max))
        self._look()
        self.told, self.events, self.gossip, self.is_away = [], [], [], False
        self.fault = ""

    async def ask(self, question):
        if isinstance(question, PublishGossip):
            if self.is_away:
                raise AskTimeoutError("the network is away")
            return self.gossip.append(question.data)
        if isinstance(question, ReadSync):
            if self.is_away:
                raise AskTimeoutError("the syncer is away")
            return SyncStatus("idle", 0, 0, 0, 0.0, 0.0, "", 0, self.fault)
        assert isinstance(question, SignBytes)
        return sign(SignatureType.SECP256K1, USER_KEYS[USERS.index(question.address)], question.data)

    def tell(self, notice):
        self.told.append(notice)
        return True

    def publish(self, event):
        assert isinstance(event, MessageChanged)
        self.events.append((event.kind, event.message.message.nonce))

    # -- what a test says and sees ---------------------------------------------------------------------------

    def hear(self, signed, author="author"):
        self.message_gossiped(MessageGossiped(author, signed if isinstance(signed, bytes) else signed.encode()))

    def follow(self, change):
        """The chain moved."""
        self.new_head(NewHead(change.head.key, change.head.height, change.weight, change.reverted, change.applied))

    @property
    def nonces(self):
        return [signed.message.nonce for signed in self.pending]

    @property
    def blamed(self):
        return [notice.peer for notice in self.told if isinstance(notice, PeerMisbehaved)]

    def seen(self, kind):
        return [nonce for change, nonce in self.events if change is Change[kind]]
