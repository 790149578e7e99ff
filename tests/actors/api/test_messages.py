"""Messages over JSON-RPC: what became of one that was replaced, waits, and the forms that Lotus takes."""

import dataclasses
import json

import pytest
from thespis.actors.api import forms
from thespis.actors.api.dispatch import ANSWER_BYTES_MAX
from thespis.actors.messages.api import RpcCall
from thespis.actors.messages.mining_scheduler import StartMining, StopMining
from thespis.actors.messages.msg_pool import AddMessage
from thespis.actors.msg_pool.settings import MsgPoolSettings
from thespis.actors.simulation.network import RpcFailedError, SimulatedFilecoin
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import Signature, SignatureType, sign
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.runtime.http.port import HttpSettings

from tests.actors.chain.builder import USERS, WORKERS

NONE = {"/": str(Cid.of(b"no message"))}


@pytest.fixture
def network():
    found = SimulatedFilecoin(3, 2, 1)
    found.run_to_genesis()
    found.run_epochs(2)
    yield found
    found.close()


def signed(network, *, value=1, premium=100_000, nonce=0, sender=0):
    who, to = network.identities[sender], network.identities[0].worker
    message = Message(
        Unsigned(0), to, who.account, Unsigned(nonce), TokenAmount(value), 10**6, TokenAmount(10**9),
        TokenAmount(premium), Unsigned(0), b"",
    )  # fmt: skip
    return SignedMessage(message, sign(SignatureType.SECP256K1, who.account_key, message.signing_bytes()))


def plain(message):
    """A message as a client writes it."""
    return json.loads(forms.written(forms.message_form(message), "f"))


def push(network, message, node=0):
    network.node(node).ask(AddMessage(message, True))
    return forms.cid_form(message.chain_cid())


def replaced(network, first, second):
    """One message and what took its place, on chain; their links."""
    network.node(0).ask(StopMining())
    links = [push(network, message) for message in (first, second)]
    network.node(0).ask(StartMining())
    network.run_epochs(8)
    return links


def test_the_receipt_of_a_replacement_answers_for_what_it_replaced(network):
    old, new = replaced(network, signed(network), signed(network, premium=200_000))
    found = network.rpc(0, "StateSearchMsg", [], old, -1, True)
    assert found == network.rpc(0, "StateSearchMsg", [], new, -1, True) == network.rpc(0, "StateSearchMsg", old)
    assert (found["Message"], found["Receipt"]["ExitCode"]) == (new, 0)
    assert network.rpc(0, "StateWaitMsg", old, 1, -1, True) == found
    for method, params in (("StateSearchMsg", ([], old, -1, False)), ("StateWaitMsg", (old, 1, -1, False))):
        with pytest.raises(RpcFailedError, match=f"{new['/']} at height .* used nonce 0 of .*allowReplaced"):
            network.rpc(0, method, *params)


def test_another_message_with_the_nonce_is_an_error_and_no_endless_wait(network):
    old, new = replaced(network, signed(network, value=1), signed(network, value=2, premium=200_000))
    for method, params in (("StateSearchMsg", ([], old, -1, True)), ("StateWaitMsg", (old, 1, -1, True))):
        with pytest.raises(RpcFailedError, match=f"{new['/']} at height .* used nonce 0 .* asks for something else"):
            network.rpc(0, method, *params)
    height = network.rpc(0, "StateSearchMsg", new)["Height"]
    network.run_epochs(3)
    assert network.rpc(0, "StateSearchMsg", [], old, 1, True) is None, "beyond the epochs that are looked at"
    below = network.rpc(0, "ChainGetTipSetByHeight", height - 3, [])["Cids"]
    assert network.rpc(0, "StateSearchMsg", below, old, -1, True) is None, "it was free then"


def test_what_nobody_has_seen_is_not_waited_for(network):
    with pytest.raises(RpcFailedError, match="has never seen message"):
        network.rpc(0, "StateWaitMsg", NONE, 1, -1, True)
    assert network.rpc(0, "StateSearchMsg", [], NONE, -1, True) is None
    with pytest.raises(RpcFailedError, match="-1 where a number"):
        network.rpc(0, "StateWaitMsg", NONE, -1, -1, True)


