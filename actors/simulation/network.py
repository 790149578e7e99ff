"""A simulated Filecoin network: a genesis that follows from the seed, and nodes that are the production node's plan.

The subsystems are unchanged. What is simulated is below them: time, disks, delivery between nodes, and processes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from thespis.actors.messages.api import ReadRest, RpcCall
from thespis.actors.messages.syncer import Head, ReadHead
from thespis.actors.messages.wallet import ImportKey
from thespis.actors.msg_pool.settings import MsgPoolSettings
from thespis.actors.node.actor import FilecoinNode
from thespis.actors.node.settings import NodeConfig
from thespis.actors.simulation.topology import FULL_MESH, topology_links
from thespis.actors.testing import SimulatedNetwork, SimulatedNode
from thespis.protocols.crypto.signature import SignatureType, address_of, key_from_seed
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import ChainEpoch, Unsigned
from thespis.protocols.networks.devnet import NEVER, DevnetParameters
from thespis.protocols.networks.genesis import (
    FIRST_MINER,
    GenesisAccount,
    GenesisMiner,
    GenesisTemplate,
    genesis_car,
)
from thespis.protocols.networks.genesis_sectors import genesis_sector
from thespis.protocols.networks.profile import ProofPolicy
from thespis.protocols.proofs.registry import STACKED_DRG_2KIB_V1
from thespis.runtime.actor.supervision import Heartbeats
from thespis.runtime.errors import AskError

BALANCE = 1_000_000 * 10**18
GENESIS_AHEAD_S = 10
BLOCK_TIME_S = 1
QUIET_SHARE = 0.7
"""How far into an epoch to look at the nodes."""


class SimulatedFilecoinNode(FilecoinNode):
    """The production plan; only heartbeats are rarer, for they are most of an idle node's messages."""

    plan = dataclasses.replace(FilecoinNode.plan, heartbeats=Heartbeats(every_s=5.0, timeout_s=15.0))


class RpcFailedError(Exception):
    """A simulated node's API answered with an error."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Keys of one node, in Lotus' form."""

    account: Address
    account_key: bytes
    worker: Address
    worker_key: bytes


def identity(seed: int, number: int) -> Identity:
    """The keys that a seed gives a node."""
    account = key_from_seed(SignatureType.SECP256K1, f"thespis simulation {seed} {number} account")
    worker = key_from_seed(SignatureType.BLS, f"thespis simulation {seed} {number} worker")
    return Identity(
        address_of(SignatureType.SECP256K1, account), account, address_of(SignatureType.BLS, worker), worker
    )


