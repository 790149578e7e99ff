"""From a home directory to a node: which settings its files give."""

from __future__ import annotations

from pathlib import Path

from thespis.actors.node.settings import NodeConfig, NodeSettings
from thespis.runtime.config import Config

GENESIS_FILE = "genesis.car"
GENESIS_BYTES_MAX = 4 << 20
"""Genesis travels to the Syncer in a message; a larger one is imported as a snapshot."""


def node_settings(home: Path, config: Config, *, offline: bool = False) -> NodeSettings:
    """The settings of the node at a home."""
    genesis = home / GENESIS_FILE
    node = (
        NodeConfig()
        .with_genesis(genesis.read_bytes() if genesis.exists() else b"")
        .with_listen(config.swarm.address)
        .with_api(config.api.address, tuple(config.api.access_control_allow_origin))
        .with_bootstrap(
            *config.bootstrap.addresses,
            min_peers=config.bootstrap.min_peer_threshold,
            period_s=config.bootstrap.period_s,
        )
        .with_pool(messages_max=config.mpool.max_pool_size, nonce_gap_max=config.mpool.max_nonce_gap)
        .with_mine_delay(config.mining.delay_share)
        .with_sealing(
            workers=config.mining.sealing_workers,
            threads=config.mining.sealing_threads,
            interval_s=config.mining.auto_seal_interval_s,
        )
        .with_heartbeat(
            config.heartbeat.beat_target, nickname=config.heartbeat.nickname, period_s=config.heartbeat.beat_period_s
        )
    )
    if config.mining.miner_address:
        node = node.with_miner(config.mining.miner_address, mine=config.mining.enabled)
    if config.swarm.public_relay_address:
        raise NotImplementedError(
            "swarm.public_relay_address: no other address than its own is announced yet; leave it empty"
        )
    return (node.with_offline() if offline else node).settings()
