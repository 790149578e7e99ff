import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.chain.block import BlockHeader, BlockMessage, ElectionProof
from thespis.protocols.chain.message import MESSAGE_BYTES_MAX, Message, SignedMessage
from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.errors import DecodeError, RefusedError, WireError
from thespis.protocols.wire import exchange, hello, topics
from thespis.protocols.wire.exchange import (
    CompactedMessages,
    ExchangedTipset,
    Options,
    Request,
    Response,
    Status,
    encode_response,
)

from tests.properties import examples
from tests.vectors import load

HEAD = (Cid.of(b"head"),)
GENESIS = Cid.of(b"genesis")


def mainnet_chain():
    """The first tipsets of mainnet, newest first."""
    tipsets = []
    for case in load("mainnet_first_tipsets.json")["cases"][:6]:
        tipsets.append(tuple(BlockHeader.decode(bytes.fromhex(block["header_cbor_hex"])) for block in case["blocks"]))
    return tipsets[::-1]


def test_hello():
    said = hello.Hello(HEAD, 5, 10**30, GENESIS)
    assert hello.parse_hello(said.encode()) == said
    assert hello.HelloReply.decode(hello.HelloReply(1, 2).encode()) == hello.HelloReply(1, 2)
    for bad in (
        dataclasses.replace(said, heaviest_tipset=()),
        dataclasses.replace(said, heaviest_tipset=HEAD * (TIPSET_BLOCKS_MAX + 1)),
        dataclasses.replace(said, heaviest_tipset_height=-1),
        dataclasses.replace(said, heaviest_tipset_weight=-1),
        dataclasses.replace(said, heaviest_tipset=HEAD * 5000),
    ):
        with pytest.raises(WireError):
            hello.parse_hello(bad.encode())
    with pytest.raises(DecodeError):
        hello.parse_hello(said.encode() + b"\0")
    # a weight that overflows every bound
    with pytest.raises(DecodeError):
        hello.parse_hello(cbor.encode([[HEAD[0]], 5, b"\0" + b"\xff" * 200, GENESIS]))


def test_requests():
    asked = Request(HEAD, 10, 3)
    assert exchange.parse_request(asked.encode()) == asked
    for bad in (
        Request((), 10, 3), Request(HEAD * (TIPSET_BLOCKS_MAX + 1), 10, 3), Request(HEAD, 0, 3),
        Request(HEAD, 901, 3), Request(HEAD, 1, 0), Request(HEAD, 1, 4), Request(HEAD, 2**64 - 1, 3),
    ):  # fmt: skip
        with pytest.raises(WireError):
            exchange.parse_request(bad.encode())


def answer(status=Status.OK, count=6, **changes):
    chain = tuple(ExchangedTipset(blocks, None) for blocks in mainnet_chain()[:count])
    return dataclasses.replace(Response(status, "", chain), **changes)


def asked(length=6, options=Options.HEADERS):
    return Request(tuple(block.cid() for block in mainnet_chain()[0]), length, options)


def test_responses_with_headers():
    response = answer()
    assert Response.decode(response.encode()) == response
    exchange.check_response(asked(), response)
    exchange.check_response(asked(900), response)  # it reaches genesis
    exchange.check_response(asked(6), answer(Status.PARTIAL, 3))
    with pytest.raises(WireError, match="PARTIAL"):
        exchange.check_response(asked(6), answer(Status.OK, 3))
    with pytest.raises(WireError, match="were asked for"):
        exchange.check_response(asked(5), response)
    with pytest.raises(WireError, match="were asked for"):
        exchange.check_response(asked(), answer(chain=()))
    with pytest.raises(WireError, match="refused: status 202"):
        exchange.check_response(asked(), Response(Status.GO_AWAY, "busy", ()))
    with pytest.raises(WireError, match="links to"):
        exchange.check_response(asked(), answer(chain=response.chain[1:] + response.chain[:1]))
    with pytest.raises(WireError, match="links to"):
        exchange.check_response(Request(HEAD, 6, 1), response)
    with pytest.raises(WireError, match="did not come"):
        exchange.check_response(asked(options=Options.HEADERS | Options.MESSAGES), response)
    with pytest.raises(WireError, match="not asked for"):
        exchange.check_response(asked(options=Options.MESSAGES), response)
    with pytest.raises(WireError, match="0 blocks"):
        exchange.check_response(asked(), answer(chain=(ExchangedTipset((), None),) * 6))


