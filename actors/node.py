"""The Node: the root actor that supervises every subsystem and routes their events.

A node is its plan: children in the order in which they start, and a routing table that reads as a table. Stop is the
reverse of start.
"""

from __future__ import annotations

from functools import partial

from actors.api import Api
from actors.bootstrapper import Bootstrapper
from actors.chain_exchange import ChainExchange
from actors.config import SEALING_WORKERS_MAX, NodeSettings, seal_worker
from actors.heartbeat import Heartbeat
from actors.hello_svc import HelloSvc
from actors.messages.events import NewHead, PeerJoined, PeerMisbehaved
from actors.messages.pool import MessageChanged
from actors.messages.sectors import SectorSealed, SectorSealFailed
from actors.mining_scheduler import MiningScheduler
from actors.msg_pool import MsgPool
from actors.network import Network
from actors.seal_worker import SealWorker
from actors.sector_builder import SectorBuilder
from actors.storage_miner import StorageMiner
from actors.syncer import Syncer
from actors.wallet import Wallet
from runtime.actor.supervision import ChildSpec, Plan
from runtime.actor.supervisor import Supervisor


class Node(Supervisor):
    """Root of a node's tree: start in order, supervise, route, stop in reverse."""


def _has_miner(settings: NodeSettings) -> bool:
    return bool(settings.miner)


def _has_worker(number: int, settings: NodeSettings) -> bool:
    return seal_worker(number) in settings.seal_workers


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
            *(
                ChildSpec(seal_worker(number), SealWorker, wanted=partial(_has_worker, number))
                for number in range(1, SEALING_WORKERS_MAX + 1)
            ),
            ChildSpec("SectorBuilder", SectorBuilder, wanted=_has_miner),
            ChildSpec("StorageMiner", StorageMiner, wanted=_has_miner),
            ChildSpec("MiningScheduler", MiningScheduler, start_timeout_s=60.0),
            ChildSpec("Api", Api),
        ),
        routes={
            NewHead: ("MsgPool", "HelloSvc", "ChainExchange", "Heartbeat", "MiningScheduler", "Api"),
            PeerJoined: ("HelloSvc",),
            PeerMisbehaved: ("Network",),
            MessageChanged: ("Api",),
            SectorSealed: ("StorageMiner",),
            SectorSealFailed: ("StorageMiner",),
        },
    )
