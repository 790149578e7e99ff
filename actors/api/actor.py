"""The Api: answers JSON-RPC calls from a reader of the chain and by asking the other subsystems.

Calls run side by side; a channel of events belongs to one WebSocket and ends with it.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any, TypeVar

from thespis.actors.api import dispatch, forms
from thespis.actors.api.registry import NO_METHOD, RpcError
from thespis.actors.api.settings import ApiSettings
from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.api import RpcCall, RpcReply
from thespis.actors.messages.msg_pool import MessageChanged
from thespis.actors.messages.syncer import NewHead
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.envelopes import ListProcesses
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.environment import Environment
from thespis.runtime.errors import AskError
from thespis.runtime.http.auth import PERMISSIONS, SECRET_BYTES, new_token
from thespis.runtime.http.port import CallArrived, ConnectionClosed, HttpPort, HttpSettings, PageArrived
from thespis.runtime.store.interface import METADATA, Put, Store

logger = logging.getLogger(__name__)
R = TypeVar("R")

CHANNELS_MAX = 1000
_SECRET = b"auth-jwt-private"


@dataclass(frozen=True)
class CallView:
    """What one call may use of the node."""

    api: Api
    connection: int

    @property
    def chain(self) -> ChainReader:
        """The chain."""
        return self.api.chain

    @property
    def settings(self) -> ApiSettings:
        """The Api's settings."""
        return self.api.settings

    @property
    def environment(self) -> Environment:
        """Clock and chance."""
        return self.api.environment

    @property
    def secret(self) -> bytes:
        """What tokens are signed with."""
        return self.api.secret

    def tipset(self, key: TipsetKey) -> Tipset:
        """A tipset, or the head for an empty key."""
        return self.api.chain.tipset(key) if key else self.api.chain.head()

    async def ask(self, question: Ask[R]) -> R:
        """Ask a subsystem."""
        return await self.api.ask(question)

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self.api.sleep(seconds)

    def open_channel(self, topic: str) -> int:
        """Subscribe the caller's WebSocket."""
        return self.api.open_channel(self.connection, topic)


