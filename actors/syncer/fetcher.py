"""Fetching tipsets from peers by chain exchange: the peer that named the target first, and soon others beside it.

What is asked for at once is small at first and grows while answers are small; where a tipset is too long for one
answer its blocks are asked for one by one, and every legal block fits. Answers are read in pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from thespis.actors.messages.network import AskPeer, ListPeers, LongAnswerError, PeerError, PeerMisbehaved
from thespis.actors.syncer.race import Race
from thespis.actors.syncer.ways import Standing, Ways
from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.consensus.block_messages import check_commitment
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.errors import BlockMessagesError, ProtocolError, RefusedError
from thespis.protocols.steps import Steps
from thespis.protocols.wire.exchange import ANSWER_BYTES_MAX, PROTOCOL, Options, Request, longest_answer
from thespis.protocols.wire.exchange_reading import ReadTipset, UnreadMessages, read_response
from thespis.runtime.actor.pieces import in_pieces
from thespis.runtime.errors import AskError

if TYPE_CHECKING:
    from thespis.actors.syncer.settings import SyncerSettings
    from thespis.runtime.actor.subsystem import Subsystem

T = TypeVar("T")

PEERS_TRIED_MAX = 4
REQUEST_TIMEOUT_S = 10.0
FIRST_TIPSETS = 2
"""Tipsets whose messages are asked for at once before it is known how long they are."""
ANSWER_BYTES = 2 << 20
"""Of messages that are asked for at once, by the length of those that came last; a fraction of what an answer may be,
for the next ones may be longer."""

HEADERS_BYTES_MAX = 2 << 20
"""Of headers that are read at once, if they are of several tipsets: decoded they take about ten times as much."""


class FetchError(Exception):
    """No peer gave what was asked for; nobody's fault, and worth another try."""


class TooLongError(FetchError):
    """What was asked for at once is longer than an answer that is read; nobody's fault, for fewer may be asked for."""