def test_a_wait_lasts_as_long_as_its_caller_wants():
    """Five confirmations of 30 s take 150 s, more than a server gives a call that it knows nothing of."""
    slow = SimulatedFilecoin(3, 1, 1, block_time_s=30)
    slow.run_to_genesis()
    slow.run_epochs(1)
    link = push(slow, signed(slow))
    call = {"jsonrpc": "2.0", "id": 1, "method": "Filecoin.StateWaitMsg", "params": [link, 5, -1, True]}
    clock = slow.network.base.clock
    began_s = clock.unix_s()
    reply = slow.node(0).handle.ask(RpcCall(json.dumps(call).encode()), within_s=600.0)
    assert json.loads(reply.body)["result"]["Message"] == link
    assert clock.unix_s() - began_s > 5 * 30
    slow.close()


def test_a_nonce_is_not_to_be_given(network):
    message = {"From": str(network.identities[0].account), "To": str(network.identities[1].account), "Nonce": 7}
    with pytest.raises(RpcFailedError, match="MpoolPushMessage expects message nonce to be 0, was 7"):
        network.rpc(0, "MpoolPushMessage", message, None)
    assert network.rpc(0, "MpoolPending", []) == []


def test_who_has_no_account_is_no_actor(network):
    nobody = "f1xtwapqc6nh4si2hcwpr3656iotzmlwumogqbuaa"
    for call in (("MpoolGetNonce", nobody), ("StateGetActor", nobody, [])):
        with pytest.raises(RpcFailedError, match="actor not found"):
            network.rpc(0, *call)


def test_nulls_are_what_is_left_out(network):
    """Go reads null as nothing said, and clients in it send it."""
    message = {
        "Version": None, "To": str(network.identities[1].account), "From": str(network.identities[0].account),
        "Nonce": None, "Value": None, "GasLimit": None, "GasFeeCap": None, "GasPremium": None, "Method": None,
        "Params": None, "CID": None,
    }  # fmt: skip
    sent = network.rpc(0, "MpoolPushMessage", message, {"MaxFee": None, "MsgUuid": None})
    assert sent["Message"]["Nonce"] == 0
    assert sent["Message"]["Value"] == "0"
    assert network.rpc(0, "GasEstimateMessageGas", message, None, None)["GasLimit"] > 0


def test_an_id_is_signed_for_by_its_key(network):
    account = str(network.identities[0].account)
    number = network.rpc(0, "StateLookupID", account, [])
    message = {**plain(signed(network).message), "From": number}
    made = forms.signed(network.rpc(0, "WalletSignMessage", number, message))
    made.check_signature(network.identities[0].account)
    network.node(0).ask(StopMining())
    network.run_epochs(2)
    sent = network.rpc(0, "MpoolPushMessage", {**message, "Nonce": 0}, None)
    better = network.rpc(0, "Thespis.MpoolReplace", sent["CID"], "0", "0")
    assert better["Message"]["From"] == number
    assert [each["CID"] for each in network.rpc(0, "MpoolPending", [])] == [better["CID"]]
    assert better["CID"]["/"] in network.rpc(0, "Thespis.MpoolWhy", sent["CID"])["Reason"]


@pytest.mark.parametrize("text", ["1_000", "１２", "٣", " 5", "5 ", "0x10", "1e3", "1.0", "-", "+", "--1", "9" * 311])
def test_amounts_are_decimal_and_nothing_else(text):
    with pytest.raises(forms.FormError, match="is no whole number in decimal"):
        forms.amount(text)


@pytest.mark.parametrize("value", [5, 1.5, True, ["1"], {"x": 1}])
def test_amounts_are_texts(value):
    with pytest.raises(forms.FormError, match="where a decimal text"):
        forms.amount(value)


