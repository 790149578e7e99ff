"""Settings of the Network."""

from __future__ import annotations

from typing import Annotated

from thespis.runtime.actor.message import message
from thespis.runtime.checks import listening
from thespis.runtime.settings import Setting


@message
class NetworkSettings:
    """The libp2p host."""

    listen: Annotated[
        str, Setting("swarm.address", "where peers reach this node", check=listening, flag="--swarm-listen")
    ] = "/ip4/0.0.0.0/tcp/6000"
    relay: Annotated[bool, Setting("swarm.relay", "whether to relay for peers that cannot be dialled")] = False
    offline: bool = False
