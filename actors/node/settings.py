"""A node's settings as its subsystems receive them, and the typed builder that makes them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

from thespis.protocols.encoding.address import Address
from thespis.runtime.actor.message import message

SEALING_WORKERS_MAX = 8


def seal_worker(number: int) -> str:
    """The role of a worker, counted from 1."""
    return f"SealWorker-{number}"


@message
class NodeSettings:
    """What every subsystem of a node is given at start; times in seconds."""

    genesis_car: bytes
    offline: bool
    listen: str
    relay: bool
    bootstrap: tuple[str, ...]
    bootstrap_min_peers: int
    bootstrap_period_s: float
    miner: str
    mine: bool
    mine_delay_share: float
    sealing_workers: int
    sealing_threads: int
    auto_seal_interval_s: float
    api_listen: str
    api_origins: tuple[str, ...]
    pool_messages_max: int
    pool_nonce_gap_max: int
    beat_target: str
    beat_period_s: float
    beat_reconnect_s: float
    nickname: str
    agent: str

    @property
    def seal_workers(self) -> tuple[str, ...]:
        """The roles that do heavy work on sectors; a node without a miner has none."""
        return tuple(seal_worker(number) for number in range(1, self.sealing_workers + 1)) if self.miner else ()

    @property
    def miner_address(self) -> Address | None:
        """The miner of this node, if it has one."""
        return Address.from_text(self.miner) if self.miner else None


DEFAULTS = NodeSettings(
    genesis_car=b"",
    offline=False,
    listen="/ip4/127.0.0.1/tcp/0",
    relay=False,
    bootstrap=(),
    bootstrap_min_peers=3,
    bootstrap_period_s=10.0,
    miner="",
    mine=False,
    mine_delay_share=1 / 4,
    sealing_workers=1,
    sealing_threads=0,
    auto_seal_interval_s=120.0,
    api_listen="/ip4/127.0.0.1/tcp/0/http",
    api_origins=(),
    pool_messages_max=10_000,
    pool_nonce_gap_max=100,
    beat_target="",
    beat_period_s=3.0,
    beat_reconnect_s=10.0,
    nickname="",
    agent="thespis",
)
"""A node that listens on loopback, mines nothing and knows nobody."""


@dataclass(frozen=True)
class NodeConfig:
    """Builds `NodeSettings`; each method returns a changed copy, so a base configuration can be shared.

    >>> NodeConfig().with_offline().with_listen("/ip4/127.0.0.1/tcp/6000").settings().offline
    True
    """

    _settings: NodeSettings = DEFAULTS

    def _with(self, **changes: object) -> Self:
        return dataclasses.replace(self, _settings=dataclasses.replace(self._settings, **changes))  # type: ignore[arg-type]

    def with_genesis(self, car: bytes) -> Self:
        """The genesis that the chain must have."""
        return self._with(genesis_car=car)

    def with_offline(self) -> Self:
        """No network at all: the node has a chain and an API, and no peers."""
        return self._with(offline=True)

    def with_relay(self) -> Self:
        """Relay connections for peers that cannot be dialled."""
        return self._with(relay=True)

    def with_listen(self, address: str) -> Self:
        """Where peers reach the node."""
        return self._with(listen=address)

    def with_bootstrap(self, *addresses: str, min_peers: int | None = None, period_s: float | None = None) -> Self:
        """Peers to dial, how many should be connected, and how often to look."""
        now = self._settings
        return self._with(
            bootstrap=tuple(addresses),
            bootstrap_min_peers=now.bootstrap_min_peers if min_peers is None else min_peers,
            bootstrap_period_s=now.bootstrap_period_s if period_s is None else period_s,
        )

    def with_miner(self, address: Address | str, *, mine: bool = True) -> Self:
        """The miner of this node, and whether it mines from the start."""
        return self._with(miner=str(address), mine=mine)

    def with_mine_delay(self, share: float) -> Self:
        """How long after an epoch's begin to choose the base, as a share of the epoch."""
        if not 0.0 <= share < 1.0:
            raise ValueError(f"a mining delay of {share} epochs; it is at least 0 and less than 1")
        return self._with(mine_delay_share=share)

    def with_sealing(self, *, workers: int = 1, threads: int = 0, interval_s: float = 120.0) -> Self:
        """Worker processes, threads of each (0: one a processor), and how often to seal what is staged (0: never).

        Raises ValueError for more workers than a node has roles for.
        """
        if not 1 <= workers <= SEALING_WORKERS_MAX:
            raise ValueError(f"{workers} sealing workers; a node has 1 to {SEALING_WORKERS_MAX}")
        return self._with(sealing_workers=workers, sealing_threads=threads, auto_seal_interval_s=interval_s)

    def with_api(self, address: str, origins: tuple[str, ...] = ()) -> Self:
        """Where the API listens, and which pages may call it."""
        return self._with(api_listen=address, api_origins=origins)

    def with_pool(self, *, messages_max: int, nonce_gap_max: int) -> Self:
        """Bounds of the message pool."""
        return self._with(pool_messages_max=messages_max, pool_nonce_gap_max=nonce_gap_max)

    def with_heartbeat(self, target: str, *, nickname: str = "", period_s: float = 3.0) -> Self:
        """Where to report this node's head to."""
        return self._with(beat_target=target, nickname=nickname, beat_period_s=period_s)

    def settings(self) -> NodeSettings:
        """The settings."""
        return self._settings
