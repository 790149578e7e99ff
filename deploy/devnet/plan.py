"""What a devnet consists of, all of it following from a seed: keys, identities, genesis, addresses."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from base58 import b58encode
from nacl.signing import SigningKey
from thespis.deploy.nodes import GENESIS_FILE, SETTINGS
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
from thespis.protocols.networks.genesis_sectors import GenesisSector, genesis_sector
from thespis.protocols.networks.profile import ProofPolicy
from thespis.protocols.proofs.registry import ApiVersion, SealProof
from thespis.runtime.environment import SECTORS_FOLDER
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.files import write_atomically
from thespis.runtime.keystore import Keystore, Secret
from thespis.runtime.repo import Repo
from thespis.runtime.sectors.sealing import Manifest, Sealing
from thespis.runtime.vault import LIGHT, PUBLIC_PASSPHRASE

ACCOUNT_FIL = 1_000_000
NODES_MAX = 20
SECTORS_PER_MINER = 1
SECTOR_BYTES = 2 << 10
STATE_FILE = "devnet.json"


class DevnetError(RuntimeFloorError):
    """The devnet cannot be what was asked for."""


@dataclass(frozen=True, slots=True)
class Key:
    """A private key in Lotus' form, with its address."""

    kind: SignatureType
    private: bytes
    address: Address

    @classmethod
    def of(cls, seed: int, label: str, kind: SignatureType) -> Key:
        """The key that a seed gives a label."""
        private = key_from_seed(kind, f"thespis devnet {seed} {label}")
        return cls(kind, private, address_of(kind, private))

    def lotus_form(self) -> dict[str, str]:
        """As ``wallet import`` takes it."""
        kind = "bls" if self.kind is SignatureType.BLS else "secp256k1"
        return {"Type": kind, "PrivateKey": base64.b64encode(self.private).decode()}


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node: its home, ports, identity, keys, and its miner if it has one."""

    name: str
    home: Path
    p2p_port: int
    api_port: int
    identity: bytes
    account: Key
    worker: Key | None
    miner: Address | None

    @property
    def peer_id(self) -> str:
        """The libp2p identity that follows from the key."""
        public = bytes(SigningKey(self.identity).verify_key)
        return b58encode(b"\x00\x24\x08\x01\x12\x20" + public).decode()

    @property
    def p2p_address(self) -> str:
        """Where other nodes dial it."""
        return f"/ip4/127.0.0.1/tcp/{self.p2p_port}/p2p/{self.peer_id}"

    @property
    def api_address(self) -> str:
        """Where its API listens."""
        return f"/ip4/127.0.0.1/tcp/{self.api_port}/http"


@dataclass(frozen=True, slots=True)
class DevnetPlan:
    """A whole devnet; one seed gives one and the same, but for its ports and the time of its genesis."""

    home: Path
    seed: int
    block_time_s: int
    genesis_time_s: int
    sector_bytes: int
    upgrade_epoch: int
    nodes: tuple[NodePlan, ...]
    clock_behind_s: float = 0.0
    """How long the network was stopped, all times together: its clock stood still meanwhile."""

    @classmethod
    def make(
        cls,
        home: Path,
        *,
        seed: int,
        nodes: int,
        miners: int,
        block_time_s: int,
        base_port: int,
        genesis_time_s: int,
        sector_bytes: int = SECTOR_BYTES,
        upgrade_epoch: int = NEVER,
        ports: Sequence[int] = (),
    ) -> DevnetPlan:
        """Lay out a devnet; raises DevnetError for what cannot be. `ports` are those of a network that was there."""
        if not 1 <= nodes <= NODES_MAX or not 1 <= miners <= nodes:
            raise DevnetError(f"{nodes} nodes with {miners} miners; 1 to {NODES_MAX} nodes, and a miner needs a node")
        if block_time_s < 1:
            raise DevnetError("a block time below 1 s; block timestamps count whole seconds")
        ports = ports or _ports(base_port, 2 * nodes)
        plans = []
        for number in range(nodes):
            name = f"node-{number + 1}"
            mines = number < miners
            plans.append(
                NodePlan(
                    name=name,
                    home=home / name,
                    p2p_port=ports[2 * number],
                    api_port=ports[2 * number + 1],
                    identity=hashlib.blake2b(f"thespis devnet {seed} {name}".encode(), digest_size=32).digest(),
                    account=Key.of(seed, f"account {number}", SignatureType.SECP256K1),
                    worker=Key.of(seed, f"worker {number}", SignatureType.BLS) if mines else None,
                    miner=Address.id(FIRST_MINER + number) if mines else None,
                )
            )
        return cls(home, seed, block_time_s, genesis_time_s, sector_bytes, upgrade_epoch, tuple(plans))

    @classmethod
    def of_state(cls, home: Path, state: dict[str, Any]) -> DevnetPlan:
        """The devnet that a home's state tells of: the same genesis, keys and ports."""
        nodes = state["nodes"]
        plan = cls.make(
            home,
            seed=state["seed"],
            nodes=len(nodes),
            miners=sum(node["miner"] is not None for node in nodes),
            block_time_s=state["block_time_s"],
            base_port=0,
            genesis_time_s=state["genesis_time_s"],
            sector_bytes=state["sector_bytes"],
            upgrade_epoch=state["upgrade_epoch"],
            ports=[port for node in nodes for port in node["ports"]],
        )
        return replace(plan, clock_behind_s=state["clock_behind_s"])

    def after(self, pause_s: float) -> DevnetPlan:
        """The network as it goes on after a pause, written into its homes.

        Its clock stood still. Else each epoch of the pause would be one without a block, and beyond 8192 of them, a
        night, no header could hold the beacon's rounds that it would have to bring.
        """
        plan = replace(self, clock_behind_s=round(self.clock_behind_s + pause_s, 3))
        for node in plan.nodes:
            SETTINGS.set(Repo(node.home).config_path, {"clock.behind_s": plan.clock_behind_s})
        plan.write_state({})
        return plan

    def template(self) -> GenesisTemplate:
        """The genesis that this devnet starts from."""
        seed = hashlib.blake2b(f"thespis devnet {self.seed} beacon".encode(), digest_size=32).digest()
        parameters = DevnetParameters(
            f"devnet-{self.seed}",
            Unsigned(self.genesis_time_s),
            Unsigned(self.block_time_s),
            seed,
            ProofPolicy.VANILLA.value,
            Unsigned(SealProof.of_size(self.sector_bytes, ApiVersion.V1_0_0).number),
            ChainEpoch(self.upgrade_epoch),
        )
        keys = [node.account for node in self.nodes] + [node.worker for node in self.nodes if node.worker]
        accounts = tuple(GenesisAccount(key.address, ACCOUNT_FIL * 10**18) for key in keys)
        miners = tuple(
            GenesisMiner(node.worker.address, SECTORS_PER_MINER) for node in self.nodes if node.worker is not None
        )
        return GenesisTemplate(parameters, accounts, miners)

    def said(self, address: Address) -> str:
        """An address as the nodes of this network say it."""
        return address.text(self.template().parameters.profile().address_network)

    def genesis_car(self) -> bytes:
        """The genesis file, which every node is given."""
        return genesis_car(self.template())

    def write(self) -> None:
        """Make every node's home."""
        self.write_state({}, whole=False)
        template = self.template()
        car = genesis_car(template)
        for node in self.nodes:
            self._write_node(node, car)
            if node.miner is not None:
                write_sectors(node.home / SECTORS_FOLDER, template.parameters, node.miner)
        self.write_state({})

    def _write_node(self, node: NodePlan, car: bytes) -> None:
        repo = Repo.init(node.home, SETTINGS.default_text())
        write_atomically(node.home / GENESIS_FILE, car)
        write_atomically(node.home / "passphrase", PUBLIC_PASSPHRASE.encode())
        (node.home / "p2p").mkdir(mode=0o700)
        write_atomically(node.home / "p2p" / "identity.key", b"\x08\x01\x12\x20" + node.identity)
        vault = Keystore.create(node.home / "keystore", Secret(PUBLIC_PASSPHRASE.encode()), cost=LIGHT)
        for key in (node.account, node.worker):
            if key is not None:
                vault.put(f"wallet-{key.address}", Secret(key.private))
        others = [other.p2p_address for other in self.nodes if other is not node]
        values: dict[str, Any] = {
            "swarm.address": f"/ip4/127.0.0.1/tcp/{node.p2p_port}",
            "api.address": node.api_address,
            "api.access_control_allow_origin": ["*"],
            "bootstrap.addresses": others,
            "bootstrap.min_peer_threshold": len(others),
            "bootstrap.period_s": 1.0,
            "wallet.default_address": self.said(node.account.address),
            "log.level": "WARNING",
        }
        if node.miner is not None:
            values |= {"mining.miner_address": self.said(node.miner), "mining.enabled": True}
        SETTINGS.set(repo.config_path, values)

    def state(self) -> dict[str, Any]:
        """What scripts and the fault commands need to know."""
        return {
            "seed": self.seed,
            "block_time_s": self.block_time_s,
            "genesis_time_s": self.genesis_time_s,
            "sector_bytes": self.sector_bytes,
            "upgrade_epoch": self.upgrade_epoch,
            "clock_behind_s": self.clock_behind_s,
            "proofs": ProofPolicy.VANILLA.value,
            "nodes": [
                {
                    "name": node.name,
                    "home": str(node.home),
                    "ports": [node.p2p_port, node.api_port],
                    "api": node.api_address,
                    "p2p": node.p2p_address,
                    "peer_id": node.peer_id,
                    "miner": self.said(node.miner) if node.miner else None,
                    "account": self.said(node.account.address),
                    "account_key": node.account.lotus_form(),
                    "balance_fil": ACCOUNT_FIL,
                }
                for node in self.nodes
            ],
        }

    def write_state(self, pids: dict[str, int], *, whole: bool = True) -> None:
        """Publish the state with the nodes' process ids; not `whole` while the homes are being made."""
        state = self.state() | {"whole": whole}
        for node in state["nodes"]:
            node["pid"] = pids.get(node["name"], 0)
        write_atomically(self.home / STATE_FILE, json.dumps(state, indent=1).encode())


