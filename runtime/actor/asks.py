"""The asks one actor has in flight, and the peers it may ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from thespian.actors import ActorAddress
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.envelopes import Peer, Request
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.actor.tasks import Pending
from thespis.runtime.errors import ActorRestartedError, AskTimeoutError, MailboxFullError, MessageError, error_named

ASKS_MAX = 10_000
"""Asks in flight of one actor; more would only wait in someone's mailbox."""

Send = Callable[[ActorAddress, Any], None]


@dataclass(slots=True)
class _Open:
    holder: str
    question: Ask[Any]
    pending: Pending[Any]
    target: str | None = None


class Asks:
    """Matches replies to asks, and ends asks whose target is gone."""

    def __init__(self) -> None:
        self._number = 0
        self._open: dict[int, _Open] = {}
        self._peers: dict[str, Peer] = {}

    def open(self, holder: str, question: Ask[Any]) -> tuple[int, Pending[Any]]:
        """Begin an ask; raises MailboxFullError at the bound."""
        if len(self._open) >= ASKS_MAX:
            raise MailboxFullError(f"{ASKS_MAX} asks are in flight; await some before asking {holder}")
        self._number += 1
        pending: Pending[Any] = Pending()
        self._open[self._number] = _Open(holder, question, pending)
        return self._number, pending

    def dispatch(self, number: int, send: Send) -> None:
        """Send the ask to the present holder of its role, or keep it for the next one."""
        ask = self._open[number]
        peer = self._peers.get(ask.holder)
        if peer is not None:
            ask.target = str(peer.address.addressDetails)
            send(peer.address, Request(number, peer.incarnation, ask.question))

    def resolve(self, number: int, body: Any) -> None:
        """A reply came; replies to asks that are over are ignored, and one of another type fails the ask."""
        ask = self._open.get(number)
        if ask is None:
            return
        try:
            reply = REGISTRY.reply_from_wire(type(ask.question), body)
        except MessageError as error:
            ask.pending.fail(error)
        else:
            ask.pending.resolve(reply)

    def fail(self, number: int, kind: str, detail: str) -> None:
        """A failure came; the errors of asking and those that the question declares keep their type."""
        ask = self._open.get(number)
        if ask is not None:
            ask.pending.fail(error_named(kind, detail, ask.question.expected_errors()))

    def expire(self, number: int, wait_s: float) -> None:
        """The deadline passed."""
        ask = self._open.get(number)
        if ask is not None:
            ask.pending.fail(AskTimeoutError(f"{ask.holder} did not reply within {wait_s} s"))

    def close(self, number: int) -> None:
        """The ask is over."""
        self._open.pop(number, None)

    def peer(self, role: str) -> Peer | None:
        """Who holds a role now."""
        return self._peers.get(role)

    def set_peers(self, peers: tuple[Peer, ...], send: Send) -> None:
        """Take the new map: asks to the gone fail, asks that waited for a holder go out."""
        self._peers = {peer.role: peer for peer in peers}
        alive = {str(peer.address.addressDetails) for peer in peers}
        for number, ask in list(self._open.items()):
            if ask.target is None:
                self.dispatch(number, send)
            elif ask.target not in alive:
                ask.pending.fail(ActorRestartedError(f"{ask.holder} was restarted while it was asked; ask again"))
