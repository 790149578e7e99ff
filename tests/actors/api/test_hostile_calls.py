"""Every method with parameters that nobody honest sends: a result, or an error that says why; never a fault of ours."""

import base64
import itertools
import json
import logging

import base58
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.actors.api import dispatch, forms
from thespis.actors.api.dispatch import ANSWER_BYTES_MAX, ASIDE_BYTES, NAME_CHARS_MAX, VALUES_MAX
from thespis.actors.api.forms import (
    AMOUNT_CHARACTERS_MAX,
    ITEMS_MAX,
    TEXT_CHARACTERS_MAX,
    FormError,
)
from thespis.actors.api.registry import INVALID_REQUEST, LIMIT, METHODS, NO_METHOD, PARSE, WRONG_PARAMS
from thespis.actors.api.state import EPOCHS_AHEAD_MAX
from thespis.actors.simulation.network import RpcFailedError, SimulatedFilecoin
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.http.auth import PERMISSIONS

from tests.actors.api.hostile import HOSTILE, honest, hostile_for
from tests.actors.api.test_channels import Field
from tests.properties import examples

CODES = {1, 11, 12, PARSE, INVALID_REQUEST, NO_METHOD, WRONG_PARAMS, LIMIT}
ANSWER_CHARACTERS_MAX = 1 << 20
AT_ONCE = 100
WAITING = {"Filecoin.StateWaitMsg", "Filecoin.MineOne"}
"""What waits for the chain; asked honestly it is not answered here."""


@pytest.fixture(scope="module")
def network():
    found = SimulatedFilecoin(9, 1, 1)
    found.run_to_genesis()
    found.run_epochs(3)
    yield found
    found.close()


@pytest.fixture
def field(network, caplog):
    caplog.set_level(logging.ERROR)
    return Field(network)


def check(answer, what):
    assert answer is not None, what
    assert set(answer) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"}), what
    if "error" in answer:
        assert answer["error"]["code"] in CODES, what
        assert answer["error"]["message"], what
        assert "the node failed" not in answer["error"]["message"], what
        assert len(answer["error"]["message"]) < 3000, what


def tried(method, account):
    """Parameter lists with one hostile parameter each."""
    usual = honest(account)
    for parsers in method.signatures:
        given = [usual[parser] for parser in parsers]
        yield given
        yield [*given, None]
        for at, parser in enumerate(parsers):
            for hostile in hostile_for(parser, account):
                yield [*given[:at], hostile, *given[at + 1 :]]


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_answers_whatever_it_is_asked(field, caplog, name):
    accounts = [str(field.network.identities[0].account), "f01000"]
    waiting = {}
    for params in itertools.chain.from_iterable(tried(METHODS[name], account) for account in accounts):
        number = field.call(name, *params, client=f"client {field.number // AT_ONCE}", permissions=PERMISSIONS)
        waiting[number] = params
        if len(waiting) >= AT_ONCE:
            settle(field, name, waiting)
    settle(field, name, waiting)
    faults = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert faults == []


def settle(field, name, waiting):
    """Let asks be answered, look at every answer, and give up what only waits."""
    answered = lambda: {key for key, _body in field.port.sent}
    for _ in range(80):
        if waiting.keys() <= answered():
            break
        field.network.run_epochs(0.5)
    open_calls = waiting.keys() - answered()
    assert not open_calls or name in WAITING, waiting[min(open_calls)]
    for number, answer in field.port.sent:
        if number in waiting:
            check(answer, (name, str(waiting[number])[:300], answer))
            assert len(json.dumps(answer)) <= ANSWER_CHARACTERS_MAX
    for number in open_calls:
        field.api.calls.drop(number)
    field.port.sent.clear()
    waiting.clear()


NO_REQUESTS = [
    7, None, [], [[]], [7], {"method": 7}, {"id": {}, "method": "x"}, {"id": [], "method": "x"},
    {"id": True, "method": "x"},
    {"id": 1, "method": "x", "params": {}}, {"id": 1, "method": "\ud800"},
    {"id": "\ud800", "method": "Filecoin.Version", "params": 5},
]  # fmt: skip


@pytest.mark.parametrize("request_", NO_REQUESTS, ids=range(len(NO_REQUESTS)))
def test_requests_that_are_none(field, request_):
    field.number += 1
    field.send(json.dumps(request_).encode())
    answer = field.answer(field.number)
    for each in answer if isinstance(answer, list) else [answer]:
        check(each, request_)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"NaN", b'{"id":NaN,"method":"x"}', b'{"id":1e999,"method":"x"}', b"[" * 100_000, b'{"a":' * 100_000,
     b"1" * 5000, b'{"id":1,"method":"Filecoin.ChainHead","params":[Infinity]}', b"\xef\xbb\xbf{}", b'"\\ud800"'],
    ids=range(11),
)  # fmt: skip
def test_bodies_that_are_no_requests(field, body):
    field.number += 1
    field.send(body)
    check(field.answer(field.number), body[:50])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    | st.sampled_from(HOSTILE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=examples(60))
