import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.chain.block import BlockHeader, BlockMessage, ElectionProof
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.errors import DecodeError, WireError
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
        dataclasses.replace(said, heaviest_tipset=HEAD * 16),
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
        Request((), 10, 3), Request(HEAD * 16, 10, 3), Request(HEAD, 0, 3), Request(HEAD, 901, 3), Request(HEAD, 1, 0),
        Request(HEAD, 1, 4), Request(HEAD, 2**64 - 1, 3),
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


@settings(max_examples=60, deadline=None)
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
