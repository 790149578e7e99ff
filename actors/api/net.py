"""``Filecoin.Net*`` and ``ID``: peers, and this node among them."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import NodeView, ReadView, RpcError, rpc
from thespis.actors.messages.network import (
    BlockPeers,
    ConnectPeer,
    DisconnectPeer,
    FindPeer,
    FindProviders,
    ListPeers,
    PingPeer,
    ReadBandwidth,
    WhoAmI,
)
from thespis.protocols.encoding.cid import Cid

NANOSECONDS = 1_000_000_000
CONNECTED, NOT_CONNECTED = 1, 0


@rpc("ID", "read")
async def identity(node: NodeView) -> Any:
    """The node's peer id."""
    found = await node.ask(WhoAmI())
    return found.peer


@rpc("NetAddrsListen", "read")
async def net_listen(node: NodeView) -> Any:
    """Where the node listens."""
    found = await node.ask(WhoAmI())
    return {"ID": found.peer, "Addrs": [address.rpartition("/p2p/")[0] for address in found.addresses]}


@rpc("NetPeers", "read")
async def net_peers(node: NodeView) -> Any:
    """Who is connected."""
    return [{"ID": info.peer, "Addrs": list(info.addresses)} for info in await node.ask(ListPeers())]


@rpc("NetPubsubScores", "read")
async def net_scores(node: NodeView) -> Any:
    """Gossip scores of the connected peers."""
    return [{"ID": info.peer, "Score": {"Score": info.score}} for info in await node.ask(ListPeers())]


@rpc("NetPeerInfo", "read", forms.text)
async def net_peer_info(node: NodeView, peer: str) -> Any:
    """What is known of a connected peer."""
    for info in await node.ask(ListPeers()):
        if info.peer == peer:
            return {
                "ID": peer, "Agent": info.agent, "Addrs": list(info.addresses), "Protocols": list(info.protocols),
                "ConnMgrMeta": None,
            }  # fmt: skip
    raise RpcError(1, f"{peer} is not connected")


@rpc("NetConnectedness", "read", forms.text)
async def net_connectedness(node: NodeView, peer: str) -> Any:
    """Whether a peer is connected."""
    return CONNECTED if any(info.peer == peer for info in await node.ask(ListPeers())) else NOT_CONNECTED


@rpc("NetConnect", "write", forms.anything)
async def net_connect(node: NodeView, info: Any) -> Any:
    """Dial a peer at the first of its addresses that answers."""
    fields = info if isinstance(info, dict) else {}
    peer, addresses = forms.text(fields.get("ID")), forms.texts(fields.get("Addrs"))
    error: Exception = RpcError(1, f"no address was given for {peer}")
    for address in addresses:
        try:
            await node.ask(ConnectPeer(f"{address.partition('/p2p/')[0]}/p2p/{peer}"))
        except Exception as failure:
            error = failure
        else:
            return None
    raise error


@rpc("NetDisconnect", "write", forms.text)
async def net_disconnect(node: NodeView, peer: str) -> Any:
    """Close the connections to a peer."""
    await node.ask(DisconnectPeer(peer))


@rpc("NetFindPeer", "read", forms.text)
async def net_find_peer(node: NodeView, peer: str) -> Any:
    """Where a peer is, by the DHT."""
    found = await node.ask(FindPeer(peer))
    return {"ID": peer, "Addrs": [address.partition("/p2p/")[0] for address in found]}


@rpc("Thespis.NetFindProviders", "read", forms.cid)
async def net_find_providers(node: NodeView, key: Cid) -> Any:
    """Who provides a key, by the DHT."""
    found = await node.ask(FindProviders(key))
    return list(found)


@rpc("NetBandwidthStats", "read")
async def net_bandwidth(node: NodeView) -> Any:
    """Bytes on the wire."""
    stats = await node.ask(ReadBandwidth())
    return {
        "TotalIn": stats.total_in, "TotalOut": stats.total_out, "RateIn": stats.rate_in, "RateOut": stats.rate_out,
    }  # fmt: skip


@rpc("NetPing", "read", forms.text)
async def net_ping(node: NodeView, peer: str) -> Any:
    """A round trip in nanoseconds."""
    seconds = await node.ask(PingPeer(peer))
    return int(seconds * NANOSECONDS)


@rpc("Thespis.NetBlockPeers", "admin", forms.texts)
async def net_block(node: NodeView, peers: tuple[str, ...]) -> Any:
    """Part the network on purpose, or with an empty list heal it."""
    await node.ask(BlockPeers(peers))


@rpc("Thespis.Bootstrap", "read")
def bootstrap_list(node: ReadView) -> Any:
    """The peers that are dialled at start."""
    return list(node.settings.bootstrap)
