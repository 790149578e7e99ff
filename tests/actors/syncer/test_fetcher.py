"""Answers that cannot be true cost the peer that gave them, and never the block that was asked about."""

import asyncio
import random
from types import SimpleNamespace

import pytest
from thespis.actors.messages.network import ListPeers, LongAnswerError, PeerError, PeerMisbehaved
from thespis.actors.syncer import fetcher as fetcher_module
from thespis.actors.syncer.fetcher import PEERS_TRIED_MAX, Fetcher, FetchError, TooLongError
from thespis.actors.syncer.ways import SILENT_S
from thespis.protocols.chain.block import BlockHeader, save_message_meta
from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX, Tipset
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.wire import exchange
from thespis.protocols.wire.exchange import CompactedMessages, ExchangedTipset, Options, Response, Status
from thespis.runtime.actor.tasks import Task
from thespis.runtime.p2p.port import PeerInfo

from tests.vectors import load

NOTHING = CompactedMessages((), ((),), (), ((),))


def finished(_result, error):
    assert error is None


class Owner:
    """Stands for the Syncer: peers answer what the test gives them."""

    def __init__(self, answers):
        self.answers, self.asked, self.told, self.pauses, self.passed_s = answers, [], [], 0, 0.0
        self.environment = SimpleNamespace(random=random.Random(1))

    async def ask(self, request):
        if isinstance(request, ListPeers):
            return tuple(PeerInfo(peer, (), (), "", False, 0.0) for peer in self.answers)
        self.asked.append(request.peer)
        answer = self.answers[request.peer]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def spawn(self, coroutine):
        Task(coroutine, finished)

    def tell(self, notice):
        self.told.append(notice)

    def now_s(self):
        return self.passed_s

    async def sleep(self, seconds):
        assert seconds == 0
        self.pauses += 1

    @property
    def blamed(self):
        return [event.peer for event in self.told if isinstance(event, PeerMisbehaved)]


@pytest.fixture(scope="module")
def tipsets():
    cases = load("mainnet_first_tipsets.json")["cases"]
    wire = [[bytes.fromhex(block["header_cbor_hex"]) for block in case["blocks"]] for case in cases]
    return [Tipset.of([BlockHeader.decode(data) for data in blocks]) for blocks in wire]


@pytest.fixture
def empty(tipsets):
    """A block without messages, and one block with some."""
    nothing = save_message_meta(MemoryBlockstore(), [], [])
    blocks = [block for tipset in tipsets for block in tipset.blocks if tipset.height]
    plain = next(block for block in blocks if block.messages == nothing)
    full = next(block for block in blocks if block.messages != nothing)
    return plain, full


def response(*tipsets, status=Status.OK, text=""):
    return Response(Unsigned(status), text, tuple(tipsets)).encode()


def run(coroutine):
    return asyncio.run(coroutine)


def test_messages_that_the_header_does_not_commit_to_are_the_answering_peers_fault(empty):
    _plain, full = empty
    owner = Owner({"liar": response(ExchangedTipset((), NOTHING))})
    with pytest.raises(FetchError, match="commits to"):
        run(Fetcher(owner).messages(full, "liar"))
    assert owner.blamed == ["liar"]
    with pytest.raises(FetchError, match="commits to"):
        run(Fetcher(owner).batch_messages([Tipset.of([full])], "liar"))


def test_the_next_peer_is_asked_and_only_the_liar_is_blamed(empty):
    plain, _full = empty
    good = response(ExchangedTipset((), NOTHING))
    two = CompactedMessages((), ((), ()), (), ((), ()))
    for lie in (b"\xff", b"", response(), response(ExchangedTipset((), None)), response(ExchangedTipset((), two))):
        owner = Owner({"honest": good, "liar": lie})
        messages = run(Fetcher(owner).messages(plain, "liar"))
        assert (messages.bls, messages.secpk) == ((), ())
        assert owner.asked == ["liar", "honest"]
        assert owner.blamed == ["liar"]


def test_a_peer_that_has_not_got_it_is_not_blamed(empty):
    plain, _full = empty
    owner = Owner({"poor": response(status=Status.NOT_FOUND), "rich": response(ExchangedTipset((), NOTHING))})
    run(Fetcher(owner).messages(plain, "poor"))
    assert owner.told == []


def test_headers_must_be_those_that_were_asked_for(tipsets):
    owner = Owner({"liar": response(ExchangedTipset(tipsets[3].blocks, None))})
    with pytest.raises(FetchError, match="links to"):
        run(Fetcher(owner).headers(tipsets[4].key, 1, "liar"))
    assert owner.blamed == ["liar"]
    owner = Owner({"honest": response(ExchangedTipset(tipsets[4].blocks, None))})
    assert run(Fetcher(owner).headers(tipsets[4].key, 1, "honest")) == [tipsets[4]]


def test_a_bounded_number_of_peers_is_asked(empty):
    plain, _full = empty
    owner = Owner({f"poor {number}": response(status=Status.NOT_FOUND) for number in range(PEERS_TRIED_MAX + 2)})
    with pytest.raises(FetchError):
        run(Fetcher(owner).messages(plain, "poor 3"))
    assert len(owner.asked) == len(set(owner.asked)) == PEERS_TRIED_MAX
    assert owner.asked[0] == "poor 3"


