"""Answers that cannot be true cost the peer that gave them, and never the block that was asked about."""

import asyncio
import random
from types import SimpleNamespace

import pytest
from thespis.actors.messages.network import ListPeers, PeerError, PeerMisbehaved
from thespis.actors.syncer.fetcher import PEERS_TRIED_MAX, SILENT_S, Fetcher, FetchError
from thespis.protocols.chain.block import BlockHeader, save_message_meta
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.wire.exchange import CompactedMessages, ExchangedTipset, Response, Status
from thespis.runtime.p2p.port import PeerInfo

from tests.vectors import load

NOTHING = CompactedMessages((), ((),), (), ((),))


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
