"""Parameters and answers of methods as others recorded them, and the actors' mathematics."""

import base64
import json

import pytest
from thespis.actors.api.records import record_form
from thespis.protocols.builtin.multisig.v2.methods import METHODS as MULTISIG
from thespis.protocols.builtin.paych.methods import SignedVoucher
from thespis.protocols.builtin.registry import ACTORS
from thespis.protocols.builtin.smoothing import PRECISION, natural_logarithm
from thespis.protocols.builtin.storage_miner.periods import Quant
from thespis.protocols.chain.message import Message
from thespis.protocols.consensus.exponential import expneg
from thespis.protocols.crypto.signature import check_signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import DecodeError

from tests.vectors import each, load, path

SINGLETONS = {"f01": "init", "f04": "storagepower", "f05": "storagemarket", "f06": "verifiedregistry"}
MULTISIGS = {"Propose", "Approve"}
LATER = {
    "PreCommitSectorBatch": "method 25 came with version 5 of the actors",
    "ProveCommitAggregate": "method 26 came with version 5 of the actors",
    "transfer": "method 0 has no parameters",
}


def leaves(value):
    """Every value of a JSON form, whatever its fields are called; what is empty is left out."""
    if isinstance(value, dict):
        return sorted(leaf for each in value.values() for leaf in leaves(each))
    if isinstance(value, list):
        return sorted(leaf for each in value for leaf in leaves(each))
    return [] if value in (None, "") else [str(value)]


@each("actor_messages_mainnet.json")
def test_mainnet_messages(case):
    """Messages to version 6 of the actors, whose parameters were those of version 2 where the method is in both."""
    path("actor_messages_mainnet.json")
    name = case["name"]
    if name in LATER:
        pytest.skip(f"{name}: {LATER[name]}")
    if name == "not-exist-method":
        assert case["method"] not in ACTORS[2]["account"]
        return
    actor = SINGLETONS.get(case["to"], "multisig" if name in MULTISIGS else "storageminer")
    method = ACTORS[2][actor][case["method"]]
    for form, text, told in ((method.params, case["params"], "args"), (method.returns, case["return"], "returns")):
        data, expected = base64.b64decode(text), json.loads(case[told] or "null")
        if form is None:
            # version 6 tells more than version 2: what was withdrawn, and which deals were valid
            assert not leaves(expected) or (name, told) == ("WithdrawBalance", "returns")
        elif data and (name, told) != ("PublishStorageDeals", "returns"):
            value = form.decode(data)
            assert leaves(record_form(value)) == leaves(expected)
            assert form.encode(value) == data


TOOL_FORMS = [
    MULTISIG[1], ACTORS[2]["init"][2], MULTISIG[2], MULTISIG[2], MULTISIG[3], ACTORS[2]["storageminer"][16],
    ACTORS[2]["storageminer"][23],
]  # fmt: skip
"""What the seven cases of ``serialize_params.json`` are parameters of."""
KINDS = {"paymentchannel": "paymentchannel", "multisig": "multisig", "init": "init"}


@each("actor_params_signing_tools.json")
def test_parameters_of_signing_tools(case):
    cases = load("actor_params_signing_tools.json")["cases"]
    file = case["file"]
    if file == "serialize_params.json":
        form = TOOL_FORMS[cases.index(case)].params
        data = base64.b64decode(case["serialized_params"])
        value = form.decode(data)
        assert form.encode(value) == data
        if "AmountRequested" in case["params"]:
            assert value.amount_requested == int(case["params"]["AmountRequested"])
        else:
            assert_same(leaves(record_form(value)), leaves(case["params"]))
    elif file.startswith("deserialize"):
        check_deserialized(case)
    elif file == "voucher.json":
        check_voucher(case)
    else:
        check_message(case)


def assert_same(found, expected):
    """Addresses are of either network, and a method number of zero is written by some only."""
    plain = [sorted(each[1:] if each[:1] in "ft" else each for each in side) for side in (found, expected)]
    assert plain[0] == plain[1]


def check_deserialized(case):
    number = 1 if case["file"] == "deserialize_constructor_params.json" else case["method"]
    methods = ACTORS[2].get(KINDS.get(case["code_cid"], ""), {})
    data = base64.b64decode(case["serialized_params"])
    if not case["valid"]:
        if number in methods and methods[number].params is not None:
            with pytest.raises(DecodeError):
                methods[number].params.decode(data)
        return
    value = methods[number].params.decode(data)
    assert methods[number].params.encode(value) == data
    assert_same(leaves(record_form(value)), leaves(case["params"]))


def check_voucher(case):
    told = case.get("voucher")
    voucher = SignedVoucher.decode(base64.b64decode(case["signed_voucher_base64"]))
    assert voucher.encode() == base64.b64decode(case["signed_voucher_base64"])
    if told is None:
        check_signature(voucher.signature, Address.from_text(case["address_signer"]), voucher.signing_bytes())
        return
    assert_same([str(voucher.channel)], [told["payment_channel_address"]])
    assert (voucher.amount, voucher.lane, voucher.nonce) == (int(told["amount"]), told["lane"], told["nonce"])
    assert voucher.time_lock_min == voucher.time_lock_max == voucher.min_settle_height == 0


def check_message(case):
    """A message of a tool: its bytes where it has them, and its parameters by what they are for."""
    told, name = case["message"], case["name"]
    data = base64.b64decode(told["Params"])
    if "cbor" in case:
        message = Message.decode(bytes.fromhex(case["cbor"]))
        assert message.encode().hex() == case["cbor"]
        assert message.params == data
        assert (message.nonce, message.gas_limit, message.method) == (1, 1_000_000, told["Method"])
        assert_same([str(message.to), str(message.sender)], [told["To"], told["From"]])
    if told["To"] in ("t01", "f01"):
        form = ACTORS[2]["init"][2].params
        value = form.decode(data)
        assert form.encode(value) == data
        made = ACTORS[2]["multisig" if name == "create" else "paymentchannel"][1].params
        inner = made.decode(value.constructor_params)
        assert_same(leaves(record_form(inner)), leaves(case["constructor_params"]))
    elif case["file"] == "payment_channel.json":
        form = ACTORS[2]["paymentchannel"][told["Method"]].params
        assert (form is None) == (data == b"")
        if form is not None:
            assert form.decode(data).voucher.encode() == base64.b64decode(case["voucher_base64"])
    else:
        form = MULTISIG[told["Method"]].params
        value = form.decode(data)
        assert form.encode(value) == data
        if name == "propose":
            assert_same(leaves(record_form(value)), leaves(case["proposal_params"]))
        else:
            assert value.number == 1234
            assert len(value.proposal_hash) == 32


def test_exponential_vectors():
    cases = load("actor_math_expneg_q128.json")["cases"]
    assert len(cases) == 132
    for case in cases:
        assert expneg(int(case["x_q128"]), PRECISION) == int(case["y_q128"])


@each("actor_math_misc.json")
def test_quantities_and_logarithms(case):
    path("actor_math_misc.json")
    if case["kind"] == "ln_q128":
        found = natural_logarithm(int(case["x_q128"]))
        assert found >> PRECISION == int(case["ln_q128_approx"]) >> PRECISION
        return
    quant = Quant(case["unit"], case["offset"])
    if case["kind"] == "quantize_up":
        assert quant.up(case["epoch"]) == case["expect"]
    else:
        # our rules only look up: the one below is a unit before the first above
        assert quant.up(case["epoch"] + 1) - case["unit"] == case["expect"]
