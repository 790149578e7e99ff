"""The client of a node's API, and the one connection that a devnet keeps to each node."""

import ssl

import pytest
from thespis.deploy.devnet.fleet import Fleet
from thespis.deploy.devnet.plan import DevnetPlan
from thespis.deploy.rpc import RpcCallError, RpcClient, RpcUnreachableError
from thespis.runtime.repo import RepoError

ADDRESS = "/ip4/127.0.0.1/tcp/1/http"


def test_a_client_loads_no_certificates(monkeypatch):
    """They are of no use to http, and loading them takes more CPU than the call."""

    def load(*_arguments, **_named):
        raise AssertionError("certificates are loaded")

    monkeypatch.setattr(ssl, "create_default_context", load)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", load)
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load)
    with RpcClient(ADDRESS) as client, pytest.raises(RpcUnreachableError, match="Is the daemon running"):
        client.call("ChainHead")


class Client:
    """Answers, or fails as it is told."""

    made: list

    def __init__(self, home, timeout_s):
        self.home, self.timeouts, self.closed, self.failure = home, [timeout_s], False, None
        Client.made.append(self)

    def call(self, method, *params, timeout_s):
        self.timeouts.append(timeout_s)
        if self.failure:
            raise self.failure
        return method, params

    def close(self):
        self.closed = True


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    """Three nodes that nobody started, and clients that speak to nobody."""
    Client.made = []
    monkeypatch.setattr(RpcClient, "of_home", Client)
    return Fleet(DevnetPlan.make(
        tmp_path, seed=1, nodes=3, miners=1, block_time_s=1, base_port=7000, genesis_time_s=0,
    ))  # fmt: skip


def test_one_connection_is_kept_to_each_node(fleet):
    for _ in range(3):
        for node in fleet.plan.nodes:
            assert fleet.call(node, "ChainHead", 1, timeout_s=2.0) == ("ChainHead", (1,))
    assert [client.home for client in Client.made] == [node.home for node in fleet.plan.nodes]
    assert Client.made[0].timeouts == [5.0, 2.0, 2.0, 2.0]
    fleet.stop()
    assert all(client.closed for client in Client.made)


def test_an_error_keeps_the_connection_and_silence_does_not(fleet):
    [node, *_] = fleet.plan.nodes
    fleet.call(node, "ChainHead")
    Client.made[0].failure = RpcCallError("ChainHead", 1, "no")
    with pytest.raises(RpcCallError):
        fleet.call(node, "ChainHead")
    assert not Client.made[0].closed
    Client.made[0].failure = RpcUnreachableError("gone")
    with pytest.raises(RpcUnreachableError):
        fleet.call(node, "ChainHead")
    assert Client.made[0].closed
    assert fleet.call(node, "ChainHead") == ("ChainHead", ())
    assert len(Client.made) == 2


def test_a_node_that_does_not_run_has_no_connection(tmp_path):
    fleet = Fleet(DevnetPlan.make(
        tmp_path, seed=1, nodes=1, miners=1, block_time_s=1, base_port=7000, genesis_time_s=0,
    ))  # fmt: skip
    with pytest.raises(RepoError, match="is the daemon running"):
        fleet.call(fleet.plan.nodes[0], "ChainHead")
