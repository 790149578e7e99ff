"""The asks one actor has in flight, and the peers it may ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from thespian.actors import ActorAddress
from thespis.runtime import errors
from thespis.runtime.actor.envelopes import Peer, Request
from thespis.runtime.actor.tasks import Pending
from thespis.runtime.errors import ActorRestartedError, AskTimeoutError, MailboxFullError, RemoteError

ASKS_MAX = 10_000
"""Asks in flight of one actor; more would only wait in someone's mailbox."""

Send = Callable[[ActorAddress, Any], None]


@dataclass(slots=True)
class _Ask:
    role: str
    pending: Pending[Any]
    body: Any = None
    target: str | None = None


class Asks:
    """Matches replies to asks, and ends asks whose target is gone."""

    def __init__(self) -> None:
        self._number = 0
        self._open: dict[int, _Ask] = {}
        self._peers: dict[str, Peer] = {}

    def open(self, role: str) -> tuple[int, Pending[Any]]:
        """Begin an ask; raises MailboxFullError at the bound."""
        if len(self._open) >= ASKS_MAX:
            raise MailboxFullError(f"{ASKS_MAX} asks are in flight; await some before asking {role}")
        self._number += 1
        pending: Pending[Any] = Pending()
        self._open[self._number] = _Ask(role, pending)
        return self._number, pending

    def dispatch(self, number: int, body: Any, send: Send) -> None:
        """Send the ask to the present holder of its role, or keep it for the next one."""
        ask = self._open[number]
        peer = self._peers.get(ask.role)
        if peer is None:
            ask.body = body
            return
        ask.target = str(peer.address.addressDetails)
        ask.body = None
        send(peer.address, Request(number, peer.incarnation, body))

    def resolve(self, number: int, body: Any) -> None:
        """A reply came; replies to asks that are over are ignored."""
        ask = self._open.get(number)
        if ask is not None:
            ask.pending.resolve(body)

    def fail(self, number: int, kind: str, detail: str) -> None:
        """A typed failure came; the errors of asking keep their type, others become RemoteError."""
        ask = self._open.get(number)
        if ask is None:
            return
        cls = getattr(errors, kind, None)
        if isinstance(cls, type) and issubclass(cls, errors.RuntimeFloorError) and cls is not RemoteError:
            ask.pending.fail(cls(detail))
        else:
            ask.pending.fail(RemoteError(kind, detail))

    def expire(self, number: int, role: str, deadline_s: float) -> None:
        """The deadline passed."""
        ask = self._open.get(number)
        if ask is not None:
            ask.pending.fail(AskTimeoutError(f"{role} did not reply within {deadline_s} s"))

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
            if ask.target is None and ask.body is not None and ask.role in self._peers:
                self.dispatch(number, ask.body, send)
            elif ask.target is not None and ask.target not in alive:
                ask.pending.fail(ActorRestartedError(f"{ask.role} was restarted while it was asked; ask again"))
