"""The table of docs/decoding.md: what each reader takes, and what its value is encoded as again."""

from typing import Annotated

import pytest
from thespis.protocols.builtin.market.deals import DealProposal
from thespis.protocols.builtin.methods import ADDRESS, BIG_INTEGER
from thespis.protocols.builtin.registry import ACTORS
from thespis.protocols.chain.block import BlockHeader, BlockMessage, Ticket
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import SIGNATURE_BYTES_MAX, Signature, SignatureType
from thespis.protocols.encoding import cbor, tuples
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.encoding.tuples import Items, Record, Unsigned, record
from thespis.protocols.errors import CborError, DecodeError
from thespis.protocols.wire import exchange
from thespis.protocols.wire.topics import parse_message

from tests.vectors import load, path

MESSAGE = Message(
    Unsigned(0), Address.id(99), Address.id(1000), Unsigned(1), 1000, 700_000, 10**9, 10**5, Unsigned(0), b""
)
SIGNED = SignedMessage(MESSAGE, Signature(SignatureType.SECP256K1, bytes(65)))
OTHERS = (Dialect.CHAIN, Dialect.ACTORS)


def header():
    path("block_headers.json")
    shape = next(case for case in load("block_headers.json")["cases"] if "cbor_hex" in case)
    return BlockHeader.decode(bytes.fromhex(shape["cbor_hex"]))


RECORDS = {
    "header": header,
    "message": lambda: MESSAGE,
    "signed message": lambda: SIGNED,
    "block message": lambda: BlockMessage(header(), (Cid.of(b"a"),), ()),
    "ticket": lambda: Ticket(b"proof"),
}


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("make", RECORDS.values(), ids=RECORDS)
def test_what_follows_a_value_is_not_looked_at(make, dialect):
    given = make()
    data = given.encode() + b"\xff\x00"
    found = type(given).decode(data, dialect=dialect)
    assert found == given
    assert found.encode() == given.encode()
    assert found.cid() == given.cid(), "its name is that of the form without"
    with pytest.raises(CborError):
        type(given).decode(data)


@pytest.mark.parametrize("dialect", OTHERS)
def test_big_integers_may_have_zeros_in_front(dialect):
    plain = MESSAGE.encode()
    padded = plain.replace(bytes.fromhex("430003e8"), bytes.fromhex("450000" + "0003e8"))
    assert padded != plain
    found = Message.decode(padded, dialect=dialect)
    assert found == MESSAGE
    assert found.cid() == MESSAGE.cid()
    with pytest.raises(DecodeError):
        Message.decode(padded)
    for text in ("4100", "4101", "420000", "420100"):
        assert BIG_INTEGER.decode(bytes.fromhex(text), dialect=dialect) == 0
    for text in ("4102", "f6", "00", "5881" + "00" * 129):
        with pytest.raises(DecodeError):
            BIG_INTEGER.decode(bytes.fromhex(text), dialect=dialect)


@pytest.mark.parametrize("dialect", Dialect)
def test_a_message_has_no_negative_version(dialect):
    with pytest.raises(CborError, match="unsigned"):
        Message.decode(bytes.fromhex("8a20") + MESSAGE.encode()[2:], dialect=dialect)


@pytest.mark.parametrize(
    ("kind", "readers"),
    [
        (0, {Dialect.CANONICAL}),
        (1, set(Dialect)),
        (2, set(Dialect)),
        (3, {Dialect.CANONICAL, Dialect.CHAIN}),
        (4, set()),
    ],
)
def test_types_of_signatures(kind, readers):
    data = SIGNED.encode().replace(b"\x58\x42\x01", b"\x58\x42" + bytes([kind]))
    for dialect in Dialect:
        if dialect in readers:
            assert SignedMessage.decode(data, dialect=dialect).signature.type == kind
        else:
            with pytest.raises(DecodeError, match="type"):
                SignedMessage.decode(data, dialect=dialect)


def test_a_signature_has_200_bytes_at_most():
    assert SIGNATURE_BYTES_MAX == 200
    assert len(Signature.from_bytes(b"\x01" + bytes(199)).data) == 199
    with pytest.raises(DecodeError, match="201 bytes"):
        Signature.from_bytes(b"\x01" + bytes(200))


