"""The roles of a Filecoin node: whom its subsystems may speak to.

A message names its role once, where it is declared (`thespis.actors.messages`); the plan of the node gives each role
to a subsystem (`thespis.actors.node.actor`).
"""

from __future__ import annotations

from thespis.runtime.actor.conversation import Role

TREE = "Filecoin node"
SEALING_WORKERS_MAX = 8

WALLET = Role("Wallet", TREE)
SYNCER = Role("Syncer", TREE)
MSG_POOL = Role("MsgPool", TREE)
HELLO_SVC = Role("HelloSvc", TREE)
CHAIN_EXCHANGE = Role("ChainExchange", TREE)
NETWORK = Role("Network", TREE)
BOOTSTRAPPER = Role("Bootstrapper", TREE)
HEARTBEAT = Role("Heartbeat", TREE)
SEAL_WORKER = Role("SealWorker", TREE, members_max=SEALING_WORKERS_MAX)
SECTOR_BUILDER = Role("SectorBuilder", TREE)
STORAGE_MINER = Role("StorageMiner", TREE)
MINING_SCHEDULER = Role("MiningScheduler", TREE)
API = Role("Api", TREE)
