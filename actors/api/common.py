"""``Filecoin.Net*``, ``Auth*``, ``Log*``, ``Version`` and mining: the node itself."""

from __future__ import annotations

import logging
from typing import Any

from thespis import __version__
from thespis.actors.api import forms
from thespis.actors.api.registry import NodeView, RpcError, rpc
from thespis.actors.messages.mining_scheduler import MineOnce, MiningStatus, ReadMining, StartMining, StopMining
from thespis.actors.messages.network import (
    Addresses,
    BlockPeers,
    ConnectPeer,
    DisconnectPeer,
    FindPeer,
    FindProviders,
    Identity,
    ListPeers,
    PeerList,
    PingPeer,
    ReadBandwidth,
    RoundTrip,
    WhoAmI,
)
from thespis.actors.messages.syncer import Submitted
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.http.auth import TokenError, new_token, permissions_of
from thespis.runtime.p2p.port import Bandwidth

API_VERSION = 2 << 16 | 3 << 8
NANOSECONDS = 1_000_000_000
CONNECTED, NOT_CONNECTED = 1, 0
LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR"}
MINE_DEADLINE_S = 600.0


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


@rpc("AuthNew", "admin", forms.texts)
def auth_new(node: NodeView, permissions: tuple[str, ...]) -> Any:
    """A token that grants these permissions."""
    return forms.bytes_form(new_token(node.secret, permissions).encode())


@rpc("AuthVerify", "read", forms.text)
def auth_verify(node: NodeView, token: str) -> Any:
    """What a token grants."""
    try:
        return list(permissions_of(token, node.secret))
    except TokenError as error:
        raise RpcError(1, str(error)) from None


@rpc("LogList", "write")
def log_list(_node: NodeView) -> Any:
    """The loggers of the Api's process."""
    return sorted(name for name in logging.Logger.manager.loggerDict if name.startswith("thespis."))


@rpc("LogSetLevel", "write", forms.text, forms.text)
def log_set_level(_node: NodeView, name: str, level: str) -> Any:
    """Change what a logger of the Api's process writes."""
    if level.lower() not in LEVELS:
        raise RpcError(1, f"level {level!r}; they are {', '.join(LEVELS)}")
    logging.getLogger(None if name == "*" else name).setLevel(LEVELS[level.lower()])


# -- Net -----------------------------------------------------------------------------------------------------


@rpc("ID", "read")
async def identity(node: NodeView) -> Any:
    """The node's peer id."""
    found: Identity = await node.ask("Network", WhoAmI())
    return found.peer


@rpc("NetAddrsListen", "read")
async def net_listen(node: NodeView) -> Any:
    """Where the node listens."""
    found: Identity = await node.ask("Network", WhoAmI())
    return {"ID": found.peer, "Addrs": [address.rpartition("/p2p/")[0] for address in found.addresses]}


async def _peers(node: NodeView) -> PeerList:
    peers: PeerList = await node.ask("Network", ListPeers())
    return peers


@rpc("NetPeers", "read")
async def net_peers(node: NodeView) -> Any:
    """Who is connected."""
    return [{"ID": info.peer, "Addrs": list(info.addresses)} for info in (await _peers(node)).peers]


@rpc("NetPubsubScores", "read")
async def net_scores(node: NodeView) -> Any:
    """Gossip scores of the connected peers."""
    return [{"ID": info.peer, "Score": {"Score": info.score}} for info in (await _peers(node)).peers]


@rpc("NetPeerInfo", "read", forms.text)
async def net_peer_info(node: NodeView, peer: str) -> Any:
    """What is known of a connected peer."""
    for info in (await _peers(node)).peers:
        if info.peer == peer:
            return {
                "ID": peer, "Agent": info.agent, "Addrs": list(info.addresses), "Protocols": list(info.protocols),
                "ConnMgrMeta": None,
            }  # fmt: skip
    raise RpcError(1, f"{peer} is not connected")


@rpc("NetConnectedness", "read", forms.text)
async def net_connectedness(node: NodeView, peer: str) -> Any:
    """Whether a peer is connected."""
    return CONNECTED if any(info.peer == peer for info in (await _peers(node)).peers) else NOT_CONNECTED