def test_an_answer_longer_than_any_legal_one_costs_its_peer(empty, tipsets):
    """A block's gas bounds its messages; so many headers at once may be longer than what is read."""
    plain, _full = empty
    too_long = LongAnswerError("more than 12582912 bytes came")
    owner = Owner({"liar": too_long})
    with pytest.raises(FetchError) as caught:
        run(Fetcher(owner).messages(plain, "liar"))
    assert not isinstance(caught.value, TooLongError)
    assert owner.blamed == ["liar"]
    owner = Owner({"honest": response(ExchangedTipset((), NOTHING)), "liar": too_long})
    run(Fetcher(owner).messages(plain, "liar"))
    assert (owner.asked, owner.blamed) == (["liar", "honest"], ["liar"])
    owner = Owner({"liar": too_long})
    with pytest.raises(FetchError):
        run(Fetcher(owner).headers(tipsets[4].key, 9, "liar"))
    assert (owner.asked, owner.blamed) == (["liar"] * 4, ["liar"]), "nine, four, two, and one is no legal answer"


def test_headers_of_many_tipsets_are_read_within_a_bound_of_bytes(tipsets, monkeypatch):
    assert fetcher_module.HEADERS_BYTES_MAX == 2 << 20
    [newest, below] = tipsets[4], tipsets[3]
    assert below.key == newest.parents
    both, one = ([ExchangedTipset(each.blocks, None) for each in some] for some in ((newest, below), (newest,)))
    size = len(response(*both))
    owner = Owner({"peer": response(*both)})
    monkeypatch.setattr(fetcher_module, "HEADERS_BYTES_MAX", size)
    assert run(Fetcher(owner).headers(newest.key, 2, "peer")) == [newest, below]
    monkeypatch.setattr(fetcher_module, "HEADERS_BYTES_MAX", size - 1)
    owner = Owner({"peer": response(*both)})
    with pytest.raises(FetchError):
        run(Fetcher(owner).headers(newest.key, 2, "peer"))
    assert owner.asked == ["peer"] * 2, "for less, and a peer that gives as much again answers what was not asked"
    monkeypatch.setattr(fetcher_module, "HEADERS_BYTES_MAX", 1)
    owner = Owner({"peer": response(*one)})
    assert run(Fetcher(owner).headers(newest.key, 1, "peer")) == [newest], "one tipset is read in any case"


def test_what_a_request_may_bring_is_bounded_by_what_it_asks_for():
    key = (Cid.of(b"a"), Cid.of(b"b"))
    assert exchange.HEADER_BYTES_MAX == 1 << 20
    for length, options, blocks_of in (
        (1, Options.HEADERS, exchange.HEADER_BYTES_MAX),
        (1, Options.MESSAGES, exchange.TIPSET_BYTES_MAX),
        (1, Options.HEADERS | Options.MESSAGES, exchange.HEADER_BYTES_MAX + exchange.TIPSET_BYTES_MAX),
    ):
        one, two = (exchange.Request(key[:count], Unsigned(length), Unsigned(options)) for count in (1, 2))
        assert [exchange.longest_answer(each) for each in (one, two)] == [blocks_of, 2 * blocks_of]
        assert exchange.longest_answer(one) <= exchange.ANSWER_BYTES_MAX, "one block is always read"
        more = exchange.Request(key, Unsigned(3), Unsigned(options))
        assert exchange.longest_answer(more) == (2 + 2 * TIPSET_BLOCKS_MAX) * blocks_of


def test_messages_of_many_tipsets_may_come_in_parts(tipsets):
    nothing = save_message_meta(MemoryBlockstore(), [], [])
    plain = [tipset for tipset in tipsets if [block.messages for block in tipset.blocks] == [nothing]][:3]
    assert len(plain) == 3
    owner = Owner({"slow": response(ExchangedTipset((), NOTHING), status=Status.PARTIAL)})
    found = run(Fetcher(owner).batch_messages(plain, "slow"))
    assert [[(each.bls, each.secpk) for each in blocks] for blocks in found] == [[((), ())]] * 3
    assert owner.asked == ["slow"] * 3


def test_who_is_silent_is_asked_after_the_others_for_a_while(empty):
    """Silence costs ten seconds; a peer that passes blocks on and never answers must not cost them each time."""
    plain, _full = empty
    owner = Owner({"silent": PeerError("no answer"), "honest": response(ExchangedTipset((), NOTHING))})
    fetcher = Fetcher(owner)
    for _ in range(3):
        run(fetcher.messages(plain, "silent"))
    assert owner.asked == ["silent", "honest", "honest", "honest"]
    owner.passed_s = SILENT_S + 1
    run(fetcher.messages(plain, "silent"))
    assert owner.asked[4:] == ["silent", "honest"]
    owner.answers["honest"] = PeerError("no answer")
    for _ in range(2):
        with pytest.raises(FetchError):
            run(fetcher.messages(plain, "honest"))
    assert set(owner.asked[-2:]) == {"silent", "honest"}, "they are asked all the same when there is nobody else"
    assert owner.told == []
