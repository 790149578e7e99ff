"""The Api: answers JSON-RPC calls from a reader of the chain and by asking the other subsystems.

Calls run side by side; a channel of events belongs to one WebSocket and ends with it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from thespis.actors.api import forms
from thespis.actors.api.calls import Calls
from thespis.actors.api.channels import Channels
from thespis.actors.api.parts import Parts
from thespis.actors.api.settings import ApiSettings
from thespis.actors.api.turns import LANES, Turns
from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.api import ReadRest, RpcCall, RpcReply
from thespis.actors.messages.msg_pool import MessageChanged
from thespis.actors.messages.syncer import NewHead
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.runtime.actor.envelopes import ListProcesses
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError
from thespis.runtime.http.auth import PERMISSIONS, SECRET_BYTES, new_token
from thespis.runtime.http.port import CallArrived, CallGone, ConnectionClosed, HttpPort, HttpSettings, PageArrived
from thespis.runtime.lanes import LaneEnded
from thespis.runtime.store.interface import METADATA, Put, Store

logger = logging.getLogger(__name__)

CHANGES_MAX = 100
"""Changes of the head in one frame; a longer way is told in several."""
_SECRET = b"auth-jwt-private"


class Api(Subsystem[ApiSettings]):
    """The node's JSON-RPC interface."""

    chain: ChainReader
    settings: ApiSettings
    port: HttpPort

    turns: Turns
    calls: Calls
    channels: Channels
    told: Tipset
    """The head that followers of the chain know of."""

    def __init__(self) -> None:
        super().__init__()
        self.secret = b""
        self._calls = 0
        self.parts = Parts()

    async def start(self, settings: ApiSettings) -> None:
        """Open the chain and listen."""
        self.settings = settings
        store = self.opened(self.environment.open_reader("chain"))
        lanes = self.opened(self.environment.open_lanes(LANES, self.signal))
        self.chain = ChainReader(store)
        self.told = self.chain.head()
        self.turns = Turns(lanes, self.now_s)
        self.calls = Calls(self, {lane: ChainReader(lanes.watched(store)) for lane in LANES})
        self.secret = self._load_secret(self.opened(self.environment.open_store("api")))
        self.port = self.opened(
            self.environment.open_http(HttpSettings(settings.address, self.secret, settings.origins), self.signal)
        )
        self.channels = Channels(self.port.push)
        self.environment.publish_api(self.port.address, new_token(self.secret, PERMISSIONS))

    def _load_secret(self, store: Store) -> bytes:
        secret = store.get(METADATA, _SECRET)
        if secret is None:
            secret = self.environment.random.randbytes(SECRET_BYTES)
            store.write([Put(METADATA, _SECRET, secret)])
        return secret

    # -- calls -----------------------------------------------------------------------------------------------

    @handles(CallArrived)
    def call_arrived(self, call: CallArrived) -> None:
        """Answer one call, single or batch, beside the others."""
        self._calls += 1
        self.port.taken(call.number)
        self.calls.begin(call)

    @handles(CallGone)
    def call_gone(self, gone: CallGone) -> None:
        """Nobody waits for it."""
        self.calls.drop(gone.number)

    @answers(RpcCall)
    async def rpc_call(self, call: RpcCall) -> RpcReply:
        """Answer a call from inside."""
        return self.parts.first(await self.calls.answer_inside(call.body))

    @answers(ReadRest)
    def read_rest(self, request: ReadRest) -> RpcReply:
        """What did not fit into one message."""
        return self.parts.following(request.rest)

    @handles(LaneEnded)
    def lane_ended(self, event: LaneEnded) -> None:
        """A lane has a result, and room for what waits."""
        self.turns.ended(event)

    @handles(PageArrived)
    async def page_arrived(self, page: PageArrived) -> None:
        """Answer a probe or a scrape."""
        if page.path.endswith("metrics"):
            await self._metrics(page.number)
            return
        ready = page.path.endswith("livez") or self._synced()
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
        body = metrics.page(self.chain, metrics.ApiNumbers(self._calls, len(self.channels)), table)
        self.port.respond(number, body, 200, metrics.CONTENT_TYPE)

    # -- channels --------------------------------------------------------------------------------------------

    @handles(ConnectionClosed)
    def connection_closed(self, event: ConnectionClosed) -> None:
        """Its channels and calls end."""
        self.channels.drop(event.connection)
        self.calls.drop_connection(event.connection)

    @handles(NewHead)
    def new_head(self, _event: NewHead) -> None:
        """Tell whoever follows the chain what leads from the head that was told last to the one that the store has.

        An event may come late, twice or not at all; what was told is what a follower's next change has to begin with.
        """
        self.chain.refresh()
        head = self.chain.head()
        if self.channels.follows("chain"):
            reverted, applied = self.chain.path(self.told, head)
            for changes in _portions(
                [
                    *(("revert", key) for key in reverted),
                    *(("apply", key) for key in applied),
                ]
            ):
                form = [{"Type": kind, "Val": forms.tipset_form(self.chain.tipset(key))} for kind, key in changes]
                self.channels.tell("chain", forms.written(form, self.chain.genesis.profile.address_network))
        self.told = head

    def first_value(self, topic: str) -> bytes | None:
        """What a channel begins with: of the chain, the head that was told last."""
        if topic != "chain":
            return None
        current = [{"Type": "current", "Val": forms.tipset_form(self.told)}]
        return forms.written(current, self.chain.genesis.profile.address_network)

    @handles(MessageChanged)
    def message_changed(self, event: MessageChanged) -> None:
        """Tell whoever follows the pool."""
        if self.channels.follows("mpool"):
            update = {"Type": event.kind.value, "Message": forms.signed_form(event.message)}
            self.channels.tell("mpool", forms.written(update, self.chain.genesis.profile.address_network))


def _portions(changes: list[tuple[str, TipsetKey]]) -> Iterator[list[tuple[str, TipsetKey]]]:
    for start in range(0, len(changes), CHANGES_MAX):
        yield changes[start : start + CHANGES_MAX]
