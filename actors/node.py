"""The Node: the root actor that supervises every subsystem and routes their events.

A node is its plan: children in the order in which they start, and a routing table that reads as a table. Stop is the
reverse of start.
"""

from __future__ import annotations

from actors.api import Api
from actors.bootstrapper import Bootstrapper
from actors.chain_exchange import ChainExchange
from actors.heartbeat import Heartbeat
from actors.hello_svc import HelloSvc
from actors.messages.events import NewHead, PeerJoined, PeerMisbehaved
from actors.messages.pool import MessageChanged
from actors.mining_scheduler import MiningScheduler
from actors.msg_pool import MsgPool
from actors.network import Network
from actors.syncer import Syncer
from actors.wallet import Wallet
from runtime.actor.supervision import ChildSpec, Plan
from runtime.actor.supervisor import Supervisor


class Node(Supervisor):
    """Root of a node's tree: start in order, supervise, route, stop in reverse."""


class FilecoinNode(Node):
    """The Filecoin node."""

    plan = Plan(
        children=(
            ChildSpec("Wallet", Wallet),
            ChildSpec("Syncer", Syncer, start_timeout_s=60.0),
            ChildSpec("MsgPool", MsgPool),
            ChildSpec("HelloSvc", HelloSvc),
            ChildSpec("ChainExchange", ChainExchange),
            ChildSpec("Network", Network),
            ChildSpec("Bootstrapper", Bootstrapper),
            ChildSpec("Heartbeat", Heartbeat),
            ChildSpec("MiningScheduler", MiningScheduler, start_timeout_s=60.0),
            ChildSpec("Api", Api),
        ),
        routes={
            NewHead: ("MsgPool", "HelloSvc", "ChainExchange", "Heartbeat", "MiningScheduler", "Api"),
            PeerJoined: ("HelloSvc",),
            PeerMisbehaved: ("Network",),
            MessageChanged: ("Api",),
        },
    )
