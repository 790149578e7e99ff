"""Any legal chain fits: what is asked for and what is answered are cut until they do."""

import random
from types import SimpleNamespace

import pytest
from thespis.actors.chain_exchange import actor as exchange_actor
from thespis.actors.chain_exchange.actor import ChainExchange
from thespis.actors.messages.network import ListPeers, LongAnswerError, PeerMisbehaved
from thespis.actors.messages.peer_protocols import ExchangeRequest
from thespis.actors.syncer import fetcher as fetcher_module
from thespis.actors.syncer.fetcher import Fetcher
from thespis.protocols.chain.message import BLOCK_GAS_LIMIT
from thespis.protocols.encoding.tuples import ARRAY_ITEMS_MAX, Unsigned
from thespis.protocols.vm.gas import PRICES_V0
from thespis.protocols.wire import exchange
from thespis.protocols.wire.exchange import Options, Request, Response, Status
from thespis.runtime.actor.tasks import Task
from thespis.runtime.p2p.port import PeerInfo

from tests.actors.chain.builder import USERS, add, make_block, new_chain, transfer


def run(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def finished(_result, error):
    assert error is None


class Honest(ChainExchange):
    """Answers without a process."""

    def __init__(self, chain):
        super().__init__()
        self.items = exchange_actor._Items(chain)

    async def sleep(self, seconds):
        assert seconds == 0


class Asker:
    """Stands for a Syncer with one peer; `lengths` are those of the answers it was given."""

    def __init__(self, chain):
        self.peer, self.lengths, self.asked, self.told = Honest(chain), [], [], []
        self.environment = SimpleNamespace(random=random.Random(1))

    async def ask(self, question):
        if isinstance(question, ListPeers):
            return (PeerInfo("honest", (), (), "", False, 0.0),)
        self.asked.append(Request.decode(question.data))
        answer = await self.peer.answer(ExchangeRequest("asker", question.data))
        self.lengths.append(len(answer))
        return answer

    def now_s(self):
        return 0.0

    async def sleep(self, seconds):
        assert seconds == 0

    def spawn(self, coroutine):
        Task(coroutine, finished)

    def tell(self, notice):
        self.told.append(notice)


class Uncut(Asker):
    """Its peer answers with all that is asked for; the Network reads so much of it."""

    def __init__(self, chain, read_bytes):
        super().__init__(chain)
        self.read_bytes, self.too_long = read_bytes, 0

    async def ask(self, question):
        answer = await super().ask(question)
        if len(answer) > self.read_bytes:
            self.too_long += 1
            raise LongAnswerError("too long")
        return answer


@pytest.fixture(scope="module")
def chain():
    """Six tipsets of at least two blocks, each block with four messages of its own."""
    found = new_chain()
    for _ in range(6):
        parent = found.head()
        height, winners = parent.height, []
        while len(winners) < 2:
            height += 1
            winners = [miner for miner in range(3) if make_block(found, miner, parent, height) is not None]
        for miner in winners:
            due = found.state_after(parent).get(USERS[miner]).nonce
            add(found, make_block(found, miner, parent, height, [transfer(miner, nonce=due + n) for n in range(4)]))
    return found


def tipsets(chain):
    return [tipset for tipset in chain.history(chain.head()) if tipset.height][::-1]


def everything(chain, asker):
    """All messages of a chain, as a syncing node fetches them."""
    waiting, found = tipsets(chain), []
    while waiting:
        came = run(Fetcher(asker).batch_messages(waiting[:30], "honest"))
        assert came
        found += came
        waiting = waiting[len(came) :]
    return found


def expected(chain):
    return [[chain.block_messages(header).chain_cids() for header in tipset.blocks] for tipset in tipsets(chain)]


def cids(fetched):
    return [[[*each.cids()[0], *each.cids()[1]] for each in blocks] for blocks in fetched]


@pytest.mark.parametrize("answer_bytes", [1, 600, 1500, 4000, 1 << 20])
def test_messages_come_whole_however_short_answers_are(chain, monkeypatch, answer_bytes):
    monkeypatch.setattr(exchange_actor, "RESPONSE_BYTES_MAX", answer_bytes)
    asker = Asker(chain)
    assert cids(everything(chain, asker)) == expected(chain)
    assert asker.told == []


def test_a_tipset_that_is_too_long_for_one_answer_comes_block_by_block(chain, monkeypatch):
    longest = max(
        sum(len(m.encode()) for m in chain.block_messages(header).secpk)
        for each in tipsets(chain)
        for header in each.blocks
    )
    monkeypatch.setattr(exchange_actor, "TIPSET_BYTES_MAX", longest - 1)
    monkeypatch.setattr(exchange_actor, "RESPONSE_BYTES_MAX", longest)
    asker = Asker(chain)
    assert cids(everything(chain, asker)) == expected(chain)
    assert max(asker.lengths) <= longest + 200
    assert any(len(request.head) == 1 for request in asker.asked)
    assert not any(isinstance(notice, PeerMisbehaved) for notice in asker.told)
    whole = Response.decode(run(Honest(chain).answer(ExchangeRequest("asker", _request(chain.head()).encode()))))
    assert whole.status in (Status.OK, Status.GO_AWAY)


def _request(tipset):
    return Request(tipset.key, Unsigned(1), Unsigned(Options.MESSAGES))


@pytest.mark.parametrize("answer_bytes", [600, 900, 1500, 4000])
def test_messages_come_whole_from_a_peer_that_cuts_nothing(chain, monkeypatch, answer_bytes):
    """As Lotus: an answer may be longer than what is read, and its peer is not blamed for it."""
    monkeypatch.setattr(fetcher_module, "ANSWER_BYTES_MAX", answer_bytes)
    monkeypatch.setattr(exchange, "TIPSET_BYTES_MAX", 580)
    asker = Uncut(chain, answer_bytes)
    assert cids(everything(chain, asker)) == expected(chain)
    assert asker.too_long
    assert asker.told == []


def test_every_legal_block_fits_what_an_asker_takes():
    """A block's gas pays for its messages' bytes, so a block alone is bounded; the bounds above it follow."""
    gas_per_byte = PRICES_V0.on_chain_message(1001) - PRICES_V0.on_chain_message(1000)
    indices = 2 * ARRAY_ITEMS_MAX * 3
    largest_block = BLOCK_GAS_LIMIT // gas_per_byte + indices
    assert largest_block < exchange.TIPSET_BYTES_MAX == 11 << 20
    assert exchange.TIPSET_BYTES_MAX + indices < exchange.ANSWER_BYTES_MAX == 12 << 20
    assert exchange.RESPONSE_BYTES_MAX < exchange.TIPSET_BYTES_MAX


def test_what_is_asked_for_at_once_follows_what_came(chain, monkeypatch):
    assert (fetcher_module.FIRST_TIPSETS, fetcher_module.ANSWER_BYTES) == (2, 2 << 20)
    asker = Asker(chain)
    assert len(run(Fetcher(asker).batch_messages(tipsets(chain), "honest"))) == len(tipsets(chain))
    assert [int(request.length) for request in asker.asked] == [2, 4]
    monkeypatch.setattr(fetcher_module, "ANSWER_BYTES", 1)
    came = run(Fetcher(asker).batch_messages(tipsets(chain), "honest"))
    assert len(came) == 2, "they are executed before more is asked for"
    assert cids(came) == expected(chain)[:2]
