"""``Filecoin.Version``: the node itself."""

from __future__ import annotations

from typing import Any

from thespis import __version__
from thespis.actors.api.registry import NodeView, rpc

API_VERSION = 2 << 16 | 3 << 8


@rpc("Version", "read")
def version(node: NodeView) -> Any:
    """Version of the program and of the API, and the network's block delay."""
    profile = node.chain.genesis.profile
    text = f"{__version__}+{profile.name}+{profile.proofs.value}"
    return {
        "Version": text,
        "APIVersion": API_VERSION,
        "BlockDelay": profile.block_delay_s,
        "Agent": "thespis",
    }