def write_sectors(folder: Path, parameters: DevnetParameters, miner: Address) -> None:
    """Seal what genesis says that a miner has, each sector in a folder below `folder`."""
    for number in range(SECTORS_PER_MINER):
        _write_sector(folder, genesis_sector(parameters, miner, number))


def _write_sector(folder: Path, sector: GenesisSector) -> None:
    """Seal a genesis sector on files; raises DevnetError if it is not the one that genesis names."""
    replication = sector.replication
    proof = replication.proof
    manifest = Manifest(
        proof.number, replication.miner, replication.sector, replication.ticket.hex(), proof.porep_id.hex()
    )
    sealing = Sealing(folder / str(replication.sector), manifest)
    sealing.add_data(io.BytesIO(sector.payload))
    if sealing.run(replication.graph.table()) != sector.comm_r.hex():
        raise DevnetError(f"sector {replication.sector} of miner {replication.miner} sealed to another commitment")
    sealing.files.drop_layers()


def read_state(home: Path) -> dict[str, Any]:
    """The state of the devnet at a home; raises DevnetError when there is none."""
    try:
        state: dict[str, Any] = json.loads((home / STATE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DevnetError(f"no devnet is at {home}; start one: thespis devnet --home {home}") from None
    except (OSError, ValueError) as error:
        raise DevnetError(f"{home / STATE_FILE} cannot be read: {error}; --reset makes the devnet anew") from None
    return state


def _ports(base: int, count: int) -> list[int]:
    """Consecutive ports from `base`, or free ones that the system chooses."""
    if base:
        return list(range(base, base + count))
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
