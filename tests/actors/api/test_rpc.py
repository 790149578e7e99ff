"""The JSON-RPC interface: shapes, errors, permissions, batches, as Lotus has them."""

import json
import re
from pathlib import Path

import pytest
from thespis.actors.api import dispatch, forms, methods
from thespis.actors.api.registry import METHODS, NO_METHOD, RpcError
from thespis.actors.chain.reader import ChainReader
from thespis.actors.simulation.network import RpcFailedError, SimulatedFilecoin
from thespis.protocols.chain.block import BlockHeader

from tests.vectors import load


@pytest.fixture(scope="module")
def network():
    found = SimulatedFilecoin(3, 2, 1)
    found.run_to_genesis()
    found.run_epochs(3)
    message = {"From": str(found.identities[0].account), "To": str(found.identities[1].account), "Value": "5"}
    found.sent = found.rpc(0, "MpoolPushMessage", message, {"MaxFee": "0"})
    found.run_epochs(5)
    yield found
    found.close()


class View:
    """The node as dispatching sees it, without one."""

    address_network = "f"

    def named(self, _request):
        return self

    def admit(self):
        return

    def hold(self, _size):
        return True

    def open_channel(self, _topic):
        raise RpcError(NO_METHOD, "no out channel support")

    async def cancellable(self, answering):
        return await answering

    async def beside(self, work, *, quick=True):
        return work(self)


def answer(body, permissions=("read", "write", "sign", "admin")):
    coroutine = dispatch.answer(View(), body if isinstance(body, bytes) else json.dumps(body).encode(), permissions)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        data, status = stop.value
        return (json.loads(data) if data else None), status
    raise AssertionError("the call waits")


def request(method, params=(), identity=1):
    return {"jsonrpc": "2.0", "id": identity, "method": method, "params": list(params)}


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (b"{", -32700, 500),
        (b"[]", -32600, 400),
        (b"7", -32600, 200),
        (b'{"id":1}', -32600, 200),
        (json.dumps(request("Filecoin.Nonsense")).encode(), -32601, 500),
        (json.dumps(request("Filecoin.ChainGetBlock")).encode(), -32602, 500),
        (json.dumps(request("Filecoin.ChainGetBlock", [7])).encode(), -32602, 500),
        (json.dumps(request("Filecoin.ChainNotify")).encode(), -32601, 500),
    ],
)
def test_errors_have_lotus_codes(body, code, status):
    found, got = answer(body)
    assert found["error"]["code"] == code
    assert got in (status, 400 if code == -32600 else status)


@pytest.mark.behaviour(203)
def test_permissions_are_asked_for():
    found, status = answer(request("Filecoin.WalletExport", ["f01"]), ("read", "write", "sign"))
    assert found["error"] == {"code": 1, "message": "missing permission to invoke 'WalletExport' (need 'admin')"}
    assert status == 200
    assert METHODS["Filecoin.MpoolPushMessage"].permission == "sign"
    assert METHODS["Filecoin.WalletNew"].permission == "write"


def test_every_module_that_has_methods_is_in_the_table():
    """One that nobody imports would have none, and nobody would be told."""
    modules = Path(methods.__file__).parent.glob("*.py")
    written = {path.stem for path in modules if re.search(r"^@\w+\(\"[A-Z]", path.read_text(), re.M)}
    assert len(written) > 12
    assert written <= vars(methods).keys()


def test_permissions_are_those_of_lotus():
    theirs = {case["method"]: case["perm"] for case in load("rpc_methods.json")["cases"] if case["api"] in ("v1", "v0")}
    for name, method in METHODS.items():
        if name in theirs:
            assert method.permission == theirs[name], name


def test_parameters_are_counted_as_lotus_does():
    theirs = {case["method"]: case for case in load("rpc_methods.json")["cases"] if case["api"] == "v1"}
    for name, method in METHODS.items():
        if name in theirs:
            count = len(theirs[name]["params"] or [])
            assert count in [len(parsers) for parsers in method.signatures], name