def test_delegated_addresses_came_after_the_first_actors():
    data = b"\x56\x04\x0a" + b"\x11" * 20
    for dialect in (Dialect.CANONICAL, Dialect.CHAIN):
        assert ADDRESS.decode(data, dialect=dialect).data == data[1:]
    with pytest.raises(DecodeError):
        ADDRESS.decode(data, dialect=Dialect.ACTORS)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("text", ["40", "4100", "56ff" + "00" * 21, "4b00" + "ff" * 9 + "01", "43008000"])
def test_what_is_no_address_for_anyone(text, dialect):
    with pytest.raises(DecodeError):
        ADDRESS.decode(bytes.fromhex(text), dialect=dialect)


@record
class Labelled(Record):
    label: str


@pytest.mark.parametrize("dialect", OTHERS)
def test_text_may_be_any_bytes_up_to_its_bound(dialect):
    assert tuples.TEXT_BYTES_MAX == 8192
    for label in (b"\xff", b"\xff" * 8192):
        data = b"\x81" + cbor.encode(label.decode("utf-8", "surrogateescape"))
        assert Labelled.decode(data, dialect=dialect).encode() == data
        with pytest.raises(CborError):
            Labelled.decode(data)
    with pytest.raises(CborError, match="8193 bytes"):
        Labelled.decode(b"\x81" + cbor.encode("x" * 8193), dialect=dialect)
    assert DealProposal.__dataclass_fields__["label"].type == "str"


@pytest.mark.parametrize("dialect", OTHERS)
def test_links_may_have_any_digest_up_to_their_bound(dialect):
    assert cbor.LINK_BYTES_MAX == 512
    form = ACTORS[0]["init"][2].params
    for digest in (b"", b"\x01" * 20, b"\x01" * 130, b"\x01" * 505):
        code = Cid.make(0x55, 0x12, digest)
        data = b"\x82" + cbor.encode_link(code) + b"\x40"
        assert form.decode(data, dialect=dialect).encode() == data
        with pytest.raises(DecodeError):
            form.decode(data)
    with pytest.raises(CborError, match="513 bytes"):
        form.decode(b"\x82" + cbor.encode_link(Cid.make(0x55, 0x12, b"\x01" * 507)) + b"\x40", dialect=dialect)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "text", ["1817", "190017", "1a00000017", "1b0000000000000017", "9f00ff", "f818", "f90000", "c100"]
)
def test_forms_that_nobody_takes(text, dialect):
    """Heads of integers and lengths are minimal for the reference, too."""
    with pytest.raises(CborError):
        Numbered.decode(b"\x81" + bytes.fromhex(text), dialect=dialect)


@record
class Numbered(Record):
    number: Unsigned


@record
class Many(Record):
    usual: tuple[Unsigned, ...]
    more: Annotated[tuple[Unsigned, ...], Items(9000)]


def test_an_array_may_have_a_bound_of_its_own():
    numbers = tuple(map(Unsigned, range(9000)))
    given = Many(numbers[:8192], numbers)
    assert Many.decode(given.encode()) == given
    for wrong in (Many(numbers[:8193], ()), Many((), (*numbers, Unsigned(1)))):
        with pytest.raises(CborError, match="the bound is"):
            Many.decode(wrong.encode())


def test_a_tipset_has_as_many_messages_as_its_blocks_may_hold():
    assert exchange.TIPSET_MESSAGES_MAX == 150_000
    many = (SIGNED,) * 8193
    indices = tuple(map(Unsigned, range(8193)))
    given = exchange.CompactedMessages((), ((),), many, (indices,))
    assert exchange.CompactedMessages.decode(given.encode(), dialect=Dialect.CHAIN) == given


def test_gossip_is_read_as_peers_read_it():
    assert parse_message(SIGNED.encode() + b"\x00") == SIGNED


def test_a_header_without_what_it_must_have_is_no_header():
    for dialect in Dialect:
        with pytest.raises(CborError):
            BlockHeader.decode(b"\xf6", dialect=dialect)
