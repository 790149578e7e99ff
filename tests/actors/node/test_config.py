"""The typed builder of a node's settings."""

import dataclasses

import pytest
from thespis.actors.node.actor import FilecoinNode
from thespis.actors.node.settings import LOCAL, NodeConfig
from thespis.actors.roles import SEAL_WORKER, SEALING_WORKERS_MAX
from thespis.deploy.nodes import SETTINGS, node_settings
from thespis.runtime.actor.message import REGISTRY


def test_every_option_reaches_the_settings(tmp_path):
    settings = (
        NodeConfig()
        .with_genesis(b"car")
        .with_offline()
        .with_relay()
        .with_listen("/ip4/1.2.3.4/tcp/5")
        .with_bootstrap("/ip4/1.2.3.4/tcp/6/p2p/x", min_peers=7, period_s=8.0)
        .with_miner("f01000", mine=False)
        .with_mine_delay(0.5)
        .with_sealing(workers=2, threads=3, interval_s=4.0)
        .with_api("/ip4/127.0.0.1/tcp/9/http", ("http://a",))
        .with_pool(messages_max=10, nonce_gap_max=11, bytes_max=12)
        .with_heartbeat("/ip4/1.2.3.4/tcp/12/p2p/y", nickname="Zoe", period_s=13.0)
        .settings()
    )
    changed = {
        f"{field.name}.{each.name}"
        for field in dataclasses.fields(settings)
        if dataclasses.is_dataclass(getattr(settings, field.name))
        for each in dataclasses.fields(getattr(settings, field.name))
        if getattr(getattr(settings, field.name), each.name) != getattr(getattr(LOCAL, field.name), each.name)
    }
    given = {"api.miner", "api.bootstrap", "heartbeat.miner", "heartbeat.offline", "network.offline",
             "bootstrapper.offline", "sealing.miner"}  # fmt: skip
    every = {
        f"{field.name}.{each.name}"
        for field in dataclasses.fields(settings)
        if dataclasses.is_dataclass(getattr(settings, field.name))
        for each in dataclasses.fields(getattr(settings, field.name))
    }
    assert every - changed == given | {"mining.enabled", "heartbeat.reconnect_s"}
    assert REGISTRY.decode(REGISTRY.encode(settings)) == settings
    assert settings.miner == "f01000"
    assert settings.for_heartbeat() == dataclasses.replace(settings.heartbeat, miner="f01000", offline=True)
    assert settings.for_api().bootstrap == ("/ip4/1.2.3.4/tcp/6/p2p/x",)
    assert (settings.for_network().offline, settings.for_bootstrapper().offline) == (True, True)
    assert LOCAL.miner == ""


def test_a_base_configuration_can_be_shared():
    base = NodeConfig().with_listen("/ip4/1.2.3.4/tcp/5")
    assert base.with_offline().settings().offline
    assert not base.settings().offline


@pytest.mark.parametrize("share", [-0.1, 1.0, 5])
def test_a_delay_out_of_bounds_is_refused(share):
    with pytest.raises(ValueError, match=r"mining.delay_share = .*: must be at least 0 and less than 1"):
        NodeConfig().with_mine_delay(share)


def test_a_homes_files_become_settings(tmp_path):
    (tmp_path / "genesis.car").write_bytes(b"car")
    config = SETTINGS.load(
        None, environment={"THESPIS_MINING__MINER_ADDRESS": "f01234", "THESPIS_MINING__ENABLED": "true"}
    )
    settings = node_settings(tmp_path, config, offline=True)
    assert (settings.syncer.genesis_car, settings.offline, settings.miner, settings.mining.enabled) == (
        b"car",
        True,
        "f01234",
        True,
    )
    relay = SETTINGS.load(None, environment={"THESPIS_SWARM__RELAY": "true"})
    assert node_settings(tmp_path, relay).for_network().relay
    assert not node_settings(tmp_path, config).for_network().relay
    assert node_settings(tmp_path, SETTINGS.load(None, {})).miner == ""


@pytest.mark.parametrize("workers", [0, SEALING_WORKERS_MAX + 1])
def test_a_node_has_roles_for_so_many_workers(workers):
    with pytest.raises(ValueError, match=r"mining.sealing_workers = .*: must be at least 1 and at most 8"):
        NodeConfig().with_sealing(workers=workers)


def test_all_workers_that_a_node_may_have_have_roles():
    workers = [spec for spec in FilecoinNode.plan.children if spec.role is SEAL_WORKER]
    most = NodeConfig().with_miner("f01000").with_sealing(workers=SEALING_WORKERS_MAX).settings()
    assert len(workers) == len([spec for spec in workers if spec.wanted(most)]) == SEALING_WORKERS_MAX


def test_only_a_miners_node_has_workers():
    def workers(config):
        plan = FilecoinNode.plan.children
        return [spec.name for spec in plan if spec.role is SEAL_WORKER and spec.wanted(config.settings())]

    assert workers(NodeConfig().with_sealing(workers=3)) == []
    assert workers(NodeConfig().with_miner("f01000").with_sealing(workers=2)) == ["SealWorker-1", "SealWorker-2"]


@pytest.mark.parametrize(
    ("build", "key"),
    [
        (lambda node: node.with_listen("1.2.3.4:5"), "swarm.address"),
        (lambda node: node.with_bootstrap("1.2.3.4:5"), "bootstrap.addresses"),
        (lambda node: node.with_bootstrap(period_s=0.0), "bootstrap.period_s"),
        (lambda node: node.with_bootstrap(min_peers=-1), "bootstrap.min_peer_threshold"),
        (lambda node: node.with_miner("miner"), "mining.miner_address"),
        (lambda node: node.with_sealing(interval_s=-1), "mining.auto_seal_interval_s"),
        (lambda node: node.with_sealing(threads=-1), "mining.sealing_threads"),
        (lambda node: node.with_api("localhost"), "api.address"),
        (lambda node: node.with_pool(messages_max=0, nonce_gap_max=0), "mpool.max_pool_size"),
        (lambda node: node.with_pool(messages_max=1, nonce_gap_max=-1), "mpool.max_nonce_gap"),
        (lambda node: node.with_heartbeat("", nickname="r2d2"), "heartbeat.nickname"),
        (lambda node: node.with_heartbeat("", period_s=0.0), "heartbeat.beat_period_s"),
    ],
)
def test_the_builder_has_the_bounds_of_the_settings(build, key):
    with pytest.raises(ValueError, match=rf"^{key} = "):
        build(NodeConfig())
