"""What the Syncer refuses before it looks closer, and how far it walks back for headers."""

import dataclasses
from types import SimpleNamespace

import pytest
from thespis.actors.syncer import walk as module
from thespis.actors.syncer.actor import FUTURE_EPOCHS_MAX, Syncer
from thespis.actors.syncer.fetcher import FetchError
from thespis.actors.syncer.targets import Target
from thespis.actors.syncer.walk import headers_down
from thespis.protocols.chain.tipset import Tipset

from tests.actors.chain.builder import new_chain, now_at


class Headers:
    """Stands for the fetcher: one peer that has a chain of headers over a genesis."""

    def __init__(self, genesis, length):
        self.asked = []
        self.tipsets = [genesis]
        for height in range(1, length + 1):
            parents = self.tipsets[-1].key
            self.tipsets.append(Tipset.of([dataclasses.replace(genesis.blocks[0], height=height, parents=parents)]))

    async def headers(self, key, length, _peer):
        self.asked.append(length)
        top = next(place for place, tipset in enumerate(self.tipsets) if tipset.key == key)
        return self.tipsets[max(0, top - length + 1) : top + 1][::-1]

    @property
    def target(self):
        return Target(self.tipsets[-1].key, self.tipsets[-1].height, 1, "peer", "author")


@pytest.fixture
def syncer():
    """A Syncer without its process, over a genesis, at epoch 100."""
    found = Syncer()
    found.chain = new_chain()
    clock = SimpleNamespace(unix_s=lambda: now_at(found.chain, 100))
    found._myRef = SimpleNamespace(environment=SimpleNamespace(clock=clock))
    return found


def walk(syncer, headers):
    coroutine = headers_down(syncer.chain, headers, syncer._bad, headers.target)
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    raise AssertionError("it waits")


def test_blocks_of_later_epochs_and_of_what_is_final_are_not_looked_at(syncer):
    head = syncer.chain.head()
    header, finality = head.blocks[0], syncer.chain.genesis.profile.finality_epochs
    latest = 100 + FUTURE_EPOCHS_MAX
    assert syncer._timely(dataclasses.replace(header, height=latest))
    assert not syncer._timely(dataclasses.replace(header, height=latest + 1))
    syncer.chain.head = lambda: SimpleNamespace(height=50 + finality)
    assert syncer._timely(dataclasses.replace(header, height=50))
    assert not syncer._timely(dataclasses.replace(header, height=49))


def test_requests_for_headers_double_up_to_their_bound(syncer, monkeypatch):
    assert module.HEADERS_MAX == 500
    monkeypatch.setattr(module, "HEADERS_MAX", 8)
    headers = Headers(syncer.chain.head(), 30)
    found = walk(syncer, headers)
    assert [tipset.height for tipset in found] == list(range(30, 0, -1))
    assert headers.asked == [8, 8, 8, 7]


def test_a_gap_has_a_bounded_length(syncer, monkeypatch):
    assert module.SYNC_TIPSETS_MAX == 50_000
    monkeypatch.setattr(module, "SYNC_TIPSETS_MAX", 20)
    assert len(walk(syncer, Headers(syncer.chain.head(), 20))) == 20
    monkeypatch.setattr(module, "HEADERS_MAX", 7)
    headers = Headers(syncer.chain.head(), 40)
    with pytest.raises(FetchError, match="over 20 tipsets"):
        walk(syncer, headers)
    assert headers.asked == [7, 7, 7], "nothing is fetched beyond the bound"


def test_a_chain_that_leaves_ours_below_finality_is_not_followed(syncer):
    headers = Headers(syncer.chain.head(), 20)
    profile = dataclasses.replace(syncer.chain.genesis.profile, finality_epochs=5)
    syncer.chain._genesis = dataclasses.replace(syncer.chain.genesis, profile=profile)
    syncer.chain.head = lambda: SimpleNamespace(height=15)
    syncer.chain.knows = lambda _key: False
    with pytest.raises(FetchError, match="at or below height 10, which is final"):
        walk(syncer, headers)
