"""What is told of peers fits a message, whatever they say of themselves."""

from types import SimpleNamespace

from thespis.actors.messages.network import (
    LOOKUP_FOUND_MAX,
    PEER_LISTENS_MAX,
    PEER_TEXTS_MAX,
    PEERS_TOLD_MAX,
    TOLD_BYTES_MAX,
    FindPeer,
    ListPeers,
)
from thespis.actors.network.actor import Network
from thespis.runtime.actor.envelopes import Reply
from thespis.runtime.actor.message import MESSAGE_BYTES_MAX, REGISTRY
from thespis.runtime.p2p.port import PeerInfo


def wire(question, answer):
    return len(REGISTRY.encode(Reply(1, REGISTRY.reply_to_wire(question, answer))))


def test_boasting_peers_do_not_fill_a_frame():
    longest, too_long = "é" * (TOLD_BYTES_MAX // 2), "x" * (TOLD_BYTES_MAX + 1)
    texts = (too_long, *(longest,) * (PEER_TEXTS_MAX + 5))
    peer = PeerInfo("12D3KooW" + "x" * 44, texts, texts, too_long, True, 0.0, texts)
    network = Network()
    network.port = SimpleNamespace(peers=lambda: (peer,) * (PEERS_TOLD_MAX + 1))
    told = network.list_peers(ListPeers())
    assert len(told) == PEERS_TOLD_MAX == 450
    assert told[0].addresses == told[0].protocols == (longest,) * PEER_TEXTS_MAX
    assert told[0].listens == (longest,) * PEER_LISTENS_MAX
    assert told[0].agent == "x" * TOLD_BYTES_MAX
    assert wire(ListPeers, told) <= ListPeers.answer_bytes_max + 1000 < MESSAGE_BYTES_MAX


def test_a_lookup_gives_a_bounded_number_of_addresses():
    network = Network()

    async def call(_begin, _deadline_s):
        return ("x" * (TOLD_BYTES_MAX + 1), *("y" * TOLD_BYTES_MAX for _ in range(LOOKUP_FOUND_MAX + 1)))

    network._call = call
    coroutine = network.find_peer(FindPeer("peer"))
    try:
        coroutine.send(None)
    except StopIteration as stop:
        found = stop.value
    assert found == ("y" * TOLD_BYTES_MAX,) * LOOKUP_FOUND_MAX
    assert LOOKUP_FOUND_MAX == 1000
    assert wire(FindPeer, found) < MESSAGE_BYTES_MAX