class SimulatedFilecoin:
    """Nodes, their keys, and the genesis they share."""

    def __init__(
        self,
        seed: int,
        nodes: int,
        miners: int,
        *,
        block_time_s: int = BLOCK_TIME_S,
        upgrade_epoch: int = NEVER,
        mine: bool = True,
        topology: str = FULL_MESH,
        enemy_miners: int = 0,
        pool_messages_max: int = MsgPoolSettings().messages_max,
    ) -> None:
        """The first `miners` nodes have a miner each, which mines from the start or waits to be told."""
        self.seed = seed
        self.upgrade_epoch = upgrade_epoch
        self.miners = miners
        self.pool_messages_max = pool_messages_max
        self.mine = mine
        self.network = SimulatedNetwork(seed)
        self.block_time_s = block_time_s
        self.names = [f"node-{number}" for number in range(nodes)]
        self.identities = [identity(seed, number) for number in range(nodes)]
        self.enemy_identities = [identity(seed, nodes + number) for number in range(enemy_miners)]
        self.links = topology_links(topology, nodes)
        if topology != FULL_MESH:
            pairs = (frozenset(self.names[number] for number in pair) for pair in self.links)
            self.network.base.world.swarm.links = frozenset(pairs)
        self.genesis_time_s = int(self.network.base.clock.unix_s()) + GENESIS_AHEAD_S
        self.parameters = self._parameters()
        self.car = self._genesis()
        for number in range(nodes):
            self.start(number)

    def _parameters(self) -> DevnetParameters:
        beacon = hashlib.blake2b(f"thespis simulation {self.seed}".encode(), digest_size=32).digest()
        return DevnetParameters(
            f"simulation-{self.seed}",
            Unsigned(self.genesis_time_s),
            Unsigned(self.block_time_s),
            beacon,
            ProofPolicy.VANILLA.value,
            Unsigned(STACKED_DRG_2KIB_V1.number),
            ChainEpoch(self.upgrade_epoch),
        )

    def _genesis(self) -> bytes:
        everyone = (*self.identities, *self.enemy_identities)
        accounts = tuple(
            GenesisAccount(address, BALANCE) for each in everyone for address in (each.account, each.worker)
        )
        mining = (*self.identities[: self.miners], *self.enemy_identities)
        miners = tuple(GenesisMiner(each.worker, 1) for each in mining)
        return genesis_car(GenesisTemplate(self.parameters, accounts, miners))

    def start(self, number: int) -> SimulatedNode:
        """Start a node for the first time and give it its keys."""
        name = self.names[number]
        near = [other for other in range(len(self.names)) if frozenset((number, other)) in self.links]
        others = [f"/sim/{self.names[other]}/p2p/{self.names[other]}" for other in near]
        config = NodeConfig().with_genesis(self.car).with_bootstrap(*others, min_peers=len(others), period_s=2.0)
        config = config.with_pool(messages_max=self.pool_messages_max, nonce_gap_max=MsgPoolSettings().nonce_gap_max)
        if number < self.miners:
            config = config.with_miner(Address.id(FIRST_MINER + number), mine=self.mine)
        if number < self.miners:
            sector = genesis_sector(self.parameters, Address.id(FIRST_MINER + number), 0)
            self.network.base.world.disk(name).sectors[0] = sector.sealed
        node = self.network.add(name, SimulatedFilecoinNode, config.settings())
        keys = self.identities[number]
        node.ask(ImportKey("secp256k1", keys.account_key))
        if number < self.miners:
            node.ask(ImportKey("bls", keys.worker_key))
        return node

    def enemy_miner(self, number: int = 0) -> Address:
        """The actor of a miner that is no honest node's; genesis has them after the honest ones."""
        return Address.id(FIRST_MINER + self.miners + number)

    def node(self, number: int) -> SimulatedNode:
        """A node by number."""
        return self.network.nodes[self.names[number]]

    def alive(self) -> list[int]:
        """Numbers of the nodes that run."""
        return [number for number, name in enumerate(self.names) if self.network.nodes[name].exit is None]

    def run_epochs(self, epochs: float) -> None:
        """Let epochs pass; whole ones end where the blocks of an epoch have been delivered."""
        clock = self.network.base.clock
        end = (clock.unix_s() - self.genesis_time_s) / self.block_time_s + epochs
        if epochs == int(epochs):
            end = round(end - QUIET_SHARE) + QUIET_SHARE
        self.network.run(max(0.0, self.genesis_time_s + end * self.block_time_s - clock.unix_s()))

    def run_to_genesis(self) -> None:
        """Let time pass into the epoch of genesis, to where the blocks of an epoch have been delivered."""
        quiet_s = self.genesis_time_s + QUIET_SHARE * self.block_time_s
        self.network.run(max(0.0, quiet_s - self.network.base.clock.unix_s()))

    def head(self, number: int) -> Head | None:
        """A node's head, or None while its Syncer does not answer."""
        try:
            return self.node(number).ask(ReadHead())
        except AskError:
            return None

    def rpc(self, number: int, method: str, *params: Any) -> Any:
        """Call a node's API; raises RpcFailedError or AskError."""
        name = method if "." in method else f"Filecoin.{method}"
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": name, "params": list(params)}, default=str).encode()
        reply = self.node(number).ask(RpcCall(body))
        parts = [reply.body]
        while reply.rest:
            reply = self.node(number).ask(ReadRest(reply.rest))
            parts.append(reply.body)
        answer = json.loads(b"".join(parts))
        if "error" in answer:
            raise RpcFailedError(answer["error"]["message"])
        return answer["result"]

    def close(self) -> None:
        """End everything."""
        self.network.close()
