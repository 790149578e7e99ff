"""Sectors, deadlines, deals and balances over JSON-RPC: on a state that a life made, and with Lotus' fields."""

import base64
import json
from types import SimpleNamespace

import pytest
import thespis.actors.api.market
import thespis.actors.api.miner
import thespis.actors.api.state  # noqa: F401  # they declare what is asked
from thespis.actors.api import forms
from thespis.actors.api.dispatch import put_together
from thespis.actors.api.registry import METHODS, RpcError
from thespis.protocols.builtin.methods import ADDRESS, BIG_INTEGER
from thespis.protocols.builtin.power.methods import UpdateClaimedPowerParams
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import BigInteger

from tests.actors.chain.builder import USERS
from tests.protocols.builtin.life import Life
from tests.protocols.builtin.test_sector_life import COLLATERAL, PRICE, two_sectors
from tests.vectors import load


class View:
    """A node whose chain has one state: that of a life."""

    def __init__(self, life):
        self.life = life
        profile = SimpleNamespace(policy=life.policy, network_version=lambda _height: life.network)
        self.chain = SimpleNamespace(
            blocks=life.store, genesis=SimpleNamespace(profile=profile), state_before=lambda _tipset: life.state
        )

    address_network = "f"
    path = "/rpc/v1"

    def tipset(self, _key):
        return SimpleNamespace(height=self.life.epoch)

    def ask(self, method, *params):
        found = METHODS[f"Filecoin.{method}"]
        given = (parse(value) for parse, value in zip(found.signatures[0], params, strict=True))
        return json.loads(put_together(found.function(self, *given), self.address_network))


@pytest.fixture(scope="module")
def view():
    life = Life()
    two_sectors(life)
    due = life.until_due()
    assert life.submit(due, life.window_proof(due, [1, 2])) == 0
    life.tick(due.close + 1)
    assert life.declare(10, 2).exit_code == 0
    assert life.commit(3, 3000).exit_code == 0
    return View(life)


def test_sectors(view):
    who = str(view.life.miner)
    assert [each["SectorNumber"] for each in view.ask("StateMinerSectors", who, None, [])] == [1, 2]
    assert [each["SectorNumber"] for each in view.ask("StateMinerSectors", who, [2, 1], [])] == [2]
    assert [each["SectorNumber"] for each in view.ask("StateMinerActiveSectors", who, [])] == [1]
    assert view.ask("StateMinerSectorCount", who, []) == {"Live": 2, "Active": 1, "Faulty": 1}
    assert view.ask("StateMinerFaults", who, []) == [2, 1]
    assert view.ask("StateMinerRecoveries", who, []) == [0]
    info = view.ask("StateSectorGetInfo", who, 1, [])
    assert (info["DealIDs"], info["InitialPledge"]) == ([0], "59604643840")
    assert view.ask("StateSectorGetInfo", who, 9, []) is None
    assert view.ask("StateSectorPreCommitInfo", who, 3, [])["Info"]["SectorNumber"] == 3
    assert view.ask("StateSectorPreCommitInfo", who, 1, []) is None
    assert view.ask("StateMinerSectorAllocated", who, 3, []) is True
    assert view.ask("StateMinerSectorAllocated", who, 4, []) is False


def test_deadlines(view):
    who, place = str(view.life.miner), view.life.place()
    assert view.ask("StateSectorPartition", who, 2, []) == {"Deadline": place, "Partition": 0}
    ends = view.ask("StateSectorExpiration", who, 1, [])
    assert (ends["Early"], ends["OnTime"] >= 2110) == (0, True)
    assert view.ask("StateSectorExpiration", who, 2, [])["Early"] > 0
    [partition] = view.ask("StateMinerPartitions", who, place, [])
    assert partition == {
        "AllSectors": [1, 2], "FaultySectors": [2, 1], "RecoveringSectors": [0], "LiveSectors": [1, 2],
        "ActiveSectors": [1, 1],
    }  # fmt: skip
    assert len(view.ask("StateMinerDeadlines", who, [])) == 48
    now = view.ask("StateMinerProvingDeadline", who, [])
    assert now["Open"] <= now["CurrentEpoch"] < now["Close"]
    with pytest.raises(RpcError, match="from 0 to 47"):
        view.ask("StateMinerPartitions", who, 48, [])
    with pytest.raises(RpcError, match="not proven"):
        view.ask("StateSectorPartition", who, 3, [])


