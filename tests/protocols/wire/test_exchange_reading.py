"""Long answers are read in pieces, to the same end as at once, and whatever is no answer is refused."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.errors import BlockMessagesError, DecodeError, ProtocolError, RefusedError, WireError
from thespis.protocols.wire import exchange, exchange_reading
from thespis.protocols.wire.exchange import CompactedMessages, ExchangedTipset, Options, Request, Response, Status
from thespis.protocols.wire.exchange_reading import UnreadMessages, read_response

from tests.properties import examples

HEAD = (Cid.of(b"head"),)


def message(number, params=b""):
    return Message(0, Address.id(1), Address.id(2), Unsigned(number), 0, 1, 0, 0, 0, params)


def signed(number):
    return SignedMessage(message(number), Signature(SignatureType.SECP256K1, bytes(65)))


def request(length=1, options=Options.MESSAGES):
    return Request(HEAD, length, options)


def to_the_end(steps):
    """What work in pieces gives, and how often it paused."""
    pauses = 0
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value, pauses
        pauses += 1


def full(bls=3, secpk=2):
    """A tipset of two blocks that share a message."""
    return ExchangedTipset(
        (),
        CompactedMessages(
            tuple(map(message, range(bls))),
            (tuple(range(bls)), (0,)),
            tuple(map(signed, range(secpk))),
            ((), tuple(range(secpk))),
        ),
    )


def answer(*tipsets, status=Status.OK, text=""):
    return Response(status, text, tipsets).encode()


def test_an_answer_is_read_as_what_it_says():
    [tipset], _ = to_the_end(read_response(request(), answer(full())))
    first, second = (to_the_end(block.read())[0] for block in tipset.messages)
    assert first.bls == tuple(map(message, range(3)))
    assert first.secpk == ()
    assert (second.bls, second.secpk) == ((message(0),), tuple(map(signed, range(2))))
    assert tipset.messages[1].cids() == ([message(0).cid()], [signed(0).cid(), signed(1).cid()])
    assert len(tipset.messages[0]) == 3


def test_a_long_answer_pauses_again_and_again():
    """Eight megabytes took eight seconds in one go: no reply to a heartbeat meanwhile."""
    assert (exchange_reading.PIECE_ITEMS, exchange_reading.PIECE_BYTES) == (250, 128 << 10)
    tipset = full(bls=2000, secpk=3000)
    [read], pauses = to_the_end(read_response(request(), answer(tipset)))
    assert pauses >= 5000 // 250
    _messages, pauses = to_the_end(read.messages[1].read())
    assert pauses >= 3000 // 250
    large = ExchangedTipset(
        (), CompactedMessages(tuple(message(n, bytes(60_000)) for n in range(20)), ((),), (), ((),))
    )
    assert to_the_end(read_response(request(), answer(large)))[1] >= 7, "or few, but large ones"


def test_what_is_no_message_is_found_out_when_it_is_read():
    unread = UnreadMessages((message(0).encode(), cbor.encode(["a", "state", "node"])), ())
    with pytest.raises(BlockMessagesError, match=r"item 2 .* is no message"):
        to_the_end(unread.read())


def test_refusals_and_wrong_answers():
    def refused(data, error=WireError, match=".", asked=None):
        with pytest.raises(error, match=match):
            to_the_end(read_response(asked or request(), data))

    refused(answer(status=Status.GO_AWAY, text="busy"), RefusedError, "202.*busy")
    refused(answer(full(), full()), match="2 tipsets; at most 1")
    refused(answer(), match="were asked for")
    refused(answer(full()), match="PARTIAL", asked=request(2))
    refused(answer(ExchangedTipset((), None)), match="did not come")
    refused(answer(full()) + b"\0", match="1 bytes come after")
    refused(answer(full())[:-1], DecodeError)
    refused(answer(full()), match="0 headers", asked=request(1, Options.HEADERS))
    compact = full().messages
    for bad in (
        dataclasses.replace(compact, bls_includes=((3,), ())),
        dataclasses.replace(compact, secpk_includes=((),)),
        dataclasses.replace(compact, secpk_includes=((), (2**63,))),
        dataclasses.replace(compact, bls=()),
    ):
        refused(answer(ExchangedTipset((), bad)))
    data = answer(full())
    assert data[:2] == b"\x83\x00"
    refused(b"\x98\x03" + data[1:], match="shortest")
    refused(b"\x83\x18\x00" + data[2:], DecodeError)
    refused(b"\x9f" + data[1:], WireError)


def test_bounds_come_before_work(monkeypatch):
    assert exchange_reading.ITEM_BYTES_MAX == 2 << 20
    monkeypatch.setattr(exchange_reading, "ITEM_BYTES_MAX", len(message(0).encode()))
    one = ExchangedTipset((), CompactedMessages((message(0),), ((0,),), (), ((),)))
    to_the_end(read_response(request(), answer(one)))
    monkeypatch.setattr(exchange_reading, "ITEM_BYTES_MAX", len(message(0).encode()) - 1)
    with pytest.raises(DecodeError, match="at least"):
        to_the_end(read_response(request(), answer(one)))
    monkeypatch.undo()
    many = b"\x83\x00\x60\x81\x82\x80\x84\x9a\xff\xff\xff\xff" + bytes(100)
    with pytest.raises(WireError, match="4294967295 messages of a tipset; at most 150000"):
        to_the_end(read_response(request(), many))


@pytest.mark.parametrize("more", [0, 1])
def test_a_header_has_a_bounded_length(more):
    size = exchange_reading.HEADER_READ_MAX - 5 + more
    header = b"\x5a" + size.to_bytes(4, "big") + bytes(size)
    data = b"\x83\x00\x60\x81\x82\x81" + header + b"\xf6"
    with pytest.raises(DecodeError) as refused:
        to_the_end(read_response(request(options=Options.HEADERS), data))
    assert ("the bound is 262144" in str(refused.value)) == bool(more), "below it, it is only no header"


@settings(max_examples=examples(200))
@given(st.data())
def test_in_pieces_and_at_once_agree(data):
    """What the one refuses the other does, but for what messages hold: that is read later, and is its block's fault."""
    encoded = bytearray(answer(full(), full(1, 1), status=Status.PARTIAL))
    for _ in range(data.draw(st.integers(0, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    asked = request(3)

    def at_once():
        response = Response.decode(bytes(encoded))
        exchange.check_response(asked, response)
        return [
            [(b, s) for b, s in zip(t.messages.bls_includes, t.messages.secpk_includes, strict=True)]
            for t in response.chain
        ]

    def in_pieces():
        read, _ = to_the_end(read_response(asked, bytes(encoded)))
        return [[(len(to_the_end(each.read())[0].bls), len(each.secpk)) for each in tipset.messages] for tipset in read]

    try:
        expected = [[(len(b), len(s)) for b, s in tipset] for tipset in at_once()]
    except ProtocolError:
        try:
            found = in_pieces()
        except ProtocolError:
            return
        assert found, "a message that no block holds need not be one"
        return
    assert in_pieces() == expected