class Api(Subsystem[ApiSettings]):
    """The node's JSON-RPC interface."""

    chain: ChainReader
    settings: ApiSettings
    port: HttpPort

    def __init__(self) -> None:
        super().__init__()
        self.secret = b""
        self._channels: dict[int, tuple[int, str]] = {}
        self._channel = 0
        self._calls = 0

    async def start(self, settings: ApiSettings) -> None:
        """Open the chain and listen."""
        self.settings = settings
        self.chain = ChainReader(self.opened(self.environment.open_reader("chain")))
        self.secret = self._load_secret(self.opened(self.environment.open_store("api")))
        self.port = self.opened(
            self.environment.open_http(HttpSettings(settings.address, self.secret, settings.origins), self.signal)
        )
        self.environment.publish_api(self.port.address, new_token(self.secret, PERMISSIONS))

    def _load_secret(self, store: Store) -> bytes:
        secret = store.get(METADATA, _SECRET)
        if secret is None:
            secret = self.environment.random.randbytes(SECRET_BYTES)
            store.write([Put(METADATA, _SECRET, secret)])
        return secret

    # -- calls -----------------------------------------------------------------------------------------------

    @handles(CallArrived)
    async def call_arrived(self, call: CallArrived) -> None:
        """Answer one call, single or batch."""
        self._calls += 1
        cancelled = self._cancelled(call)
        if cancelled is not None:
            self.port.respond(call.number, cancelled)
            return
        body, status = await dispatch.answer(CallView(self, call.connection), call.body, call.permissions)
        self.port.respond(call.number, body, status)

    @answers(RpcCall)
    async def rpc_call(self, call: RpcCall) -> RpcReply:
        """Answer a call from inside."""
        body, _status = await dispatch.answer(CallView(self, 0), call.body, PERMISSIONS)
        return RpcReply(body)

    @handles(PageArrived)
    async def page_arrived(self, page: PageArrived) -> None:
        """Answer a probe or a scrape."""
        if page.path.endswith("metrics"):
            await self._metrics(page.number)
            return
        ready = page.path == "/livez" or self._synced()
        self.port.respond(page.number, b"ok\n" if ready else b"not synced\n", 200 if ready else 503, "text/plain")

    def _synced(self) -> bool:
        """Whether the head is at most five epochs behind the clock."""
        profile = self.chain.genesis.profile
        return self.chain.head().height >= profile.epoch_at(self.environment.clock.unix_s()) - 5

    async def _metrics(self, number: int) -> None:
        """Answer a scrape, with the supervisor's part if it gives it in time."""
        from thespis.actors.api import metrics

        try:
            table = await self.ask(ListProcesses())
        except AskError as error:
            logger.warning("a scrape has no table of processes: %s", error)
            table = None
        body = metrics.page(self.chain, metrics.ApiNumbers(self._calls, len(self._channels)), table)
        self.port.respond(number, body, 200, metrics.CONTENT_TYPE)

    # -- channels --------------------------------------------------------------------------------------------

    def open_channel(self, connection: int, topic: str) -> int:
        """Give a WebSocket a channel; its first event, for the chain, is the present head."""
        if connection == 0:
            raise RpcError(NO_METHOD, "method not supported in this mode (no out channel support)")
        if len(self._channels) >= CHANNELS_MAX:
            raise RpcError(1, f"{CHANNELS_MAX} channels are open; close some")
        self._channel += 1
        number = self._channel
        self._channels[number] = (connection, topic)
        if topic == "chain":
            current = [{"Type": "current", "Val": forms.tipset_form(self.chain.head())}]
            self.spawn(self._push_later(number, current))
        return number

    async def _push_later(self, number: int, value: Any) -> None:
        """After the answer that names the channel."""
        await self.sleep(0.01)
        self._push(number, value)

    def _push(self, number: int, value: Any) -> None:
        channel = self._channels.get(number)
        if channel is None:
            return
        frame = {"jsonrpc": "2.0", "method": "xrpc.ch.val", "params": [number, value]}
        if not self.port.push(channel[0], json.dumps(frame, separators=(",", ":")).encode()):
            del self._channels[number]

    def _cancelled(self, call: CallArrived) -> bytes | None:
        """What answers an ``xrpc.cancel``, which ends the connection's newest channel; None for any other call."""
        if b"xrpc.cancel" not in call.body or not call.connection:
            return None
        numbers = [number for number, (connection, _) in self._channels.items() if connection == call.connection]
        if numbers:
            del self._channels[numbers[-1]]
            closed = {"jsonrpc": "2.0", "method": "xrpc.ch.close", "params": [numbers[-1]]}
            return json.dumps(closed, separators=(",", ":")).encode()
        return b""

    @handles(ConnectionClosed)
    def connection_closed(self, event: ConnectionClosed) -> None:
        """Its channels end."""
        for number, (connection, _topic) in list(self._channels.items()):
            if connection == event.connection:
                del self._channels[number]

    @handles(NewHead)
    def new_head(self, event: NewHead) -> None:
        """Tell whoever follows the chain."""
        self.chain.refresh()
        listeners = [number for number, (_, topic) in self._channels.items() if topic == "chain"]
        if not listeners:
            return
        changes = [
            *({"Type": "revert", "Val": forms.tipset_form(self.chain.tipset(key))} for key in event.reverted),
            *({"Type": "apply", "Val": forms.tipset_form(self.chain.tipset(key))} for key in event.applied),
        ]
        for number in listeners:
            self._push(number, changes)

    @handles(MessageChanged)
    def message_changed(self, event: MessageChanged) -> None:
        """Tell whoever follows the pool."""
        listeners = [number for number, (_, topic) in self._channels.items() if topic == "mpool"]
        if listeners:
            update = {"Type": event.kind.value, "Message": forms.signed_form(event.message)}
            for number in listeners:
                self._push(number, update)
