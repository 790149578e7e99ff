"""The Bootstrapper alone: whom it dials, how many at once, and who does not count as a peer of its choice."""

import random
from types import SimpleNamespace

import pytest
from thespis.actors.bootstrapper.actor import Bootstrapper
from thespis.actors.messages.network import ConnectPeer, Identity, ListPeers, PeerError, WhoAmI
from thespis.runtime.actor.tasks import Pending, Task
from thespis.runtime.p2p.port import PeerInfo

KNOWN = [f"known-{number}" for number in range(6)]


class Alone(Bootstrapper):
    """Its Network is played by the test: dials end when the test says so."""

    def __init__(self, min_peers=3):
        super().__init__()
        self._addresses, self._min_peers = {peer: f"/sim/{peer}/p2p/{peer}" for peer in KNOWN}, min_peers
        self.connected, self.dials = [], {}
        self._myRef = SimpleNamespace(environment=SimpleNamespace(random=random.Random(1)))

    async def ask(self, question):
        if isinstance(question, WhoAmI):
            return Identity("self", ())
        if isinstance(question, ListPeers):
            return tuple(PeerInfo(peer, (), (), "", inbound, 0.0) for peer, inbound in self.connected)
        assert isinstance(question, ConnectPeer)
        pending = self.dials[question.address.rpartition("/")[2]] = Pending()
        return await pending

    def spawn(self, coroutine):
        Task(coroutine, lambda _result, error: None if error is None else pytest.fail(repr(error)))

    def look_now(self):
        """One look; returns who is being dialled for it."""
        before = set(self.dials)
        self.spawn(self.look())
        return set(self.dials) - before

    def end(self, peer, error=None):
        pending = self.dials.pop(peer)
        pending.fail(PeerError(error)) if error else pending.resolve(None)


def test_all_that_are_missing_are_dialled_at_once_and_none_twice():
    alone = Alone()
    first = alone.look_now()
    assert len(first) == 3
    assert alone.look_now() == set(), "these may still come"
    alone.end(first.pop(), "nobody is there")
    assert len(alone.look_now()) == 1


def test_peers_that_came_by_themselves_are_not_enough():
    """Hundreds of silent ones would else keep a node from every peer that it knows."""
    alone = Alone()
    alone.connected = [(f"stranger-{number}", True) for number in range(300)]
    assert len(alone.look_now()) == 3
    alone = Alone()
    alone.connected = [("known-1", True), ("found", False), ("known-2", False), ("stranger", True)]
    assert alone.look_now() == set()


def test_who_failed_is_dialled_after_the_others_until_it_is_there():
    alone = Alone(min_peers=2)
    tried = set()
    for _ in range(3):
        now = alone.look_now()
        tried |= now
        for peer in now:
            alone.end(peer, "nobody is there")
    assert tried == set(KNOWN), "each once before anybody twice"
    [one, *others] = alone.look_now()
    alone.end(one)
    for peer in others:
        alone.end(peer, "nobody is there")
    assert one in alone.look_now(), "and then it is one like the others"