def test_batches_and_notifications():
    found, _ = answer([request("Filecoin.WalletValidateAddress", ["f01"], 1), request("Filecoin.Nope", identity=2)])
    assert [each["id"] for each in found] == [1, 2]
    assert found[0]["result"] == "f01"
    silent = request("Filecoin.WalletValidateAddress", ["f01"])
    del silent["id"]
    assert answer(silent)[0] is None
    assert answer([request("x")] * 101)[0]["error"]["code"] == -32600


def keys_of(value):
    return set(value) if isinstance(value, dict) else None


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("ChainHead", []), ("ChainGetGenesis", []), ("SyncState", []), ("StateGetActor", ["f01000", []]),
        ("StateMinerPower", ["f01000", []]), ("StateMinerInfo", ["f01000", []]), ("NetAddrsListen", []),
        ("NetBandwidthStats", []), ("Version", []), ("MinerGetBaseInfo", ["f01000", 100, []]),
        ("StateReadState", ["f01000", []]),
    ],
)  # fmt: skip
def test_results_have_lotus_fields(network, method, params):
    theirs = {case["method"]: case["result"] for case in load("rpc_methods.json")["cases"] if case["api"] == "v1"}
    mine = network.rpc(0, method, *params)
    assert keys_of(mine) == keys_of(theirs[f"Filecoin.{method}"])
    if "Blocks" in mine:
        assert keys_of(mine["Blocks"][0]) == keys_of(theirs[f"Filecoin.{method}"]["Blocks"][0])


def test_headers_and_messages_survive_json(network):
    head = network.rpc(0, "ChainHead")
    for cid, block in zip(head["Cids"], head["Blocks"], strict=True):
        header = forms.header(json.loads(json.dumps(block)))
        assert isinstance(header, BlockHeader)
        assert str(header.cid()) == cid["/"]
    signed = forms.signed(network.sent)
    assert str(signed.chain_cid()) == network.sent["CID"]["/"]
    assert json.loads(forms.written(forms.signed_form(signed), "t")) == network.sent


def test_a_message_is_found_with_its_receipt(network):
    cid = network.sent["CID"]
    found = network.rpc(1, "StateSearchMsg", cid)
    assert found == network.rpc(1, "StateSearchMsg", [], cid, -1, True)
    assert found["Receipt"]["ExitCode"] == 0
    assert network.rpc(0, "StateWaitMsg", cid, 1, -1, True)["Message"] == cid
    assert network.rpc(0, "ChainGetMessage", cid)["Value"] == "5"
    above = network.rpc(0, "ChainGetTipSetAfterHeight", found["Height"], [])
    parents = network.rpc(0, "ChainGetParentMessages", above["Cids"][0])
    receipts = network.rpc(0, "ChainGetParentReceipts", above["Cids"][0])
    assert len(parents) == len(receipts)
    assert cid in [each["Cid"] for each in parents]


def test_state_and_wallet_questions(network):
    account = network.identities[0].account.text("t")
    number = network.rpc(0, "StateLookupID", account, [])
    assert network.rpc(0, "StateAccountKey", number, []) == account
    assert network.rpc(0, "StateListMiners", []) == ["t01000"]
    assert number in network.rpc(0, "StateListActors", [])
    assert network.rpc(0, "StateNetworkVersion", []) == 5
    called = network.rpc(0, "StateCall", {"From": account, "To": "f04", "Method": 9}, [])
    assert called["MsgRct"]["ExitCode"] == 0
    supply = network.rpc(0, "Thespis.Supply", [])
    assert int(supply["Total"]) > int(network.rpc(0, "StateCirculatingSupply", [])) > 0
    why = network.rpc(0, "Thespis.MpoolWhy", network.sent["CID"])
    assert "on chain" in why["Reason"]
    assert network.rpc(0, "ChainHasObj", network.rpc(0, "ChainHead")["Cids"][0])
    limit = network.rpc(0, "GasEstimateGasLimit", {"From": account, "To": number}, [])
    assert 200_000 < limit < 2_000_000