def test_money(view):
    who, life = str(view.life.miner), view.life
    state = life.read(life.miner)
    free = life.balance(life.miner) - state.pledge - state.pre_commit_deposits
    assert view.ask("StateMinerAvailableBalance", who, []) == str(free)
    locked = COLLATERAL + 500 * PRICE
    assert int(view.ask("StateMarketBalance", str(USERS[0]), [])["Locked"]) <= locked
    assert view.ask("StateMarketBalance", who, []) == view.ask("StateMarketParticipants", [])[who]
    with pytest.raises(RpcError, match="not found"):
        view.ask("StateMarketBalance", str(Address.actor(b"nobody")), [])


def test_deals(view):
    [(number, deal)] = view.ask("StateMarketDeals", []).items()
    assert (number, deal["Proposal"]["Label"], deal["Proposal"]["StoragePricePerEpoch"]) == ("0", "a deal", str(PRICE))
    assert deal["State"]["SectorStartEpoch"] > 0
    assert view.ask("StateMarketStorageDeal", 0, []) == deal
    for missing in (7, -1):
        with pytest.raises(RpcError, match="not found"):
            view.ask("StateMarketStorageDeal", missing, [])
    assert view.ask("StateVerifiedRegistryRootKey", []) == "f0100"
    assert view.ask("StateVerifiedClientStatus", str(USERS[0]), []) is None


def decoded(view, to, number, params):
    return view.ask("StateDecodeParams", to, number, base64.b64encode(params).decode(), [])


def test_parameters_with_field_names(view):
    who = str(view.life.miner)
    assert decoded(view, "f04", 3, UpdateClaimedPowerParams(BigInteger(5), BigInteger(-1)).encode()) == {
        "RawByteDelta": "5", "QualityAdjustedDelta": "-1",
    }  # fmt: skip
    assert decoded(view, "f04", 6, BIG_INTEGER.encode(7)) == "7"
    assert decoded(view, "f05", 2, ADDRESS.encode(view.life.miner)) == who
    assert decoded(view, who, 0, b"") == decoded(view, who, 2, b"not looked at") == {}
    for to, number, params, said in (("f04", 7, b"", "no method 7"), ("f04", 3, b"", "no parameters of method 3")):
        with pytest.raises(RpcError, match=said):
            decoded(view, to, number, params)


METHODS_ALIKE = [
    ("StateMinerSectorCount", ["M", []]), ("StateMinerProvingDeadline", ["M", []]), ("StateMarketBalance", ["M", []]),
    ("StateSectorPartition", ["M", 1, []]), ("StateSectorExpiration", ["M", 1, []]),
]  # fmt: skip


@pytest.mark.parametrize(("method", "params"), METHODS_ALIKE)
def test_fields_are_those_of_lotus(view, method, params):
    theirs = {case["method"]: case["result"] for case in load("rpc_methods.json")["cases"] if case["api"] == "v1"}
    mine = view.ask(method, *[str(view.life.miner) if value == "M" else value for value in params])
    assert set(mine) == set(theirs[f"Filecoin.{method}"])


def test_rows_are_those_of_lotus(view):
    theirs = {case["method"]: case["result"] for case in load("rpc_methods.json")["cases"] if case["api"] == "v1"}
    who = str(view.life.miner)
    assert set(view.ask("StateMinerDeadlines", who, [])[0]) == set(theirs["Filecoin.StateMinerDeadlines"][0])
    place = view.life.place()
    assert set(view.ask("StateMinerPartitions", who, place, [])[0]) == set(theirs["Filecoin.StateMinerPartitions"][0])
    sector = set(view.ask("StateMinerSectors", who, None, [])[0])
    assert sector - set(theirs["Filecoin.StateMinerSectors"][0]) == {"DealIDs", "ReplacedSectorAge"}, "gone since then"
    proposal = set(view.ask("StateMarketStorageDeal", 0, [])["Proposal"])
    assert proposal == set(theirs["Filecoin.StateMarketStorageDeal"]["Proposal"])


def test_sets_of_numbers_from_json():
    assert forms.optional_bitfield(None) is None
    assert forms.optional_bitfield([0, 2, 3, 1]) == Bitfield.of([0, 1, 5])
    assert forms.optional_bitfield([0]) == Bitfield()
    with pytest.raises(forms.FormError):
        forms.optional_bitfield([3, -1])
