"""A real local network: processes, RocksDB, libp2p, JSON-RPC; killed, partitioned, healed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from thespis.deploy.devnet import faults
from thespis.deploy.devnet.home import held
from thespis.deploy.devnet.plan import DevnetError, DevnetPlan, read_state
from thespis.deploy.devnet.run import SETTLE_EPOCHS, DevnetRun, last_epoch
from thespis.deploy.rpc import RpcCallError, RpcClient
from thespis.runtime.actor.envelopes import ListProcesses
from thespis.runtime.actor.supervision import Intensity
from thespis.runtime.admin import admin_ask

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def plan(home, **changes):
    defaults = {
        "seed": 7,
        "nodes": 3,
        "miners": 2,
        "block_time_s": 1,
        "base_port": 0,
        "genesis_time_s": int(time.time()) + 7,
    }
    home.mkdir(parents=True, exist_ok=True)
    return DevnetPlan.make(home, **(defaults | changes))


@pytest.fixture(scope="module")
def devnet(tmp_path_factory):
    """One devnet for the tests that only look, and for those that hurt it and wait."""
    run = DevnetRun(plan(tmp_path_factory.mktemp("devnet") / "net"), traffic=True)
    run.plan.write()
    with held(run.plan.home), run.fleet:
        run.fleet.wait_ready()
        run.follow(3)
        yield run


def wait(condition, seconds=40.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come to be in time")


def kill_once_it_runs(run, target):
    """Who was killed a moment ago may not have its next process yet."""

    def killed():
        with contextlib.suppress(DevnetError):
            return faults.kill(run.plan.home, target)
        return None

    return wait(killed)


def at_intensity(killed_s):
    """Whether one more restart now is one that supervision gives up on, and the node with it."""
    since_s = time.monotonic() - Intensity().window_s - 1
    return sum(each > since_s for each in killed_s) >= Intensity().restarts


def head(run, number):
    with run.fleet.client(run.plan.nodes[number]) as client:
        return client.call("ChainHead")


def thespis(run, number, *arguments):
    command = [sys.executable, "-m", "thespis.deploy.cli.main", "--home", str(run.plan.nodes[number].home), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def agree(run):
    """Whether all nodes have one chain three epochs below the lowest head."""
    heads = [head(run, number)["Height"] for number in range(3)]
    keys = set()
    for node in run.plan.nodes:
        with run.fleet.client(node) as client:
            tipset = client.call("ChainGetTipSetByHeight", max(0, min(heads) - 3), [])
            keys.add(tuple(cid["/"] for cid in tipset["Cids"]))
    return len(keys) == 1


@pytest.mark.behaviour(184, 197)
def test_messages_travel_and_commands_answer(devnet):
    account = str(devnet.plan.nodes[2].account.address)
    code, out, err = thespis(devnet, 0, "send", account, "1.5", "--wait")
    assert code == 0, err
    assert "exit code 0" in out
    assert len(head(devnet, 0)["Cids"]) >= 1
    code, out, _ = thespis(devnet, 0, "chain", "head")
    assert code == 0
    assert out.startswith("bafy")
    code, out, _ = thespis(devnet, 1, "--help")
    assert code == 0
    code, _, err = thespis(devnet, 0, "send", account, "--", "-1")
    assert code == 2
    assert "negative" in err


@pytest.mark.behaviour(187, 188, 190, 191, 192, 193, 200)
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["wallet", "list"], "FIL"), (["wallet", "balance", "f099"], "FIL"), (["chain", "ls", "--count", "2"], "bafy"),
        (["chain", "ls", "-l", "--count", "2"], "MINER"), (["actor", "ls"], "storageminer"),
        (["net", "peers"], "12D3Koo"), (["swarm", "peers"], "12D3Koo"), (["bootstrap", "ls"], "/p2p/"),
        (["stats", "bandwidth"], "Total In"), (["id"], "AgentVersion"), (["id", "-f", "<id>\\n"], "12D3Koo"),
        (["sync", "status"], "idle"), (["state", "power", "f01000"], "50.00%"), (["state", "supply"], "Total"),
        (["mining", "status"], "t01000"), (["version"], "thespis"), (["state", "read-state", "f01000"], "VestingFunds"),
        (["config", "get", "api.address"], "/http"), (["log", "ls"], "actors"), (["mpool", "ls"], "CID"),
    ],
)  # fmt: skip
def test_every_command_shows_something(devnet, arguments, expected):
    code, out, err = thespis(devnet, 0, *arguments)
    assert code == 0, err
    assert expected in out


@pytest.mark.behaviour(186, 200)
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["wallet", "export", "f1e7nfpd7bowaifazzafo6q2ewattwpr6j5kt32yy"], "no key of"),
        (["mpool", "show", "bafy2bzacedswlcz5ddgqnyo3sak3jmhmkxashisnlpq6ujgyhe4mlobzpnhs6"], "not found"),
        (["swarm", "connect", "/ip4/hello/tcp/1/p2p/x"], "invalid"), (["chain", "get-block", "nonsense"], "CID"),
        (["mining", "start"], "already mining"), (["dag", "get", "bafy/x"], ""),
        (["state", "get-actor", "f09999"], "not found"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_the_exit_code_says_so(devnet, arguments, expected):
    code, _, err = thespis(devnet, 0, *arguments)
    assert code != 0
    assert expected in err
    assert "Traceback" not in err


@pytest.mark.parametrize("form", ["{token}:{address}", "{token}:{url}", "{address}", "{url}", "{url}/"])
def test_a_node_is_found_by_every_form_of_its_address(devnet, monkeypatch, form):
    home = devnet.plan.nodes[0].home
    address, token = (home / "api").read_text(), (home / "token").read_text()
    url = f"http://127.0.0.1:{devnet.plan.nodes[0].api_port}"
    monkeypatch.setenv("FULLNODE_API_INFO", form.format(token=token, address=address, url=url))
    code, out, err = thespis(devnet, 2, "net", "id")
    assert (code, out) == (0, f"{devnet.plan.nodes[0].peer_id}\n"), err
    code, _out, err = thespis(devnet, 2, "wallet", "new")
    assert code == (0 if "token" in form else 1), err
    monkeypatch.setenv("FULLNODE_API_INFO", "nonsense")
    code, _out, err = thespis(devnet, 2, "net", "id")
    assert (code, "FULLNODE_API_INFO: 'nonsense' is no address" in err) == (1, True)


def test_a_stranger_may_read_and_not_write(devnet):
    with RpcClient((devnet.plan.nodes[0].home / "api").read_text()) as client:
        assert client.call("ChainHead")["Height"] >= 3
        with pytest.raises(RpcCallError, match="need 'sign'"):
            client.call("MpoolPushMessage", {}, {})


def test_a_killed_subsystem_comes_back_and_the_network_goes_on(devnet):
    """Each once for having been killed, and nobody else; on a busy machine one may need a second start."""
    killed, run = ("Syncer", "Network", "MsgPool", "Wallet", "Api"), devnet.plan.nodes[1].home / "run"
    restarts = {row.role: row.restarts for row in admin_ask(run, ListProcesses()).rows}
    for role in killed:
        kill_once_it_runs(devnet, f"node-2/{role}")
    before = head(devnet, 0)["Height"]
    wait(lambda: head(devnet, 0)["Height"] > before + 4 and agree(devnet))
    table = admin_ask(run, ListProcesses())
    assert {row.state.value for row in table.rows} == {"running"}
    by_signal = {row.role: dict(row.restarts_by_cause).get("SIGKILL", 0) for row in table.rows}
    assert {role: count for role, count in by_signal.items() if count} == dict.fromkeys(killed, 1)
    others = {
        row.role: (row.restarts - restarts[row.role], row.reasons) for row in table.rows if row.role not in killed
    }
    assert {role: more for role, (more, _) in others.items() if more} == {}, others


def test_a_killed_node_comes_back_with_its_chain(devnet):
    devnet.plan.write_state({name: running.process.pid for name, running in devnet.fleet.nodes.items()})
    before = head(devnet, 2)["Height"]
    faults.kill(devnet.plan.home, "node-3")
    wait(lambda: devnet.fleet.nodes["node-3"].process.poll() is not None)
    wait(devnet.fleet.watch)
    devnet.fleet.wait_ready()
    assert head(devnet, 2)["Height"] >= before
    wait(lambda: agree(devnet) and head(devnet, 2)["Height"] > before + 3)


def test_a_partition_heals_to_one_chain(devnet):
    faults.partition(devnet.plan.home, "node-1")
    start = head(devnet, 0)["Height"]
    wait(lambda: head(devnet, 0)["Height"] > start + 14)
    faults.heal(devnet.plan.home)
    healed = head(devnet, 1)["Height"]

    def one_chain():
        return agree(devnet) and head(devnet, 0)["Height"] > healed

    wait(one_chain, 25)
    assert head(devnet, 0)["Height"] <= healed + 15


def test_nodes_that_are_not_there_are_named(devnet):
    with pytest.raises(DevnetError, match="no node 'node-9'"):
        faults.kill(devnet.plan.home, "node-9")
    with pytest.raises(DevnetError, match="no running 'Sealer'"):
        faults.kill(devnet.plan.home, "node-1/Sealer")


# -- the command itself ----------------------------------------------------------------------------------------


def test_a_run_lasts_until_its_transfers_have_settled():
    assert last_epoch(0, 5, traffic=True) == 0
    assert last_epoch(30, 5, traffic=True) == 30
    assert last_epoch(10, 9, traffic=True) == 9 + SETTLE_EPOCHS + 1
    assert last_epoch(1, 1, traffic=True) == 1 + SETTLE_EPOCHS + 1
    assert last_epoch(1, 1, traffic=False) == 1


@pytest.mark.behaviour(201)
def test_the_command_runs_to_an_epoch_and_says_how_it_went(tmp_path):
    report = tmp_path / "report.json"
    command = [
        sys.executable, "-m", "thespis.deploy.cli.main", "devnet", "--nodes", "2", "--miners", "1",
        "--block-time", "1s",
        "--until-epoch", "10", "--traffic", "--home", str(tmp_path / "net"), "--report", str(report), "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    banner, outcome = (json.loads(line) for line in done.stdout.strip().splitlines())
    assert banner["proofs"] == "vanilla"
    # genesis is when the homes are written, and waits for no margin beyond the nodes' readiness
    assert banner["genesis_time_s"] <= (tmp_path / "net" / "node-1" / "genesis.car").stat().st_mtime
    assert outcome == json.loads(report.read_text())
    assert outcome["problems"] == []
    assert outcome["messages"] > 0
    for number in (1, 2):
        log = (tmp_path / "net" / f"node-{number}" / "daemon.log").read_text()
        assert "Vanilla proofs" in log
        assert " ERROR " not in log
        assert " CRITICAL " not in log


def test_interrupting_stops_everything_in_time(tmp_path):
    command = [
        sys.executable, "-m", "thespis.deploy.cli.main", "devnet", "--nodes", "1", "--miners", "1",
        "--block-time", "1s",
        "--home", str(tmp_path / "net"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait(lambda: (tmp_path / "net" / "node-1" / "api").exists(), 60)
        pid = read_state(tmp_path / "net")["nodes"][0]["pid"]
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        process.communicate(timeout=30)
        assert time.monotonic() - started < 15
        assert not Path(f"/proc/{pid}").exists()
    finally:
        process.kill()


def test_plans_that_cannot_be_are_refused(tmp_path):
    for changes in ({"nodes": 0}, {"miners": 4}, {"nodes": 99}, {"block_time_s": 0}):
        with pytest.raises(DevnetError):
            plan(tmp_path, **changes)
    first, second = plan(tmp_path / "a", base_port=7000), plan(tmp_path / "b", base_port=7000)
    assert [node.peer_id for node in first.nodes] == [node.peer_id for node in second.nodes]
    assert first.nodes[1].api_port == 7003
    with pytest.raises(DevnetError, match="no devnet is at"):
        read_state(tmp_path)


def test_another_folder_is_not_emptied(tmp_path):
    (tmp_path / "precious").write_text("data")
    command = [sys.executable, "-m", "thespis.deploy.cli.main", "devnet", "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=dict(os.environ))
    assert done.returncode == 1
    assert "other than a devnet" in done.stderr
    assert (tmp_path / "precious").exists()


@pytest.mark.behaviour(152, 156)
def test_a_sector_is_sealed_whoever_is_killed_meanwhile(tmp_path):
    """Real processes, a sector of 8 MiB, SIGKILL to the worker in every phase and to who gave it the work."""
    run = DevnetRun(plan(tmp_path / "net", nodes=1, miners=1, sector_bytes=8 << 20))
    run.plan.write()
    content = os.urandom(3_000_000)
    (tmp_path / "piece").write_bytes(content)
    with held(run.plan.home), run.fleet:
        run.fleet.wait_ready()
        assert thespis(run, 0, "deals", "store", str(tmp_path / "piece"), "--key", "k")[0] == 0
        wait(lambda: '"staged"' in thespis(run, 0, "deals", "list", "--json")[1])
        assert thespis(run, 0, "sectors", "seal")[1] == "1\n"
        seen, others, killed_s = set(), iter(("SectorBuilder", "StorageMiner")), []
        with run.fleet.client(run.plan.nodes[0]) as client:

            def sealed():
                [sector] = client.call("Thespis.SectorsList")
                phase = sector["Phase"]
                if phase not in seen | {"", "waiting"} and not at_intensity(killed_s):
                    seen.add(phase)
                    killed_s.append(time.monotonic())
                    kill_once_it_runs(run, "node-1/SealWorker-1")
                    if other := next(others, None):
                        kill_once_it_runs(run, f"node-1/{other}")
                return sector["State"] == "sealed"

            wait(sealed, 120)
            assert len(seen) >= 3, seen
            wait(lambda: client.call("Thespis.DealsList")[0]["State"] == "sealed")
            assert client.call("Thespis.SectorsProve", [0, 1], "A" * 43 + "=")["Faults"] == []
        assert thespis(run, 0, "sectors", "read", "k", str(tmp_path / "out"))[0] == 0
        assert (tmp_path / "out").read_bytes() == content
        code, out, _error = thespis(run, 0, "sectors", "prove", "0", "1")
        assert (code, out.count("yes")) == (0, 2)
        (run.plan.nodes[0].home / "sectors" / "1" / "sealed").unlink()
        code, out, _error = thespis(run, 0, "sectors", "prove", "0", "1")
        assert (code, out.count("yes"), "sealed is missing" in out) == (1, 1, True)