def test_bad_blocks_and_checkpoints_over_the_api(network):
    cid = network.rpc(0, "ChainHead")["Cids"][0]
    assert network.rpc(1, "SyncCheckBad", cid) == ""
    network.rpc(1, "SyncMarkBad", cid)
    assert "manually" in network.rpc(1, "SyncCheckBad", cid)
    network.rpc(1, "SyncUnmarkBad", cid)
    network.rpc(1, "SyncCheckpoint", [])


def test_a_node_that_is_done_says_that_its_sync_is_complete(network):
    """4 in Lotus, whose client shows 5 as an error."""
    [active] = network.rpc(0, "SyncState")["ActiveSyncs"]
    assert active["Stage"] == 4


def test_every_method_says_what_it_does():
    for name, method in METHODS.items():
        assert method.function.__doc__, name


def test_what_a_message_returned_is_decoded(network):
    asked = {"From": network.sent["Message"]["From"], "To": "f04", "Value": "0", "Method": 9}
    cid = network.rpc(0, "MpoolPushMessage", asked, None)["CID"]
    network.run_epochs(6)
    told = network.rpc(1, "StateSearchMsg", [], cid, -1, True)["ReturnDec"]
    power = network.rpc(1, "StateMinerPower", "f01000", [])["TotalPower"]
    assert told["RawBytePower"] == power["RawBytePower"]
    assert told["QualityAdjustedPower"] == power["QualityAdjPower"]
    assert network.rpc(1, "StateSearchMsg", [], network.sent["CID"], -1, True)["ReturnDec"] is None


def test_a_batch_has_a_bounded_number_of_calls():
    call = request("Filecoin.WalletValidateAddress", ["f01"])
    found, status = answer([call] * dispatch.BATCH_MAX)
    assert (len(found), status) == (dispatch.BATCH_MAX, 200)
    refused, status = answer([call] * (dispatch.BATCH_MAX + 1))
    assert refused["error"]["code"] == -32600
    assert f"1 to {dispatch.BATCH_MAX}" in refused["error"]["message"]
    assert status == 400


def test_states_are_those_that_the_head_was_made_over(network):
    """As Lotus reads them: what the head's own messages did shows with the next tipset, which has their receipts."""
    reader = ChainReader(network.node(0).disk.open_reader("chain"))
    miner = network.identities[0].account
    differ = False
    for _ in range(4):
        spend = {"From": str(miner), "To": str(network.identities[1].account), "Value": "7"}
        network.rpc(0, "MpoolPushMessage", spend, None)
        network.run_epochs(1)
        reader.refresh()
        states = reader.state_before(reader.head()), reader.state_after(reader.head())
        before, after = (str(state.get(miner).balance) for state in states)
        assert network.rpc(0, "WalletBalance", str(miner)) == before
        assert network.rpc(0, "StateGetActor", str(miner), [])["Balance"] == before
        assert network.rpc(0, "StateReadState", str(miner), [])["Balance"] == before
        differ |= before != after
    assert differ


def test_keys_are_imported_in_every_form_that_others_export(network):
    made = network.rpc(0, "WalletNew", "secp256k1")
    key = network.rpc(0, "WalletExport", made)["PrivateKey"]
    network.rpc(0, "WalletDelete", made)
    for form in (
        {"Type": "secp256k1", "PrivateKey": key},
        {"Type": 1, "PrivateKey": key},
        {"KeyInfo": [{"privateKey": key, "curve": "secp256k1"}]},
    ):
        assert network.rpc(0, "WalletImport", form) == made
        assert network.rpc(0, "WalletHas", made)
        network.rpc(0, "WalletDelete", made)
    for form, said in (
        ({"KeyInfo": []}, "no keys"), ({"KeyInfo": [{}, {}]}, "at most 1"), ({"Type": 3, "PrivateKey": key}, "1 to 2"),
        ({"KeyInfo": [{"privateKey": key, "curve": "p256"}]}, "p256"),
    ):  # fmt: skip
        with pytest.raises(RpcFailedError, match=said):
            network.rpc(0, "WalletImport", form)
