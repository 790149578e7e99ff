"""The Bootstrapper alone: whom it dials, how many at once, and who does not count as a peer of its choice."""

import random
from types import SimpleNamespace

import pytest
from thespis.actors.bootstrapper.actor import Bootstrapper
from thespis.actors.bootstrapper.settings import BootstrapperSettings
from thespis.actors.messages.network import ConnectPeer, Identity, ListPeers, PeerError, WhoAmI
from thespis.runtime.actor.tasks import Pending, Task
from thespis.runtime.p2p.port import PeerInfo
from thespis.runtime.store.memory import MemoryDisk

from tests.actors.syncer.alone import run

KNOWN = [f"known-{number}" for number in range(6)]


def there(peer, *, inbound=True, score=0.0, listens=None):
    addresses = (f"/ip4/10.0.0.{len(peer)}/tcp/1",) if listens is None else listens
    return PeerInfo(peer, (), (), "", inbound, score, addresses)


def given(*peers):
    return tuple(f"/ip4/1.1.1.{number}/tcp/1/p2p/{peer}" for number, peer in enumerate(peers))


class Alone(Bootstrapper):
    """Its Network is played by the test: dials end when the test says so."""

    def __init__(self, *peers, disk=None, min_peers=3, offline=False):
        super().__init__()
        self.connected, self.dials, self.looking = [], {}, 0
        store = (disk or MemoryDisk()).open
        self._myRef = SimpleNamespace(environment=SimpleNamespace(open_store=store, random=random.Random(1)))
        run(self.start(BootstrapperSettings(given(*peers), min_peers, 10.0, offline)))

    async def _keep_looking(self, period_s):
        self.looking += 1

    async def ask(self, question):
        if isinstance(question, WhoAmI):
            return Identity("self", ())
        if isinstance(question, ListPeers):
            return tuple(self.connected)
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

    def look_for_nobody(self):
        """One look whose dials all fail; returns who was dialled, in that order."""
        self.spawn(self.look())
        dialled = list(self.dials)
        for peer in dialled:
            self.end(peer, "nobody is there")
        return dialled

    def stopped(self):
        self._opened.close()


@pytest.fixture
def disk():
    return MemoryDisk()


@pytest.mark.behaviour(161)
def test_as_many_are_dialled_as_are_missing_and_none_that_is_connected_or_this_node():
    alone = Alone("a", "b", "c", "d", "self")
    for _ in range(3):
        dialled = alone.look_for_nobody()
        assert len(set(dialled)) == len(dialled) == 3
        assert "self" not in dialled
    alone.connected = [there("a", inbound=False), there("b", inbound=False)]
    [one] = alone.look_for_nobody()
    assert one in ("c", "d")
    alone.connected.append(there("c", inbound=False))
    assert alone.look_for_nobody() == []


def test_looking_is_for_nodes_that_are_online():
    assert Alone("a").looking == 1
    assert Alone().looking == 1, "without addresses too: its book may have some"
    assert Alone("a", offline=True).looking == 0


def test_all_that_are_missing_are_dialled_at_once_and_none_twice():
    alone = Alone(*KNOWN)
    first = alone.look_now()
    assert len(first) == 3
    assert alone.look_now() == set(), "these may still come"
    alone.end(first.pop(), "nobody is there")
    assert len(alone.look_now()) == 1


def test_peers_that_came_by_themselves_are_not_enough():
    """Hundreds of silent ones would else keep a node from every peer that it knows."""
    alone = Alone(*KNOWN)
    alone.connected = [there(f"stranger-{number}") for number in range(300)]
    assert len(alone.look_now()) == 3
    alone = Alone(*KNOWN)
    alone.connected = [there("known-1"), there("found", inbound=False), there("known-2", inbound=False), there("x")]
    assert alone.look_now() == set()


def test_who_failed_is_dialled_after_the_others_until_it_is_there():
    alone = Alone(*KNOWN, min_peers=2)
    tried = set()
    for _ in range(3):
        tried |= set(alone.look_for_nobody())
    assert tried == set(KNOWN), "each once before anybody twice"
    [one, *others] = alone.look_now()
    alone.end(one)
    for peer in others:
        alone.end(peer, "nobody is there")
    assert one in alone.look_now(), "and then it is one like the others"


def test_peers_that_were_good_are_found_again_after_a_restart(disk):
    alone = Alone(disk=disk)
    good, gone, bad = there("good", inbound=False), there("short"), there("bad", score=-1.0)
    alone.connected = [good, gone, bad, there("hidden", listens=())]
    alone.look_now()
    alone.connected.remove(gone)
    alone.look_now()
    alone.stopped()
    again = Alone(disk=disk)
    assert again.look_now() == {"good"}, "who was there twice, broke no rule, and can be dialled"


def test_the_settings_peers_and_the_books_have_turns(disk):
    alone = Alone(disk=disk)
    alone.connected = [there(f"book{'x' * number}", inbound=False) for number in range(4)]
    alone.look_now()
    alone.look_now()
    alone.stopped()
    again = Alone("a", "b", "c", "d", disk=disk, min_peers=4)
    assert sorted(peer.startswith("book") for peer in again.look_now()) == [False, False, True, True]


def test_who_of_the_book_is_not_there_is_tried_after_the_others_and_at_last_forgotten(disk):
    alone = Alone(disk=disk, min_peers=1)
    alone.connected = [there("reached", inbound=False), there("other")]
    alone.look_now()
    alone.look_now()
    alone.connected = []
    assert alone.look_for_nobody() == ["reached"], "it was reached before"
    assert alone.look_for_nobody() == ["other"]
    for _ in range(30):
        alone.look_for_nobody()
    assert len(alone.book) == 0
