"""Every answer against the two OpenRPC documents of another node, version 0 and version 1 of Lotus' interface."""

import base64

import pytest
from thespis.actors.api.registry import METHODS
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.runtime.http.auth import PERMISSIONS

from tests.actors.api.schemas import Schemas
from tests.actors.api.test_channels import Field
from tests.actors.api.test_rpc_miner import view as life_view
from tests.vectors import load

view = life_view
VERSIONS = ("v0", "v1")
UNANSWERED = {
    "Filecoin.NetFindPeer": "a simulated network has no DHT",
    "Filecoin.SyncSubmitBlock": "its result is null; tests/actors/api/test_hostile_calls.py submits blocks",
    "Filecoin.StateMarketStorageDeal": "a new network has no deals; see the test of sectors and deals",
    "Filecoin.StateSectorPreCommitInfo": "a new network has none; see the test of sectors and deals",
    "Filecoin.StateSectorExpiration": "sectors of genesis have none; see the test of sectors and deals",
    "Filecoin.StateSectorPartition": "sectors of genesis have none; see the test of sectors and deals",
}
"""Methods of the documents that no answer of is looked at, and why."""
DIFFERENCES = {
    ("Filecoin.ChainGetGenesis", "$.Blocks[].Parents"): "a genesis of our networks has no parents; mainnet's names one",
    (
        "Filecoin.StateMinerInfo",
        "$.WindowPoStProofType",
    ): "Lotus writes the number of a proof type, as its own pages show",
    ("Filecoin.StateMinerProvingDeadline", "$"): "an object in Lotus; the document has the text 'string' for it",
    ("Filecoin.WalletExport", "$.Type"): "Lotus writes the name of a key's type, and reads the name or the number",
}
"""Where an answer does not fit, by method and place, and why it is right as it is."""


def asked(field, path="/rpc/v1"):
    """Honest calls of each method, by name, as a network with some messages answers them."""
    network = field.network
    account, other = (network.identities[at].account.text("t") for at in (0, 1))
    zero = {"Version": 0, "Nonce": 0, "GasLimit": 0, "GasFeeCap": "0", "GasPremium": "0", "Method": 0, "Params": None}
    spend = {**zero, "From": account, "To": other, "Value": "5"}
    spec = {"MaxFee": "0", "MsgUuid": "07070707-0707-0707-0707-070707070707", "MaximizeFeeCap": False}
    answers = {}

    def ask(method, *params):
        number = field.call(method, *params, permissions=PERMISSIONS, path=path)
        for _ in range(20):
            if any(key == number for key, _body in field.port.sent):
                break
            network.run_epochs(0.25)
        answer = field.answer(number)
        assert "result" in answer, (method, params, answer)
        answers.setdefault(f"Filecoin.{method}", []).append((list(params), answer["result"]))
        return answer["result"]

    sent = ask("MpoolPushMessage", spend, spec)
    network.run_epochs(5)
    head = ask("ChainHead")
    number = ask("StateLookupID", account, [])
    found = ask("StateSearchMsg", [], sent["CID"], -1, True)
    for method in ("MpoolPush", "MpoolPushUntrusted"):
        nonce = ask("MpoolGetNonce", account)
        later = {**spend, "Nonce": nonce, "GasLimit": 1_000_000, "GasFeeCap": "300", "GasPremium": "200"}
        ask(method, ask("WalletSignMessage", account, later))
    made = ask("WalletNew", 2)
    exported = ask("WalletExport", made)
    signature = ask("WalletSign", account, "AAAA")
    token = base64.b64decode(ask("AuthNew", ["read", "write"])).decode()
    missing = {"/": "bafy2bzacebmmyhjvm4vqs5ze27hi5hcuxg5kt4abf6wwbfx7lw6vxhy5vsnsq"}
    peer = ask("NetPeers")[0]
    block, carrier = head["Cids"][0], found["TipSet"]
    for method, *params in (
        ("AuthVerify", token), ("ChainGetBlock", block), ("ChainGetBlockMessages", block), ("ChainGetGenesis",),
        ("ChainGetMessage", sent["CID"]), ("ChainGetParentMessages", carrier[0]),
        ("ChainGetParentReceipts", carrier[0]),
        ("ChainGetMessagesInTipset", ask("ChainGetTipSet", carrier)["Blocks"][0]["Parents"]),
        ("ChainGetPath", ask("ChainGetGenesis")["Cids"], head["Cids"]), ("ChainGetTipSetByHeight", 2, []),
        ("ChainGetTipSetAfterHeight", 2, []), ("ChainHasObj", block), ("ChainHasObj", missing), ("ChainReadObj", block),
        ("ChainTipSetWeight", []), ("GasEstimateFeeCap", spend, 10, []), ("GasEstimateGasLimit", spend, []),
        ("GasEstimateGasPremium", 2, account, 1000, []), ("GasEstimateMessageGas", spend, spec, []),
        ("MinerGetBaseInfo", "f01000", head["Height"] + 50, []), ("MpoolPending", []), ("MpoolSelect", [], 0.5),
        ("NetAddrsListen",), ("NetBandwidthStats",), ("NetConnect", {"ID": peer["ID"], "Addrs": peer["Addrs"]}),
        ("StateAccountKey", number, []), ("StateCall", spend, []), ("StateCirculatingSupply", []),
        ("StateDealProviderCollateralBounds", 2048, False, []), ("StateDecodeParams", "f04", 9, "", []),
        ("StateGetActor", account, []), ("StateListActors", []), ("StateListMiners", []),
        ("StateMarketBalance", account, []), ("StateMarketDeals", []), ("StateMarketParticipants", []),
        ("StateMinerActiveSectors", "f01000", []), ("StateMinerAvailableBalance", "f01000", []),
        ("StateMinerDeadlines", "f01000", []), ("StateMinerFaults", "f01000", []), ("StateMinerInfo", "f01000", []),
        ("StateMinerPartitions", "f01000", 0, []), ("StateMinerPower", "f01000", []),
        ("StateMinerProvingDeadline", "f01000", []), ("StateMinerRecoveries", "f01000", []),
        ("StateMinerSectorAllocated", "f01000", 1, []), ("StateMinerSectorCount", "f01000", []),
        ("StateMinerSectors", "f01000", None, []), ("StateNetworkName",), ("StateNetworkVersion", []),
        ("StateReadState", "f04", []), ("StateReplay", [], sent["CID"]), ("StateSearchMsg", [], missing, -1, True),
        ("StateSectorGetInfo", "f01000", 0, []),
        ("StateVerifiedClientStatus", account, []), ("StateVerifiedRegistryRootKey", []),
        ("StateVerifierStatus", account, []), ("StateWaitMsg", sent["CID"], 1, -1, True), ("SyncCheckBad", missing),
        ("SyncCheckBad", block), ("SyncMarkBad", missing), ("Version",), ("WalletBalance", account),
        ("WalletDefaultAddress",), ("WalletHas", made), ("WalletList",), ("WalletSetDefault", account),
        ("WalletValidateAddress", account), ("WalletVerify", account, "AAAA", signature), ("WalletDelete", made),
        ("WalletImport", {**exported, "Type": 2}), ("NetDisconnect", peer["ID"]),
    ):  # fmt: skip
        ask(method, *params)
    return answers


