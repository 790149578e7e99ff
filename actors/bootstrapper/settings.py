"""Settings of the Bootstrapper."""

from __future__ import annotations

from typing import Annotated

from thespis.runtime.actor.message import message
from thespis.runtime.checks import multiaddress
from thespis.runtime.settings import Setting


@message
class BootstrapperSettings:
    """How the node finds its first peers."""

    addresses: Annotated[
        tuple[str, ...], Setting("bootstrap.addresses", "peers to dial at start", check=multiaddress)
    ] = ()
    min_peers: Annotated[
        int, Setting("bootstrap.min_peer_threshold", "dial when fewer peers are connected", at_least=0)
    ] = 3
    period_s: Annotated[float, Setting("bootstrap.period_s", "how often to look, in seconds", above=0)] = 10.0
    offline: bool = False
