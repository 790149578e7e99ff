"""The Node: the root actor that supervises every subsystem and routes their events.

A node is its plan: children in the order in which they start, each with its role and what of the node's settings it is
given. Stop is the reverse of start. Who hears of which event follows from what each child handles; the plan is held
against every declared message before anything starts.
"""

from __future__ import annotations

from functools import partial

from thespis.actors import roles
from thespis.actors.api.actor import Api
from thespis.actors.bootstrapper.actor import Bootstrapper
from thespis.actors.chain_exchange.actor import ChainExchange
from thespis.actors.heartbeat.actor import Heartbeat
from thespis.actors.hello_svc.actor import HelloSvc
from thespis.actors.mining_scheduler.actor import MiningScheduler
from thespis.actors.msg_pool.actor import MsgPool
from thespis.actors.network.actor import Network
from thespis.actors.node.settings import NodeSettings
from thespis.actors.sector_builder.actor import SectorBuilder
from thespis.actors.sector_builder.worker import SealWorker
from thespis.actors.storage_miner.actor import StorageMiner
from thespis.actors.syncer.actor import Syncer
from thespis.actors.wallet.actor import Wallet
from thespis.runtime.actor.supervision import ChildSpec, Plan, nothing
from thespis.runtime.actor.supervisor import Supervisor


def _has_miner(node: NodeSettings) -> bool:
    return bool(node.miner)


def _has_worker(member: int, node: NodeSettings) -> bool:
    return bool(node.miner) and member <= node.sealing.workers


class FilecoinNode(Supervisor):
    """Root of a node's tree: starts the children of its plan in order, supervises and routes, stops in reverse."""

    plan = Plan(
        children=(
            ChildSpec(roles.WALLET, Wallet, nothing),
            ChildSpec(roles.SYNCER, Syncer, lambda node: node.syncer, start_timeout_s=60.0),
            ChildSpec(roles.MSG_POOL, MsgPool, lambda node: node.msg_pool),
            ChildSpec(roles.HELLO_SVC, HelloSvc, nothing),
            ChildSpec(roles.CHAIN_EXCHANGE, ChainExchange, nothing),
            ChildSpec(roles.NETWORK, Network, NodeSettings.for_network),
            ChildSpec(roles.BOOTSTRAPPER, Bootstrapper, NodeSettings.for_bootstrapper),
            ChildSpec(roles.HEARTBEAT, Heartbeat, NodeSettings.for_heartbeat),
            *(
                ChildSpec(
                    roles.SEAL_WORKER,
                    SealWorker,
                    NodeSettings.for_sealing,
                    member,
                    wanted=partial(_has_worker, member),
                )
                for member in range(1, roles.SEALING_WORKERS_MAX + 1)
            ),
            ChildSpec(roles.SECTOR_BUILDER, SectorBuilder, NodeSettings.for_sealing, wanted=_has_miner),
            ChildSpec(roles.STORAGE_MINER, StorageMiner, nothing, wanted=_has_miner),
            ChildSpec(roles.MINING_SCHEDULER, MiningScheduler, lambda node: node.mining, start_timeout_s=60.0),
            ChildSpec(roles.API, Api, NodeSettings.for_api),
        ),
    )
