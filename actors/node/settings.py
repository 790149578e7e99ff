"""A node's settings: the records of its subsystems, what they share, and the typed builder that makes them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Annotated, Self

from thespis.actors.api.settings import ApiSettings
from thespis.actors.bootstrapper.settings import BootstrapperSettings
from thespis.actors.heartbeat.settings import HeartbeatSettings
from thespis.actors.mining_scheduler.settings import MiningSettings
from thespis.actors.msg_pool.settings import MsgPoolSettings
from thespis.actors.network.settings import NetworkSettings
from thespis.actors.sector_builder.settings import SealingSettings
from thespis.actors.syncer.settings import SyncerSettings
from thespis.protocols.encoding.address import Address
from thespis.runtime.actor.message import message
from thespis.runtime.checks import fil_address
from thespis.runtime.settings import Setting, checked

CLOCK_BEHIND_S_MAX = 10.0 * 365 * 86_400
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@message
class WalletDefaults:
    """The wallet, as commands use it."""

    default_address: Annotated[
        str,
        Setting(
            "wallet.default_address", "sender where none is named", check=fil_address, read_by="deploy/cli/client.py"
        ),
    ] = ""


@message
class LogSettings:
    """What is written to the log."""

    level: Annotated[
        str,
        Setting(
            "log.level", "lowest level written", one_of=LOG_LEVELS, flag="--log-level", read_by="deploy/cli/daemon.py"
        ),
    ] = "INFO"


@message
class ClockSettings:
    """The node's clock."""

    behind_s: Annotated[
        float,
        Setting(
            "clock.behind_s",
            "seconds that the clock is behind the machine's: a devnet's stands still while the network is stopped",
            at_least=0.0,
            at_most=CLOCK_BEHIND_S_MAX,
            read_by="deploy/cli/daemon.py",
        ),
    ] = 0.0


RECORDS: tuple[type, ...] = (
    ApiSettings,
    BootstrapperSettings,
    NetworkSettings,
    MiningSettings,
    SealingSettings,
    WalletDefaults,
    HeartbeatSettings,
    MsgPoolSettings,
    ClockSettings,
    LogSettings,
)
"""Every record with keys that a person may set, in the order of the configuration file."""


@message
class NodeSettings:
    """What a node is started with; each subsystem is given its own record (`thespis.actors.node.actor`)."""

    syncer: SyncerSettings = SyncerSettings()
    network: NetworkSettings = NetworkSettings()
    bootstrapper: BootstrapperSettings = BootstrapperSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    msg_pool: MsgPoolSettings = MsgPoolSettings()
    mining: MiningSettings = MiningSettings()
    sealing: SealingSettings = SealingSettings()
    api: ApiSettings = ApiSettings()
    offline: bool = False

    @property
    def miner(self) -> str:
        """The miner of this node, or nothing."""
        return self.mining.miner

    def for_network(self) -> NetworkSettings:
        """What the Network is given."""
        return replace(self.network, offline=self.offline)

    def for_bootstrapper(self) -> BootstrapperSettings:
        """What the Bootstrapper is given."""
        return replace(self.bootstrapper, offline=self.offline)

    def for_heartbeat(self) -> HeartbeatSettings:
        """What the Heartbeat is given."""
        return replace(self.heartbeat, offline=self.offline, miner=self.miner)

    def for_sealing(self) -> SealingSettings:
        """What the SectorBuilder and its workers are given."""
        return replace(self.sealing, miner=self.miner)

    def for_api(self) -> ApiSettings:
        """What the Api is given."""
        return replace(self.api, miner=self.miner, bootstrap=self.bootstrapper.addresses)


LOCAL = NodeSettings(
    network=NetworkSettings(listen="/ip4/127.0.0.1/tcp/0"),
    api=ApiSettings(address="/ip4/127.0.0.1/tcp/0/http", origins=()),
)
"""A node that listens on loopback where the system chooses, mines nothing and knows nobody."""


@dataclass(frozen=True)
class NodeConfig:
    """Builds `NodeSettings`; each method returns a changed copy, so a base configuration can be shared.

    What is out of a setting's bounds raises ValueError naming its key.

    >>> NodeConfig().with_offline().with_listen("/ip4/127.0.0.1/tcp/6000").settings().offline
    True
    """

    _settings: NodeSettings = LOCAL

    def _with(self, **changes: object) -> Self:
        for change in changes.values():
            if dataclasses.is_dataclass(change):
                checked(change)
        return dataclasses.replace(self, _settings=replace(self._settings, **changes))  # type: ignore[arg-type]

    def with_genesis(self, car: bytes) -> Self:
        """The genesis that the chain must have."""
        return self._with(syncer=SyncerSettings(car))

    def with_offline(self) -> Self:
        """No network at all: the node has a chain and an API, and no peers."""
        return self._with(offline=True)

    def with_relay(self) -> Self:
        """Relay connections for peers that cannot be dialled."""
        return self._with(network=replace(self._settings.network, relay=True))

    def with_listen(self, address: str) -> Self:
        """Where peers reach the node."""
        return self._with(network=replace(self._settings.network, listen=address))

    def with_bootstrap(self, *addresses: str, min_peers: int | None = None, period_s: float | None = None) -> Self:
        """Peers to dial, how many should be connected, and how often to look."""
        now = self._settings.bootstrapper
        return self._with(
            bootstrapper=BootstrapperSettings(
                addresses=tuple(addresses),
                min_peers=now.min_peers if min_peers is None else min_peers,
                period_s=now.period_s if period_s is None else period_s,
            )
        )

    def with_miner(self, address: Address | str, *, mine: bool = True) -> Self:
        """The miner of this node, and whether it mines from the start."""
        return self._with(mining=replace(self._settings.mining, miner=str(address), enabled=mine))

    def with_mine_delay(self, share: float) -> Self:
        """How long after an epoch's begin to choose the base, as a share of the epoch."""
        return self._with(mining=replace(self._settings.mining, delay_share=share))

    def with_sealing(self, *, workers: int = 1, threads: int = 0, interval_s: float = 120.0) -> Self:
        """Worker processes, threads of each (0: one a processor), and how often to seal what is staged (0: never)."""
        return self._with(sealing=SealingSettings(float(interval_s), workers, threads))

    def with_api(self, address: str, origins: tuple[str, ...] = ()) -> Self:
        """Where the API listens, and which pages may call it."""
        return self._with(api=ApiSettings(address, origins))

    def with_pool(self, *, messages_max: int, nonce_gap_max: int, bytes_max: int | None = None) -> Self:
        """Bounds of the message pool."""
        size = self._settings.msg_pool.bytes_max if bytes_max is None else bytes_max
        return self._with(msg_pool=MsgPoolSettings(messages_max, nonce_gap_max, size))

    def with_heartbeat(self, target: str, *, nickname: str = "", period_s: float = 3.0) -> Self:
        """Where to report this node's head to."""
        return self._with(
            heartbeat=replace(self._settings.heartbeat, target=target, nickname=nickname, period_s=period_s)
        )

    def settings(self) -> NodeSettings:
        """The settings."""
        return self._settings
