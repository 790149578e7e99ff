"""What a node of real processes says of all of them: metrics over HTTP, levels in its log."""

import os
import re
import signal
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from thespis.deploy.devnet.fleet import Fleet
from thespis.deploy.devnet.plan import DevnetPlan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
ROLES = {
    "FilecoinNode", "Wallet", "Syncer", "MsgPool", "HelloSvc", "ChainExchange", "Network", "Bootstrapper", "Heartbeat",
    "SealWorker-1", "SectorBuilder", "StorageMiner", "MiningScheduler", "Api",
}  # fmt: skip
WAIT_S = 30.0
A_LIFE_S = 3600.0
A_PROCESS_BYTES = 5 << 20


class OneNode:
    """A devnet of one node, and what it writes."""

    def __init__(self, fleet):
        self.fleet = fleet
        [self.plan] = fleet.plan.nodes

    def call(self, method, *params):
        with self.fleet.client(self.plan, WAIT_S) as client:
            return client.call(method, *params)

    def processes(self):
        return {row["Role"]: row for row in self.call("Thespis.Processes")}

    def scrape(self):
        """Samples of /metrics by name, each with its labels."""
        with self.fleet.client(self.plan) as client:
            answer = httpx.get(client.url.replace("/rpc/v1", "/metrics"), timeout=WAIT_S, trust_env=False)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        found = {}
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found

    def log(self):
        return (self.plan.home / "daemon.log").read_text(errors="replace")

    def debug_lines(self, role):
        """Lines of the level DEBUG that processes of a role wrote, by the process's address."""
        actor = role.split("-")[0]
        return re.findall(rf"DEBUG ({actor}-[0-9a-f]{{12}}) ", self.log())


@pytest.fixture
def node(tmp_path):
    home = tmp_path / "net"
    home.mkdir()
    plan = DevnetPlan.make(
        home, seed=3, nodes=1, miners=1, block_time_s=1, base_port=0, genesis_time_s=int(time.time()) + 5
    )
    plan.write()
    with Fleet(plan) as fleet:
        fleet.wait_ready()
        yield OneNode(fleet)


def wait(condition):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come to be in time")


def by_role(samples):
    return {labels["role"]: value for labels, value in samples}


def test_every_process_is_measured_and_does_as_the_node_says(node):
    wait(lambda: all(row["Pid"] for row in node.processes().values()))
    page = node.scrape()
    assert page["thespis_supervisor_up"] == [({}, 1.0)]
    assert set(by_role(page["thespis_actor_up"])) == ROLES
    assert set(by_role(page["thespis_actor_up"]).values()) == {1.0}
    assert all(value > A_PROCESS_BYTES for value in by_role(page["thespis_actor_memory_bytes"]).values())
    assert all(0 < value < A_LIFE_S for value in by_role(page["thespis_actor_cpu_seconds_total"]).values())
    assert wait(lambda: by_role(node.scrape()["thespis_actor_handler_seconds_sum"])["Api"] > 0)
    assert "thespis_actor_restarts_total" not in page
    assert [value for _labels, value in page["thespis_build_info"]] == [1.0]

    # one role's process writes more, and the others do not
    node.call("LogSetLevel", "Wallet", "debug")
    [first] = set(wait(lambda: node.debug_lines("Wallet")))
    assert "DEBUG Syncer-" not in node.log()

    # its next incarnation does as well; what ended it is counted by its name
    os.kill(node.processes()["Wallet"]["Pid"], signal.SIGKILL)
    counted = wait(lambda: node.scrape().get("thespis_actor_restarts_total"))
    assert counted == [({"role": "Wallet", "reason": "SIGKILL"}, 1.0)]
    second = set(wait(lambda: set(node.debug_lines("Wallet")) - {first}))
    assert len(second) == 1
    assert wait(lambda: by_role(node.scrape()["thespis_actor_up"])["Wallet"] == 1.0)
    assert by_role(node.scrape()["thespis_actor_incarnation"])["Wallet"] == 2.0

    # every process, by one logger
    node.call("LogSetLevel", "runtime.actor.subsystem", "debug")
    wait(lambda: all(node.debug_lines(role) for role in ROLES))

    # and none any more
    node.call("LogSetLevel", "*", "critical")
    written = len(node.debug_lines("Wallet"))
    node.call("LogSetLevel", "Wallet", "error")
    node.call("ChainHead")
    assert len(node.debug_lines("Wallet")) == written
