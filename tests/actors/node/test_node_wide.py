"""What the Node owns for all its processes, as its API shows it: the table of processes, metrics, levels of the log."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from thespis.actors.simulation.network import RpcFailedError, SimulatedFilecoin
from thespis.runtime.http.port import PageArrived
from thespis.runtime.simulation.http import SimulatedHttp

ROLES = (
    "Wallet", "Syncer", "MsgPool", "HelloSvc", "ChainExchange", "Network", "Bootstrapper", "Heartbeat", "SealWorker-1",
    "SectorBuilder", "StorageMiner", "MiningScheduler", "Api",
)  # fmt: skip
SCRAPE_S = 5.0
"""How long a scrape waits for the supervisor."""


@pytest.fixture
def network(monkeypatch):
    found = SimulatedFilecoin(5, 1, 1)
    found.pages = []
    monkeypatch.setattr(SimulatedHttp, "respond", lambda _port, *answer: found.pages.append(answer))
    yield found
    found.close()


def scrape(network, wait_s=0.5):
    """A page's families by name, after checking what the library's parser lets pass."""
    api = network.node(0).actors("Api")[0]._actor
    api.signal(PageArrived(7, "/metrics"))
    network.network.run(wait_s)
    [(number, body, status, kind)] = network.pages
    network.pages.clear()
    assert (number, status, kind) == (7, 200, "text/plain; version=0.0.4")
    return families(body.decode())


def families(text):
    assert text.endswith("\n")
    names, found = set(), {}
    for family in text_string_to_metric_families(text):
        assert family.name not in found, f"{family.name} is there twice"
        assert family.documentation
        assert family.type in ("gauge", "counter", "summary")
        found[family.name] = family
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in names, f"{key} is there twice"
            names.add(key)
            assert sample.name.startswith("thespis_")
            assert (family.type == "counter") == sample.name.endswith("_total")
            assert not any(unit in sample.name for unit in ("_ms", "_milliseconds", "_kilobytes", "_mib"))
    for name in {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE ")}:
        lines = text.splitlines()
        assert sum(line.startswith(f"# HELP {name} ") for line in lines) == 1
        assert sum(line.startswith(f"# TYPE {name} ") for line in lines) == 1
        at = next(number for number, line in enumerate(lines) if line.startswith(f"# HELP {name} "))
        assert lines[at + 1].startswith(f"# TYPE {name} ")
    return found


def by_role(family, name=None, **labels):
    return {
        sample.labels["role"]: sample.value
        for sample in family.samples
        if (name is None or sample.name == name) and labels.items() <= sample.labels.items()
    }


def test_the_table_of_processes_over_the_api(network):
    node = network.node(0)
    node.crash("Wallet")
    network.network.run(8)
    found = {row["Role"]: row for row in network.rpc(0, "Thespis.Processes")}
    assert set(found) == {"SimulatedFilecoinNode", *ROLES}
    assert next(iter(found)) == "SimulatedFilecoinNode"
    wallet = found["Wallet"]
    assert (wallet["State"], wallet["Incarnation"], wallet["Restarts"]) == ("running", 2, 1)
    assert wallet["RestartsByReason"] == {"SIGKILL": 1}
    assert wallet["LastReasons"] == ["SIGKILL"]
    assert set(wallet) == {
        "Role", "Pid", "State", "Incarnation", "Restarts", "RestartsByReason", "LastReasons", "Mailbox",
        "MessagesPerSecond", "Handled", "Failed", "Rejected", "DeadLetters", "BlockedSeconds", "HandlerSeconds",
        "HandlerSecondsP50", "HandlerSecondsP99", "MemoryBytes", "CpuSeconds",
    }  # fmt: skip
    api = node.row("Api")
    assert found["Api"]["Incarnation"] == 1
    assert api.statistics.handled >= found["Api"]["Handled"]


def test_the_metrics_of_every_role_stand_beside_the_apis_own(network):
    network.node(0).crash("MsgPool")
    network.node(0).handle.restart("Wallet")
    network.network.run(8)
    page = scrape(network)
    assert page["thespis_supervisor_up"].samples[0].value == 1
    roles = {"SimulatedFilecoinNode", *ROLES}
    for name in ("mailbox", "memory_bytes", "up", "incarnation"):
        assert page[f"thespis_actor_{name}"].type == "gauge"
        assert set(by_role(page[f"thespis_actor_{name}"])) == roles
    for name in ("handled", "failed", "rejected", "dead_letters", "blocked_seconds", "cpu_seconds"):
        assert page[f"thespis_actor_{name}"].type == "counter"
        assert set(by_role(page[f"thespis_actor_{name}"])) == roles
    assert set(by_role(page["thespis_actor_up"]).values()) == {1}
    assert by_role(page["thespis_actor_incarnation"]) == dict.fromkeys(roles, 1) | {"MsgPool": 2, "Wallet": 2}
    restarts = page["thespis_actor_restarts"]
    assert by_role(restarts, reason="SIGKILL") == {"MsgPool": 1}
    assert by_role(restarts, reason="asked") == {"Wallet": 1}
    seconds = page["thespis_actor_handler_seconds"]
    for quantile in ("0.5", "0.99"):
        assert set(by_role(seconds, seconds.name, quantile=quantile)) == roles
    assert by_role(seconds, f"{seconds.name}_count") == by_role(page["thespis_actor_handled"])
    total_s = by_role(seconds, f"{seconds.name}_sum")
    assert set(total_s) == roles
    assert total_s["SimulatedFilecoinNode"] > 0
    [build] = page["thespis_build_info"].samples
    assert build.value == 1
    assert set(build.labels) == {"version", "network"}
    assert build.labels["network"] == "simulation-5"
    for name in ("chain_height", "chain_base_fee", "chain_tipset_blocks", "api_calls", "api_channels"):
        assert page[f"thespis_{name}"].type == "gauge"
        assert [sample.name for sample in page[f"thespis_{name}"].samples] == [f"thespis_{name}"]


def test_a_silent_supervisor_costs_the_page_its_part_and_says_so(network):
    network.rpc(0, "Version")
    network.node(0).isolate("Api")
    page = scrape(network, SCRAPE_S + 0.5)
    assert page["thespis_supervisor_up"].samples[0].value == 0
    assert not [name for name in page if name.startswith("thespis_actor_")]
    assert page["thespis_chain_height"].samples[0].value == 0
    assert page["thespis_chain_base_fee"].samples[0].value > 0
    assert page["thespis_build_info"].samples[0].value == 1


def held(network):
    node = network.node(0)
    return {role: node.actors(role)[0].environment.log_levels for role in ROLES}


def test_log_levels_over_the_api_reach_every_process(network):
    listed = network.rpc(0, "LogList")
    assert {"thespis.runtime.actor.subsystem", *ROLES} <= set(listed)
    assert listed == sorted(set(listed))
    for name in listed:
        assert network.rpc(0, "LogSetLevel", name, "info") is None
    network.rpc(0, "LogSetLevel", "*", "warn")
    network.rpc(0, "LogSetLevel", "actors.syncer.actor", "DEBUG")
    network.network.run(0.5)
    expected = {"": "WARNING", "thespis.actors.syncer.actor": "DEBUG"}
    assert held(network) == dict.fromkeys(ROLES, expected)
    assert network.node(0).root.environment.log_levels == expected
    network.node(0).crash("Syncer")
    network.network.run(2)
    assert network.node(0).row("Syncer").incarnation == 2
    assert held(network) == dict.fromkeys(ROLES, expected)


@pytest.mark.parametrize(
    ("name", "level", "answer"),
    [
        ("*", "loud", "no level 'loud'; they are debug, info, warn, warning, error, critical"),
        (
            "nonsense",
            "info",
            r"nothing called 'nonsense' writes to the log; choose '\*', a role \(Simulated.*, Wallet, ",
        ),
    ],
)
def test_what_cannot_be_set_is_answered_with_the_choices(network, name, level, answer):
    with pytest.raises(RpcFailedError, match=answer):
        network.rpc(0, "LogSetLevel", name, level)
    assert held(network) == {role: {} for role in ROLES}
