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
from thespis.protocols.errors import ProtocolError
from thespis.protocols.networks.genesis import read_genesis
from thespis.runtime.config import Config, Schema
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.files import write_atomically

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


class OtherGenesisError(RuntimeFloorError):
    """A home's chain starts from another genesis than the one given."""


def take_genesis(home: Path, file: Path) -> None:
    """Make a file the genesis of an owned home, once it is seen to be one and not another than the home has.

    Raises OtherGenesisError, GenesisError, or CarError for a file that is no CAR.
    """
    data = file.read_bytes()
    try:
        cid = read_genesis(data)[0].cid
    except ProtocolError as error:
        raise type(error)(f"{file}: {error}") from None
    own = home / GENESIS_FILE
    if not own.exists():
        write_atomically(own, data)
        return
    has = read_genesis(own.read_bytes())[0].cid
    if has != cid:
        raise OtherGenesisError(f"the chain at {home} starts from {has}, {file} from {cid}; choose another --home")