@pytest.fixture(scope="module", params=VERSIONS)
def version(request):
    """One of the interfaces: its schemas, its methods, and our answers to honest calls of it."""
    document = load(f"openrpc_forest_{request.param}.json")
    network = SimulatedFilecoin(17, 2, 2)
    network.run_to_genesis()
    network.run_epochs(3)
    answers = asked(Field(network), f"/rpc/{request.param}")
    network.close()
    return Schemas(document), {method["name"]: method for method in document["methods"]}, answers


def test_every_answer_fits_its_schema(version):
    schemas, methods, answers = version
    ours = {name for name in METHODS if name in methods}
    assert ours == (answers.keys() & methods.keys()) | UNANSWERED.keys()
    found = set()
    for name in ours & answers.keys():
        for _params, result in answers[name]:
            faults = schemas.faults(methods[name]["result"]["schema"], result)
            found |= {(name, place, what if (name, place) not in DIFFERENCES else "") for place, what in faults}
    assert found == {(name, place, "") for name, place in DIFFERENCES}


def test_parameters_that_fit_the_documents_are_taken(version):
    """All that was answered was asked as the document has it."""
    schemas, methods, answers = version
    found = set()
    for name in answers.keys() & methods.keys():
        for params, _result in answers[name]:
            for at, (wanted, given) in enumerate(zip(methods[name]["params"], params, strict=False)):
                found |= {(name, at, *fault) for fault in schemas.faults(wanted["schema"], given)}
    assert found == set()


def test_sectors_and_deals_fit_their_schemas(version, view):
    """On a state that has some of each kind (the life of tests/actors/api/test_rpc_miner.py)."""
    schemas, methods, _answers = version
    miner = str(view.life.miner)
    place = view.ask("StateSectorPartition", miner, 1, [])["Deadline"]
    found = {}
    for method, *params in (
        ("StateMinerSectors", miner, None, []), ("StateMinerActiveSectors", miner, []), ("StateMarketDeals", []),
        ("StateSectorGetInfo", miner, 1, []), ("StateSectorPreCommitInfo", miner, 3, []),
        ("StateSectorExpiration", miner, 1, []), ("StateSectorPartition", miner, 1, []),
        ("StateMarketStorageDeal", 0, []), ("StateMinerPartitions", miner, place, []), ("StateMarketParticipants", []),
    ):  # fmt: skip
        result = view.ask(method, *params)
        assert result, method
        faults = schemas.faults(methods[f"Filecoin.{method}"]["result"]["schema"], result)
        if faults:
            found[method] = faults
    assert found == {}


@pytest.mark.parametrize(("path", "number", "told"), [("/rpc/v0", 0x010500, "error"), ("/rpc/v1", 0x020300, "result")])
def test_the_older_interface_answers_as_it_did(path, number, told):
    """Its clients look at its number first; and where v1 says that there is nothing, v0 fails."""
    network = SimulatedFilecoin(17, 1, 1)
    network.run_to_genesis()
    field = Field(network)
    assert field.answer(field.call("Version", path=path))["result"]["APIVersion"] == number
    assert told in field.answer(field.call("StateSectorPreCommitInfo", "f01000", 77, [], path=path))
    network.close()


def test_the_check_sees_what_does_not_fit():
    """A check that passes everything would hold nothing."""
    schemas = Schemas({"components": {"schemas": {"N": {"type": "integer", "format": "uint8"}}}})
    shape = {
        "type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/components/schemas/N"},
        "b": {"anyOf": [{"type": "array", "items": {"const": 1}, "minItems": 1}, {"type": "null"}]}},
        "additionalProperties": False,
    }  # fmt: skip
    assert schemas.faults(shape, {"a": 255, "b": [1]}) == schemas.faults(shape, {"a": 0, "b": None}) == []
    wrong = [{}, {"a": 256}, {"a": "1"}, {"a": True}, {"a": 1, "b": [2]}, {"a": 1, "b": []}, {"a": 1, "c": 1}, []]
    assert all(schemas.faults(shape, each) for each in wrong)
    with pytest.raises(AssertionError, match="not known"):
        schemas.faults({"whatever": 1}, 1)
