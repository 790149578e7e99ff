import enum
from typing import NewType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespian.actors import ActorAddress, DeadEnvelope, PoisonMessage
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.actor import message as message_module
from thespis.runtime.actor.fields import INTEGER_BYTES_MAX
from thespis.runtime.actor.message import MESSAGE_BYTES_MAX, REGISTRY, Message, message
from thespis.runtime.bases import codec  # noqa: F401  (registers Thespian's own messages)
from thespis.runtime.errors import MessageError, UnknownMessageError

Epoch = NewType("Epoch", int)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@message
class Inner:
    number: int


@message
class Everything:
    flag: bool
    number: int
    real: float
    text: str
    data: bytes
    many: tuple[int, ...]
    pair: tuple[str, Inner]
    table: dict[str, Inner]
    maybe: int | None
    either: Inner | str
    colour: Colour
    cid: Cid
    address: ActorAddress
    epoch: Epoch
    anything: Message
    nothing: Message | None


def example(**changes):
    values = {
        "flag": True, "number": 2**200, "real": 1.5, "text": "t", "data": b"d", "many": (1, -(2**70)),
        "pair": ("a", Inner(1)), "table": {"k": Inner(2)}, "maybe": None, "either": "s", "colour": Colour.BLUE,
        "cid": Cid.of(b"x"), "address": ActorAddress("someone"), "epoch": Epoch(5), "anything": Inner(3),
        "nothing": None,
    }  # fmt: skip
    return Everything(**{**values, **changes})


def test_round_trip_of_every_field_type():
    value = example(maybe=4, either=Inner(9), nothing=Inner(1))
    assert REGISTRY.decode(REGISTRY.encode(value)) == value
    assert REGISTRY.decode(REGISTRY.encode(example())) == example()


def test_thespian_messages_travel():
    poison = REGISTRY.decode(REGISTRY.encode(PoisonMessage(Inner(1), "why")))
    assert (poison.poisonMessage, poison.details) == (Inner(1), "why")
    dead = REGISTRY.decode(REGISTRY.encode(DeadEnvelope(ActorAddress("gone"), Inner(2))))
    assert (dead.deadAddress, dead.deadMessage) == (ActorAddress("gone"), Inner(2))


@pytest.mark.parametrize(
    "hint", [object, list[int], set, "tuple[object, ...]", dict[str, list], int | list[int], Exception]
)
def test_a_field_without_wire_form_fails_at_declaration(hint):
    with pytest.raises(MessageError, match="Bad: field 'field'"):
        message(type("Bad", (), {"__annotations__": {"field": hint}, "__module__": __name__}))


def test_a_nested_dataclass_must_be_declared():
    import dataclasses

    plain = dataclasses.make_dataclass("Plain", [("x", int)])
    with pytest.raises(MessageError, match="not declared"):
        message(type("Bad", (), {"__annotations__": {"field": plain}, "__module__": __name__}))


def test_a_name_is_taken_once():
    with pytest.raises(MessageError, match="taken"):
        message(type("Inner", (), {"__annotations__": {}, "__module__": "elsewhere"}))


def test_undeclared_types_are_refused_when_sent():
    with pytest.raises(MessageError, match="declare it"):
        REGISTRY.encode(object())


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (("Nobody", 1), UnknownMessageError),
        (("Inner",), MessageError),
        (("Inner", 1, 2), MessageError),
        (("Inner", True), MessageError),
        (("Inner", "1"), MessageError),
        (("Inner", 1.0), MessageError),
        (5, MessageError),
        ((), MessageError),
        ((5,), MessageError),
    ],
)
def test_what_does_not_fit_is_refused(wire, error):
    with pytest.raises(error):
        REGISTRY.from_wire(wire)


def test_too_large():
    with pytest.raises(MessageError, match="send a reference"):
        REGISTRY.encode(example(data=bytes(MESSAGE_BYTES_MAX)))
    with pytest.raises(MessageError, match="bound"):
        REGISTRY.decode(bytes(MESSAGE_BYTES_MAX + 1))


@given(st.binary(max_size=60))
def test_any_bytes_raise_message_errors_only(data):
    try:
        REGISTRY.decode(data)
    except MessageError:
        pass


@given(st.data())
def test_mutations_raise_message_errors_only(data):
    encoded = bytearray(REGISTRY.encode(example()))
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        REGISTRY.decode(bytes(encoded))
    except MessageError:
        pass


@given(st.integers())
def test_integers_of_any_size(number):
    if number.bit_length() < 1000:
        assert REGISTRY.decode(REGISTRY.encode(Inner(number))) == Inner(number)


def test_integers_have_a_bounded_number_of_bytes():
    largest = 2 ** (8 * INTEGER_BYTES_MAX - 1) - 1
    assert REGISTRY.decode(REGISTRY.encode(Inner(largest))) == Inner(largest)
    assert REGISTRY.decode(REGISTRY.encode(Inner(-largest))) == Inner(-largest)
    with pytest.raises(MessageError, match=f"extension 1 of {INTEGER_BYTES_MAX + 1} bytes"):
        REGISTRY.decode(REGISTRY.encode(Inner(largest + 1)))


def test_collections_have_a_bounded_number_of_items(monkeypatch):
    assert message_module.COLLECTION_ITEMS_MAX == 1 << 20
    most = len(example().__dataclass_fields__) + 1
    monkeypatch.setattr(message_module, "COLLECTION_ITEMS_MAX", most)
    for items in ({"many": (7,) * most}, {"table": {str(number): Inner(1) for number in range(most)}}):
        assert REGISTRY.decode(REGISTRY.encode(example(**items))) == example(**items)
    for items in (
        {"many": (7,) * (most + 1)},
        {"table": {str(number): Inner(1) for number in range(most + 1)}},
    ):
        with pytest.raises(MessageError, match="not a msgpack value"):
            REGISTRY.decode(REGISTRY.encode(example(**items)))