def test_message_indices_are_checked():
    message = Message(0, Address.id(1), Address.id(2), 0, 0, 1, 0, 0, 0, b"")
    signed = SignedMessage(message, Signature(SignatureType.SECP256K1, bytes(65)))
    good = CompactedMessages((message,), ((0,), ()), (signed,), ((), (0, 0)))
    request = Request(HEAD, 1, Options.MESSAGES)
    exchange.check_response(request, Response(Status.OK, "", (ExchangedTipset((), good),)))
    for bad in (
        dataclasses.replace(good, bls_includes=((1,), ())),
        dataclasses.replace(good, secpk_includes=((), (2**63,))),
        dataclasses.replace(good, secpk_includes=((),)),
        dataclasses.replace(good, bls=()),
    ):
        with pytest.raises(WireError):
            exchange.check_response(request, Response(Status.OK, "", (ExchangedTipset((), bad),)))


def test_gossiped_blocks_and_messages():
    header = mainnet_chain()[0][0]
    block = BlockMessage(header, (), ())
    assert topics.parse_block(block.encode()) == block
    for bad in (
        BlockMessage(None, (), ()),
        BlockMessage(dataclasses.replace(header, block_sig=None), (), ()),
        BlockMessage(dataclasses.replace(header, election_proof=None), (), ()),
        BlockMessage(dataclasses.replace(header, election_proof=ElectionProof(0, b"")), (), ()),
        BlockMessage(header, HEAD * 5001, HEAD * 5000),
        BlockMessage(header, HEAD, ()),
    ):
        with pytest.raises(WireError):
            topics.parse_block(bad.encode())
    with pytest.raises(WireError):
        topics.parse_block(bytes(topics.BLOCK_BYTES_MAX + 1))
    message = Message(0, Address.id(1), Address.id(2), 0, 0, 1, 0, 0, 0, b"")
    signed = SignedMessage(message, Signature(SignatureType.SECP256K1, bytes(65)))
    assert topics.parse_message(signed.encode()) == signed
    with pytest.raises(WireError):
        topics.parse_message(
            dataclasses.replace(signed, message=dataclasses.replace(message, params=bytes(70_000))).encode()
        )


def test_names():
    assert topics.blocks_topic("testnetnet") == "/fil/blocks/testnetnet"
    assert topics.messages_topic("testnetnet") == "/fil/msgs/testnetnet"
    assert topics.kademlia_prefix("x") == "/fil/kad/x"


def test_gossip_of_the_same_content_has_the_same_id():
    """BLAKE2b of 32 bytes, as every node of the network reckons it."""
    assert topics.message_id(b"").hex() == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
    assert topics.message_id(b"block") != topics.message_id(b"block\0")


PARSERS = (hello.parse_hello, exchange.parse_request, Response.decode, topics.parse_block, topics.parse_message)


@given(st.binary(max_size=150))
def test_any_bytes(data):
    for parse in PARSERS:
        try:
            assert cbor.encode(parse(data).to_wire()) == data
        except DecodeError:
            pass