class Fetcher:
    """Asks peers in the name of the Syncer."""

    def __init__(self, owner: Subsystem[SyncerSettings]) -> None:
        self._owner = owner
        self.ways = Ways()

    async def headers(self, key: TipsetKey, length: int, first: str) -> list[Tipset]:
        """At most `length` tipsets from `key` downwards."""
        while True:
            request = Request(key, Unsigned(length), Unsigned(Options.HEADERS))
            try:
                return await self._ask(request, first, _tipsets, HEADERS_BYTES_MAX)
            except TooLongError:
                if length == 1:
                    raise
            length //= 2

    async def messages(self, header: BlockHeader, first: str) -> UnreadMessages:
        """The messages of one block."""
        request = Request((header.cid(),), Unsigned(1), Unsigned(Options.MESSAGES))
        [[messages]] = await self._ask(request, first, partial(_committed, [(header,)]))
        return messages

    async def batch_messages(self, tipsets: list[Tipset], first: str) -> list[list[UnreadMessages]]:
        """The messages of consecutive tipsets, oldest first; at least of the oldest, as many as fit an answer."""
        length = min(len(tipsets), FIRST_TIPSETS)
        found: list[list[UnreadMessages]] = []
        size = 0
        while len(found) < len(tipsets) and size < ANSWER_BYTES:
            wanted = tipsets[len(found) : len(found) + length]
            came = await self._messages_of(wanted, first)
            found += came
            size += sum(each.size for blocks in came for each in blocks)
            length *= 2
        return found

    async def _messages_of(self, tipsets: list[Tipset], first: str) -> list[list[UnreadMessages]]:
        """The messages of all these tipsets, oldest first.

        Who answers cuts at the old end, so that is asked again; who does not cut is asked for fewer.
        """
        newest = tipsets[::-1]
        found: list[list[UnreadMessages]] = []
        length = len(newest)
        while len(found) < len(newest):
            left = newest[len(found) : len(found) + length]
            request = Request(left[0].key, Unsigned(len(left)), Unsigned(Options.MESSAGES))
            blocks = [tipset.blocks for tipset in left]
            try:
                found += await self._ask(request, first, partial(_committed, blocks))
            except FetchError as error:
                if isinstance(error, TooLongError) and len(left) > 1:
                    length = len(left) // 2
                    continue
                if len(left[0].blocks) == 1:
                    raise
                found.append([await self.messages(header, first) for header in left[0].blocks])
        return found[::-1]

    async def _ask(
        self,
        request: Request,
        first: str,
        read: Callable[[list[ReadTipset]], Steps[T]],
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> T:
        """What `read` makes of the first answer that can be true; who gives another is reported.

        Raises TooLongError when an honest peer's answer can be too long to be read, or of several tipsets is longer
        than `bytes_max`.
        """
        error = "no peer is connected"
        race = Race(self._owner, await self._order(first), lambda peer: self._ask_one(peer, request))
        while (came := await race.next()) is not None:
            try:
                if came.failure is not None:
                    raise came.failure
                if len(came.data) > bytes_max and request.length > 1:
                    raise TooLongError(f"{came.peer[-8:]}: {len(came.data)} bytes came at once; {bytes_max} are read")
                chain = await in_pieces(self._owner, read_response(request, came.data))
                return await in_pieces(self._owner, read(chain))
            except LongAnswerError as failure:
                error = f"{came.peer[-8:]}: {failure}"
                if longest_answer(request) > ANSWER_BYTES_MAX:
                    raise TooLongError(error) from None
                self._blame(came.peer, error)
            except (AskError, PeerError, RefusedError) as failure:
                error = f"{came.peer[-8:]}: {failure}"
            except ProtocolError as failure:
                error = f"{came.peer[-8:]}: {failure}"
                self._blame(came.peer, error)
        raise FetchError(error)

    async def _ask_one(self, peer: str, request: Request) -> bytes:
        """What a peer answers; who gives nothing is noted as silent, also when nobody waits for it any more."""
        order = AskPeer(peer, PROTOCOL, request.encode(), REQUEST_TIMEOUT_S)
        try:
            data = await self._owner.ask(order)
        except LongAnswerError:
            raise
        except (AskError, PeerError):
            self.ways.kept_silent(peer, self._owner.now_s())
            raise
        self.ways.answered(peer)
        return data

    def _blame(self, peer: str, error: str) -> None:
        self._owner.tell(PeerMisbehaved(peer, f"chain exchange answer: {error}"[:500]))

    async def _order(self, first: str) -> list[str]:
        """Whom to ask; asked anew each time, for the Network may have been restarted meanwhile, or this process."""
        connected = await self._owner.ask(ListPeers())
        peers = [info.peer for info in connected]
        self.ways.see(peers, [info.peer for info in connected if not info.inbound], self._owner.now_s())
        self._owner.environment.random.shuffle(peers)
        standings = {peer: self.ways.standing(peer) for peer in peers}
        peers.sort(key=lambda peer: (standings[peer] == Standing.SILENT, peer != first, standings[peer]))
        return peers[:PEERS_TRIED_MAX]


def _tipsets(chain: list[ReadTipset]) -> Steps[list[Tipset]]:
    """Headers as tipsets; raises InvalidTipsetError for blocks that are none together."""
    found = []
    for each in chain:
        found.append(Tipset.of(each.blocks))
        yield
    return found


def _committed(blocks: Sequence[tuple[BlockHeader, ...]], chain: list[ReadTipset]) -> Steps[list[list[UnreadMessages]]]:
    """Messages by tipset and block; raises BlockMessagesError unless they are those that the headers commit to.

    A wrong answer is the answering peer's fault. Taken for the block's messages it would brand an honest block.
    """
    found = []
    for headers, tipset in zip(blocks, chain, strict=False):
        if len(tipset.messages) != len(headers):
            raise BlockMessagesError(f"messages of {len(tipset.messages)} blocks came for {len(headers)}")
        for header, messages in zip(headers, tipset.messages, strict=True):
            check_commitment(header, *messages.cids())
            yield
        found.append(list(tipset.messages))
    return found
