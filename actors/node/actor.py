"""The Node: the root actor that supervises every subsystem and routes their events.

A node is its plan: children in the order in which they start, and a routing table that reads as a table. Stop is the
reverse of start.
"""

from __future__ import annotations

from functools import partial

from thespis.actors.api.actor import Api
from thespis.actors.bootstrapper.actor import Bootstrapper
from thespis.actors.chain_exchange.actor import ChainExchange
from thespis.actors.heartbeat.actor import Heartbeat
from thespis.actors.hello_svc.actor import HelloSvc
from thespis.actors.messages.events import NewHead, PeerJoined, PeerMisbehaved
from thespis.actors.messages.msg_pool import MessageChanged
from thespis.actors.messages.sector_builder import SectorSealed, SectorSealFailed
from thespis.actors.mining_scheduler.actor import MiningScheduler
from thespis.actors.msg_pool.actor import MsgPool
from thespis.actors.network.actor import Network
from thespis.actors.node.settings import SEALING_WORKERS_MAX, NodeSettings, seal_worker
from thespis.actors.sector_builder.actor import SectorBuilder
from thespis.actors.sector_builder.worker import SealWorker
from thespis.actors.storage_miner.actor import StorageMiner
from thespis.actors.syncer.actor import Syncer
from thespis.actors.wallet.actor import Wallet
from thespis.runtime.actor.supervision import ChildSpec, Plan
from thespis.runtime.actor.supervisor import Supervisor


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