def test_amounts_that_are_taken():
    assert [forms.amount(each) for each in ("0", "-7", "+7", "007", "", None)] == [0, -7, 7, 7, 0, 0]
    assert forms.amount("9" * forms.AMOUNT_CHARACTERS_MAX) == 10**forms.AMOUNT_CHARACTERS_MAX - 1
    assert forms.AMOUNT_CHARACTERS_MAX == 310


@pytest.mark.parametrize("value", [1 << 64, -(1 << 63) - 1, 1 << 4000], ids=["high", "low", "long"])
def test_numbers_have_64_bits(value):
    with pytest.raises(forms.FormError, match="bits"):
        forms.integer(value)


@pytest.mark.parametrize(
    ("spec", "fee"), [(None, 0), ({}, 0), ({"MaxFee": None}, 0), ({"MaxFee": ""}, 0), ({"MaxFee": "9"}, 9)]
)
def test_send_specs(spec, fee):
    assert forms.send_spec(spec) == fee


@pytest.mark.parametrize("spec", [[], "1", {"MaxFee": 1}, {"MaxFee": "-1"}])
def test_send_specs_that_are_none(spec):
    with pytest.raises(forms.FormError):
        forms.send_spec(spec)


@pytest.mark.parametrize(
    ("method", "change", "words"),
    [
        ("GasEstimateFeeCap", {"epochs": -1}, "-1 where a number"),
        ("GasEstimateFeeCap", {"epochs": 1.5}, "a fraction where a .*number"),
        ("GasEstimateFeeCap", {"GasPremium": "-5"}, "gas premium -5 is negative"),
        ("GasEstimateGasPremium", {"epochs": -1}, "-1 where a number"),
        ("GasEstimateGasPremium", {"limit": -1}, "-1 where a number"),
    ],
)
def test_estimates_refuse_what_makes_no_sense(network, method, change, words):
    message = dataclasses.replace(signed(network).message)
    form = {**plain(message), **{name: each for name, each in change.items() if name == "GasPremium"}}
    epochs, limit = change.get("epochs", 3), change.get("limit", 10)
    params = (
        [form, epochs, []] if method == "GasEstimateFeeCap" else [epochs, str(network.identities[0].account), limit, []]
    )
    with pytest.raises(RpcFailedError, match=words):
        network.rpc(0, method, *params)


def test_estimates_are_whole_numbers_whatever_the_queue(network):
    form = plain(signed(network).message)
    caps = [network.rpc(0, "GasEstimateFeeCap", form, epochs, []) for epochs in (0, 1, 50, 51, 1000)]
    assert [int(cap) for cap in caps] == sorted(int(cap) for cap in caps)
    assert caps[2] == caps[3] == caps[4]
    assert int(network.rpc(0, "GasEstimateGasPremium", 2**63, str(network.identities[0].account), 0, [])) > 0


@pytest.mark.parametrize("kind", ["key", "bls"])
def test_a_pool_that_is_full_by_each_bound_is_listed_in_one_answer(kind):
    """What a message adds to its bytes, and base64 to what it carries."""
    sender, to = (WORKERS[0], WORKERS[1]) if kind == "bls" else (USERS[0], USERS[1])
    size = 60_000
    message = Message(
        Unsigned(0), to, sender, Unsigned(1 << 40), TokenAmount(10**27), 10**10, TokenAmount(10**12),
        TokenAmount(10**12), Unsigned(1 << 40), bytes(size),
    )  # fmt: skip
    signature = Signature(SignatureType.BLS, bytes(96)) if kind == "bls" else Signature(SignatureType(1), bytes(65))
    shown = len(forms.written([forms.signed_form(SignedMessage(message, signature))], "f"))
    added = shown - size * 4 // 3
    bounds = MsgPoolSettings()
    carried = bounds.bytes_max - bounds.messages_max * (len(SignedMessage(message, signature).encode()) - size)
    assert carried * 4 // 3 + bounds.messages_max * added <= ANSWER_BYTES_MAX
    assert HttpSettings("", b"").answers_bytes_max * 3 // 4 > ANSWER_BYTES_MAX, "nor is it refused for its length"
