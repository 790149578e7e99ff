"""The library's host as this node wants it: one transport, one cipher, one multiplexer, and our limits only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as new_noise_key
from libp2p.custom_types import TProtocol
from libp2p.identity_utils import load_identity, save_identity
from libp2p.network.config import ConnectionConfig
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from multiaddr import Multiaddr
from thespis.runtime.checks import listening
from thespis.runtime.p2p.port import HostSettings

UPGRADE_TIMEOUT_S = 3.0


def identity(folder: Path) -> Any:
    """The node's key pair, made when there is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "identity.key"
    if path.exists():
        return load_identity(path)
    key_pair = create_new_key_pair()
    save_identity(key_pair, path)
    return key_pair


def listening_addresses(settings: HostSettings) -> list[Multiaddr]:
    """Where to listen, none for a node that is offline; raises ValueError for what would bind something else."""
    return [] if settings.offline else [Multiaddr(listening(settings.listen))]


def make_host(settings: HostSettings, key_pair: Any, listen: list[Multiaddr]) -> Any:
    """A host that speaks TCP, noise and yamux.

    By default the library also accepts plain text and mplex, which has no flow control, prunes connections above 300,
    and stops at 256 in each direction. How many there may be is said once, in the settings, and how many of them may
    come by themselves by `runtime/p2p/limits.py::Admission`.
    """
    host = new_host(
        key_pair=key_pair,
        listen_addrs=listen,
        sec_opt={NOISE: Noise(key_pair, noise_privkey=new_noise_key().private_key)},
        muxer_opt={TProtocol(YAMUX): Yamux},
        connection_config=ConnectionConfig(
            max_connections=settings.peers_max,
            min_connections=1,
            low_watermark=settings.peers_max,
            high_watermark=settings.peers_max,
            inbound_upgrade_timeout=UPGRADE_TIMEOUT_S,
        ),
    )
    network: Any = host.get_network()
    network.set_resource_manager(None)
    return host
