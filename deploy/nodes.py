"""From a home directory to a node: which settings its files give."""

from __future__ import annotations

from pathlib import Path

from thespis.actors.api.settings import ApiSettings
from thespis.actors.bootstrapper.settings import BootstrapperSettings
from thespis.actors.heartbeat.settings import HeartbeatSettings
from thespis.actors.mining_scheduler.settings import MiningSettings
from thespis.actors.msg_pool.settings import MsgPoolSettings
from thespis.actors.network.settings import NetworkSettings
from thespis.actors.node.settings import RECORDS, NodeSettings
from thespis.actors.sector_builder.settings import SealingSettings
from thespis.actors.syncer.settings import SyncerSettings
from thespis.runtime.config import Config, Schema

GENESIS_FILE = "genesis.car"

SETTINGS = Schema(RECORDS)
"""Everything that a person may set of a node."""


def node_settings(home: Path, config: Config, *, offline: bool = False) -> NodeSettings:
    """The settings of the node at a home: its configuration, and its genesis, which a first start cannot do without."""
    genesis = home / GENESIS_FILE
    return NodeSettings(
        syncer=SyncerSettings(genesis.read_bytes() if genesis.exists() else b""),
        network=config.record(NetworkSettings),
        bootstrapper=config.record(BootstrapperSettings),
        heartbeat=config.record(HeartbeatSettings),
        msg_pool=config.record(MsgPoolSettings),
        mining=config.record(MiningSettings),
        sealing=config.record(SealingSettings),
        api=config.record(ApiSettings),
        offline=offline,
    )
