"""What the Syncer refuses before it looks closer, and how far it walks back for headers."""

import dataclasses
from types import SimpleNamespace

import pytest
from thespis.actors.chain.first_look import FUTURE_EPOCHS_MAX, is_timely
from thespis.actors.syncer import walk as module
from thespis.actors.syncer.actor import Syncer
from thespis.actors.syncer.fetcher import FetchError
from thespis.actors.syncer.targets import Target
from thespis.actors.syncer.walk import BadChainError, Walk
from thespis.protocols.chain.tipset import Tipset

from tests.actors.chain.builder import new_chain, now_at
from tests.actors.syncer.alone import run

DELAY_S = new_chain().genesis.profile.block_delay_s


class Headers:
    """Stands for the fetcher: one peer that has a chain of headers over a genesis."""

    def __init__(self, genesis, length, delay_s=DELAY_S):
        self.asked, self.patience = [], genesis.height + length
        self.tipsets = [genesis]
        for height in range(1, length + 1):
            parents = self.tipsets[-1].key
            time_s = genesis.minimum_timestamp + height * delay_s
            header = dataclasses.replace(genesis.blocks[0], height=height, parents=parents, timestamp=time_s)
            self.tipsets.append(Tipset.of([header]))

    async def headers(self, key, length, _peer):
        self.asked.append(length)
        top = next(place for place, tipset in enumerate(self.tipsets) if tipset.key == key)
        return self.tipsets[max(0, top - length + 1) : top + 1][::-1]

    def must_yield(self, count):
        return count > self.patience

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
    return run(Walk(syncer.chain, headers, syncer._bad, headers.target, headers.must_yield).next_part())


def test_blocks_of_later_epochs_and_of_what_is_final_are_not_looked_at(syncer):
    finality = syncer.chain.genesis.profile.finality_epochs
    latest = 100 + FUTURE_EPOCHS_MAX
    now_s = now_at(syncer.chain, 100)
    assert is_timely(syncer.chain, latest, now_s)
    assert not is_timely(syncer.chain, latest + 1, now_s)
    syncer.chain.head = lambda: SimpleNamespace(height=50 + finality)
    assert is_timely(syncer.chain, 50, now_s)
    assert not is_timely(syncer.chain, 49, now_s)


def test_requests_for_headers_double_up_to_their_bound(syncer, monkeypatch):
    assert module.HEADERS_MAX == 100
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


def test_who_must_yield_goes_no_further_down(syncer):
    headers = Headers(syncer.chain.head(), 100)
    headers.patience = 10
    syncer.chain.knows = lambda _key: False
    with pytest.raises(FetchError, match="others wait"):
        walk(syncer, headers)
    assert len(headers.asked) == 1


def test_of_a_long_chain_a_bounded_part_is_kept_and_every_part_comes_from_below(syncer, monkeypatch):
    assert module.PART_BYTES_MAX == 1 << 20
    headers = Headers(syncer.chain.head(), 100)
    size = len(headers.tipsets[50].blocks[0].encode())
    monkeypatch.setattr(module, "PART_BYTES_MAX", 12 * size + 11)
    monkeypatch.setattr(module, "HEADERS_MAX", 7)
    known = {syncer.chain.head().key}
    syncer.chain.knows = lambda key: key in known
    way, seen, parts = Walk(syncer.chain, headers, syncer._bad, headers.target, headers.must_yield), [], 0
    while part := run(way.next_part()):
        assert len(part) <= 12
        assert part[-1].height == len(seen) + 1, "each part stands on what is known"
        known.update(tipset.key for tipset in part)
        seen += part[::-1]
        parts += 1
    assert [tipset.height for tipset in seen] == list(range(1, 101))
    assert parts > 5
    assert sum(headers.asked) < 3 * 100, "nothing is fetched much more than twice"


def test_a_time_that_is_not_its_epochs_ends_a_chain_at_once(syncer):
    headers = Headers(syncer.chain.head(), 30, delay_s=DELAY_S + 1)
    with pytest.raises(BadChainError, match="another time than its epoch's"):
        walk(syncer, headers)


def test_a_chain_that_leaves_ours_below_finality_is_not_followed(syncer):
    headers = Headers(syncer.chain.head(), 20)
    profile = dataclasses.replace(syncer.chain.genesis.profile, finality_epochs=5)
    syncer.chain._genesis = dataclasses.replace(syncer.chain.genesis, profile=profile)
    syncer.chain.head = lambda: SimpleNamespace(height=15)
    syncer.chain.knows = lambda _key: False
    with pytest.raises(FetchError, match="at or below height 10, which is final"):
        walk(syncer, headers)
    assert headers.asked == [8, 3], "five epochs and three more, then down to what is final"