@settings(max_examples=examples(60))
@given(st.data())
def test_mutated_responses(data):
    encoded = bytearray(answer(Status.PARTIAL, 2).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        exchange.check_response(asked(), Response.decode(bytes(encoded)))
    except DecodeError:
        pass


@pytest.mark.parametrize("count", [0, 1, 23, 24, 300])
def test_a_response_of_encoded_tipsets_is_the_response(count):
    tipset = ExchangedTipset((), CompactedMessages((), ((),), (), ((),)))
    data = encode_response(Status.PARTIAL, [tipset.encode()] * count)
    assert data == Response(Unsigned(Status.PARTIAL), "", (tipset,) * count).encode()


def test_requests_have_bounds(monkeypatch):
    assert exchange.REQUEST_LENGTH_MAX == 900
    largest = Request(HEAD * TIPSET_BLOCKS_MAX, exchange.REQUEST_LENGTH_MAX, 3)
    assert exchange.parse_request(largest.encode()) == largest
    with pytest.raises(WireError, match=f"1 to {exchange.REQUEST_LENGTH_MAX}"):
        exchange.parse_request(dataclasses.replace(largest, length=exchange.REQUEST_LENGTH_MAX + 1).encode())
    with pytest.raises(WireError, match=f"1 to {TIPSET_BLOCKS_MAX}"):
        exchange.parse_request(dataclasses.replace(largest, head=HEAD * (TIPSET_BLOCKS_MAX + 1)).encode())
    assert exchange.REQUEST_BYTES_MAX == 64 << 10
    data = largest.encode()
    monkeypatch.setattr(exchange, "REQUEST_BYTES_MAX", len(data))
    exchange.parse_request(data)
    monkeypatch.setattr(exchange, "REQUEST_BYTES_MAX", len(data) - 1)
    with pytest.raises(WireError, match=f"{len(data)} bytes"):
        exchange.parse_request(data)


def test_a_refusals_text_is_cut():
    text = "x" * exchange.ERROR_TEXT_MAX
    for given_text in (text, text + "y"):
        with pytest.raises(RefusedError, match=r"x+'$") as caught:
            exchange.check_response(asked(), Response(Status.GO_AWAY, given_text, ()))
        assert str(caught.value).count("x") == exchange.ERROR_TEXT_MAX


def padded_to(size, build):
    """What `build` makes of so much filling that its encoding has a size."""
    filling = size - len(build(b"").encode()) - 4
    found = next(made for extra in range(5) if len((made := build(bytes(filling + extra))).encode()) == size)
    return found.encode()


def test_hellos_and_gossiped_messages_have_bounds(monkeypatch):
    said = hello.Hello(HEAD, 5, 10**30, GENESIS).encode()
    assert hello.MESSAGE_BYTES_MAX == 64 << 10
    monkeypatch.setattr(hello, "MESSAGE_BYTES_MAX", len(said))
    hello.parse_hello(said)
    monkeypatch.setattr(hello, "MESSAGE_BYTES_MAX", len(said) - 1)
    with pytest.raises(WireError, match=f"{len(said)} bytes"):
        hello.parse_hello(said)
    message = Message(0, Address.id(1), Address.id(2), 0, 0, 1, 0, 0, 0, b"")
    signature = Signature(SignatureType.SECP256K1, bytes(65))

    def build(params):
        return SignedMessage(dataclasses.replace(message, params=params), signature)

    assert MESSAGE_BYTES_MAX == 64 << 10
    assert topics.parse_message(padded_to(MESSAGE_BYTES_MAX, build)).message.params
    with pytest.raises(WireError, match=f"bound is {MESSAGE_BYTES_MAX}"):
        topics.parse_message(padded_to(MESSAGE_BYTES_MAX + 1, build))


def test_a_gossiped_block_has_a_bounded_number_of_bytes_and_messages(monkeypatch):
    data = BlockMessage(mainnet_chain()[0][0], (), ()).encode()
    monkeypatch.setattr(topics, "BLOCK_BYTES_MAX", len(data))
    topics.parse_block.cache_clear()
    topics.parse_block(data)
    topics.parse_block.cache_clear()
    monkeypatch.setattr(topics, "BLOCK_BYTES_MAX", len(data) - 1)
    with pytest.raises(WireError, match=f"{len(data)} bytes"):
        topics.parse_block(data)
