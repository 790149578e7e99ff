"""The typed builder of a node's settings."""

import dataclasses

import pytest
from thespis.actors.node.actor import FilecoinNode
from thespis.actors.node.settings import DEFAULTS, SEALING_WORKERS_MAX, NodeConfig
from thespis.deploy.nodes import node_settings
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.config import Config, load_config


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
        .with_pool(messages_max=10, nonce_gap_max=11)
        .with_heartbeat("/ip4/1.2.3.4/tcp/12/p2p/y", nickname="Zoe", period_s=13.0)
        .settings()
    )
    unchanged = {
        field.name
        for field in dataclasses.fields(settings)
        if getattr(settings, field.name) == getattr(DEFAULTS, field.name)
    }
    assert unchanged == {"mine", "beat_reconnect_s", "agent"}
    assert REGISTRY.decode(REGISTRY.encode(settings)) == settings
    assert str(settings.miner_address) == "f01000"
    assert DEFAULTS.miner_address is None


def test_a_base_configuration_can_be_shared():
    base = NodeConfig().with_listen("/ip4/1.2.3.4/tcp/5")
    assert base.with_offline().settings().offline
    assert not base.settings().offline


@pytest.mark.parametrize("share", [-0.1, 1.0, 5])
def test_a_delay_out_of_bounds_is_refused(share):
    with pytest.raises(ValueError, match="mining delay"):
        NodeConfig().with_mine_delay(share)


def test_a_homes_files_become_settings(tmp_path):
    (tmp_path / "genesis.car").write_bytes(b"car")
    config = load_config(
        None, environment={"THESPIS_MINING__MINER_ADDRESS": "f01234", "THESPIS_MINING__ENABLED": "true"}
    )
    settings = node_settings(tmp_path, config, offline=True)
    assert (settings.genesis_car, settings.offline, settings.miner, settings.mine) == (b"car", True, "f01234", True)
    relay = load_config(None, environment={"THESPIS_SWARM__PUBLIC_RELAY_ADDRESS": "/ip4/1.2.3.4/tcp/1"})
    with pytest.raises(NotImplementedError, match="is announced yet"):
        node_settings(tmp_path, relay)
    assert node_settings(tmp_path, Config()).miner == ""


@pytest.mark.parametrize("workers", [0, SEALING_WORKERS_MAX + 1])
def test_a_node_has_roles_for_so_many_workers(workers):
    with pytest.raises(ValueError, match="1 to 8"):
        NodeConfig().with_sealing(workers=workers)
    named = NodeConfig().with_miner("f01000").with_sealing(workers=SEALING_WORKERS_MAX).settings().seal_workers
    roles = {child.role for child in FilecoinNode.plan.children}
    assert len(named) == SEALING_WORKERS_MAX
    assert set(named) <= roles


def test_only_a_miners_node_has_workers():
    assert NodeConfig().with_sealing(workers=3).settings().seal_workers == ()
    named = NodeConfig().with_miner("f01000").with_sealing(workers=2).settings().seal_workers
    assert named == ("SealWorker-1", "SealWorker-2")