@given(st.sampled_from(sorted(METHODS)), st.lists(anything, max_size=5))
def test_any_json_has_an_answer(network, name, params):
    field = Field(network)
    number = field.call(name, *params, permissions=PERMISSIONS)
    settle(field, name, {number: params})


# -- bounds --------------------------------------------------------------------------------------------------


def test_values_of_a_body_are_bounded(field):
    body = b'{"id":1,"method":"Filecoin.ChainHead","params":[%b]}' % b",".join([b"1"] * VALUES_MAX)
    field.number += 1
    field.send(body)
    assert "more than" in field.answer(field.number)["error"]["message"]
    assert len(body) > ASIDE_BYTES
    fewer = b'{"id":1,"method":"Filecoin.ChainHead","params":[%b]}' % b",".join([b"1"] * (VALUES_MAX - 10))
    field.number += 1
    field.send(fewer)
    assert "wrong param count" in field.answer(field.number)["error"]["message"]


def test_answers_of_a_batch_are_bounded(field, monkeypatch):
    assert ANSWER_BYTES_MAX == 32 << 20
    monkeypatch.setattr(dispatch, "ANSWER_BYTES_MAX", 6000)
    call = {"jsonrpc": "2.0", "id": 1, "method": "Filecoin.ChainHead", "params": []}
    field.number += 1
    field.send(json.dumps([call] * 10).encode())
    answers = field.answer(field.number)
    assert len(answers) == 10
    assert "result" in answers[0]
    assert answers[-1]["error"]["code"] == LIMIT


def test_a_name_is_repeated_in_part(field):
    said = field.answer(field.call("x" * 5000))["error"]["message"]
    assert "x" * (NAME_CHARS_MAX - len("Filecoin.")) in said
    assert len(said) < NAME_CHARS_MAX + 40


@pytest.mark.parametrize(
    ("parse", "most", "more"),
    [
        (forms.text, "x" * TEXT_CHARACTERS_MAX, "x" * (TEXT_CHARACTERS_MAX + 1)),
        (forms.integers, [1] * ITEMS_MAX, [1] * (ITEMS_MAX + 1)),
        (forms.texts, ["x"] * ITEMS_MAX, ["x"] * (ITEMS_MAX + 1)),
        (forms.amount, "9" * AMOUNT_CHARACTERS_MAX, "9" * (AMOUNT_CHARACTERS_MAX + 1)),
        (forms.integer, 2**64 - 1, 2**64),
        (forms.integer, -(2**63), -(2**63) - 1),
        (forms.natural, 0, -1),
        (forms.height, 2**63 - 1, 2**63),
    ],
)
def test_parameters_are_bounded(parse, most, more):
    parse(most)
    with pytest.raises(FormError):
        parse(more)


def test_a_miner_looks_a_day_ahead_at_most(network):
    last = network.rpc(0, "ChainHead")["Height"] + EPOCHS_AHEAD_MAX
    entries = network.rpc(0, "MinerGetBaseInfo", "f01000", last, [])["BeaconEntries"]
    assert len(entries) <= EPOCHS_AHEAD_MAX + 1
    with pytest.raises(RpcFailedError, match=f"ask for 0 to {last}"):
        network.rpc(0, "MinerGetBaseInfo", "f01000", last + 1, [])


def test_links_are_read_in_every_base():
    """The texts that go-cid reads: base 58 alone for version 0, any multibase for version 1."""
    data = Cid.of(b"x").data
    base32 = base64.b32encode(data).decode()
    texts = {
        "base32": "b" + base32.rstrip("=").lower(), "BASE32": "B" + base32.rstrip("="),
        "base32pad": "c" + base32.lower(),
        "base16": "f" + data.hex(), "BASE16": "F" + data.hex().upper(), "base58": "z" + base58.b58encode(data).decode(),
        "base64": "m" + base64.b64encode(data).decode().rstrip("="), "base64pad": "M" + base64.b64encode(data).decode(),
        "base64url": "u" + base64.urlsafe_b64encode(data).decode().rstrip("="),
        "base2": "0" + "".join(f"{byte:08b}" for byte in data),
    }  # fmt: skip
    assert {name: forms.cid({"/": text}) for name, text in texts.items()} == dict.fromkeys(texts, Cid(data))