@rpc("NetConnect", "write", forms.anything)
async def net_connect(node: NodeView, info: Any) -> Any:
    """Dial a peer at the first of its addresses that answers."""
    fields = info if isinstance(info, dict) else {}
    peer, addresses = forms.text(fields.get("ID")), forms.texts(fields.get("Addrs"))
    error: Exception = RpcError(1, f"no address was given for {peer}")
    for address in addresses:
        try:
            await node.ask("Network", ConnectPeer(f"{address.partition('/p2p/')[0]}/p2p/{peer}"), deadline=25.0)
        except Exception as failure:
            error = failure
        else:
            return None
    raise error


@rpc("NetDisconnect", "write", forms.text)
async def net_disconnect(node: NodeView, peer: str) -> Any:
    """Close the connections to a peer."""
    await node.ask("Network", DisconnectPeer(peer))


@rpc("NetFindPeer", "read", forms.text)
async def net_find_peer(node: NodeView, peer: str) -> Any:
    """Where a peer is, by the DHT."""
    found: Addresses = await node.ask("Network", FindPeer(peer), deadline=30.0)
    return {"ID": peer, "Addrs": [address.partition("/p2p/")[0] for address in found.addresses]}


@rpc("Thespis.NetFindProviders", "read", forms.cid)
async def net_find_providers(node: NodeView, key: Cid) -> Any:
    """Who provides a key, by the DHT."""
    found: Addresses = await node.ask("Network", FindProviders(key), deadline=30.0)
    return list(found.addresses)


@rpc("NetBandwidthStats", "read")
async def net_bandwidth(node: NodeView) -> Any:
    """Bytes on the wire."""
    stats: Bandwidth = await node.ask("Network", ReadBandwidth())
    return {
        "TotalIn": stats.total_in, "TotalOut": stats.total_out, "RateIn": stats.rate_in, "RateOut": stats.rate_out,
    }  # fmt: skip


@rpc("NetPing", "read", forms.text)
async def net_ping(node: NodeView, peer: str) -> Any:
    """A round trip in nanoseconds."""
    trip: RoundTrip = await node.ask("Network", PingPeer(peer), deadline=25.0)
    return int(trip.seconds * NANOSECONDS)


@rpc("Thespis.NetBlockPeers", "admin", forms.texts)
async def net_block(node: NodeView, peers: tuple[str, ...]) -> Any:
    """Part the network on purpose, or with an empty list heal it."""
    await node.ask("Network", BlockPeers(peers))


@rpc("Thespis.Bootstrap", "read")
def bootstrap_list(node: NodeView) -> Any:
    """The peers that are dialled at start."""
    return list(node.settings.bootstrap)


# -- mining: methods of ours ---------------------------------------------------------------------------------


@rpc("MineOne", "write")
async def mine_one(node: NodeView) -> Any:
    """Mine one block at the first epoch that is won; ours, Lotus has it only on test networks."""
    made: Submitted = await node.ask("MiningScheduler", MineOnce(100), deadline=MINE_DEADLINE_S)
    return forms.cid_form(made.cid)


@rpc("Thespis.MiningStart", "write")
async def mining_start(node: NodeView) -> Any:
    """Mine every epoch that is won."""
    await node.ask("MiningScheduler", StartMining())


@rpc("Thespis.MiningStop", "write")
async def mining_stop(node: NodeView) -> Any:
    """Stop mining."""
    await node.ask("MiningScheduler", StopMining())


@rpc("Thespis.MiningStatus", "read")
async def mining_status(node: NodeView) -> Any:
    """How mining goes."""
    status: MiningStatus = await node.ask("MiningScheduler", ReadMining())
    return {
        "Miner": str(status.miner) if status.miner else None,
        "Mining": status.mining,
        "BlocksMined": status.blocks_mined,
        "RoundsWon": status.rounds_won,
        "RoundsLost": status.rounds_lost,
        "LastHeight": status.last_height,
        "LastError": status.last_error,
    }
