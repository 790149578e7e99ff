"""Genesis: the first block of a local network, made from a template, always the same for the same template.

Builtin actors are those of the network version that the parameters begin with. Money is where the template puts it, the
mining reserve, and nowhere else; what the template leaves out of the two billion FIL is never minted (Lotus
``chain/gen/genesis``). The first account may appoint verifiers.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from thespis.protocols.builtin.account import AccountState
from thespis.protocols.builtin.codes import (
    BURNT_FUNDS,
    CRON,
    INIT,
    MARKET,
    POWER,
    REWARD,
    SYSTEM,
    VERIFIED_REGISTRY,
    actors_version,
    code_of,
)
from thespis.protocols.builtin.cron import CronEntry, CronState
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.methods import MARKET_CRON_TICK, ON_EPOCH_TICK_END
from thespis.protocols.builtin.policy import Policy
from thespis.protocols.builtin.power.methods import POWER_STATES
from thespis.protocols.builtin.power.state import CronEvent
from thespis.protocols.builtin.reward.state import RewardState
from thespis.protocols.builtin.reward.v2.state import RewardStateV2
from thespis.protocols.builtin.storage_miner.calls import CronEventType
from thespis.protocols.builtin.storage_miner.state import AnyMiner, MinerInfo, MinerState, SectorOnChainInfo
from thespis.protocols.builtin.storage_miner.v2.state import MinerInfoV2, MinerStateV2, SectorOnChainInfoV2
from thespis.protocols.builtin.system import SystemState
from thespis.protocols.builtin.verifreg import VerifregState
from thespis.protocols.chain.base_fee import INITIAL_BASE_FEE
from thespis.protocols.chain.block import BlockHeader, ElectionProof, Ticket, save_message_meta
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.car import CarReader, write_car
from thespis.protocols.encoding.cid import DAG_CBOR, Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Record, TokenAmount, Unsigned
from thespis.protocols.errors import GenesisError
from thespis.protocols.ipld.blockstore import Blockstore, MemoryBlockstore, save
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.networks.devnet import DevnetParameters, parameters_cid
from thespis.protocols.networks.mainnet_2020 import MAINNET_2020
from thespis.protocols.networks.profile import NetworkProfile
from thespis.protocols.proofs.registry import SealProof
from thespis.protocols.vm.interpreter import save_receipts
from thespis.protocols.vm.state_tree import Actor, save_versioned

MINING_RESERVE = 1_100_000_000 * 10**18
"""What block rewards are paid from (specs-actors: simple and baseline totals)."""
FIRST_ACCOUNT, FIRST_MINER = 100, 1000
REWARD_STATES: dict[int, type[RewardState]] = {0: RewardState, 2: RewardStateV2}
MAINNET_GENESIS = Cid.from_text("bafy2bzacecnamqgqmifpluoeldx7zzglxcljo6oja4vrmtj7432rphldpdmm2")
GENESIS_BLOCKS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class GenesisAccount:
    """A key that starts with money, in attoFIL."""

    address: Address
    balance: int


@dataclass(frozen=True, slots=True)
class GenesisMiner:
    """A miner that starts with power; its worker, a BLS key, is one of the accounts and owns it."""

    worker: Address
    sectors: int
    peer_id: bytes = b""


@dataclass(frozen=True, slots=True)
class GenesisTemplate:
    """Everything a genesis is made from."""

    parameters: DevnetParameters
    accounts: tuple[GenesisAccount, ...]
    miners: tuple[GenesisMiner, ...]


@dataclass(frozen=True, slots=True)
class Genesis:
    """A loaded genesis: the block, and the network it starts."""

    header: BlockHeader
    cid: Cid
    profile: NetworkProfile


def build_genesis(store: Blockstore, template: GenesisTemplate) -> Genesis:
    """Write a genesis to `store`; raises GenesisError for a template that describes no network."""
    from thespis.protocols.networks.genesis_sectors import genesis_sector  # compiled code: only who builds pays for it

    _check(template)
    proof = SealProof(template.parameters.seal_proof)
    ids = {account.address: Address.id(FIRST_ACCOUNT + n) for n, account in enumerate(template.accounts)}
    addresses = Hamt(store, version=HamtVersion.V0)
    for address, account_id in ids.items():
        addresses.set(address.data, account_id.actor_id)
    miners = [Address.id(FIRST_MINER + n) for n in range(len(template.miners))]
    next_id = Unsigned(FIRST_MINER + len(miners))
    profile = template.parameters.profile()
    version = actors_version(profile.network_version(0))
    power = POWER_STATES[version].initial(store)
    entries: dict[Address, Actor] = {}

    def put(address: Address, name: str, state: Record, balance: int = 0) -> None:
        head = save(store, state.to_wire())
        entries[address] = Actor(code_of(name, version), head, Unsigned(0), TokenAmount(balance))

    for number, (address, miner) in enumerate(zip(miners, template.miners, strict=True)):
        raw = miner.sectors * proof.shape.sector_bytes
        sectors = [genesis_sector(template.parameters, address, n) for n in range(miner.sectors)]
        power = power.with_miner(store, address, proof.number).add_to_claim(store, address, raw, raw)
        listed = [sector.on_chain() for sector in sectors]
        state, tick = _miner(store, version, _info(ids[miner.worker], miner, proof), number, listed, profile.policy)
        put(address, "storageminer", state)
        power = power.with_event(store, tick, CronEvent(address, CronEventType.PROVING_DEADLINE.payload()))
    raw, adjusted = power.total_power()
    power = power.with_(
        this_epoch_raw_byte_power=BigInteger(raw),
        this_epoch_quality_adjusted_power=BigInteger(adjusted),
    )
    put(SYSTEM, "system", SystemState())
    put(INIT, "init", InitState(addresses.flush(), next_id, template.parameters.network_name))
    put(REWARD, "reward", REWARD_STATES[version].initial(raw), MINING_RESERVE)
    ticks = (CronEntry(POWER, Unsigned(ON_EPOCH_TICK_END)), CronEntry(MARKET, Unsigned(MARKET_CRON_TICK)))
    put(CRON, "cron", CronState(ticks))
    put(POWER, "storagepower", power)
    put(MARKET, "storagemarket", MarketState.initial(store))
    empty = Hamt(store, version=HamtVersion.V0).flush()
    put(VERIFIED_REGISTRY, "verifiedregistry", VerifregState(Address.id(FIRST_ACCOUNT), empty, empty))
    put(BURNT_FUNDS, "account", AccountState(BURNT_FUNDS))
    for account in template.accounts:
        put(ids[account.address], "account", AccountState(account.address), account.balance)
    header = _header(store, _state_root(store, entries, versioned=version > 0), template.parameters)
    save(store, template.parameters.to_wire())
    cid = save(store, header.to_wire())
    return Genesis(header, cid, profile)


def _check(template: GenesisTemplate) -> None:
    template.parameters.profile()
    keys = [account.address for account in template.accounts]
    if len(set(keys)) != len(keys):
        raise GenesisError("an account stands twice in the template")
    if len(keys) > FIRST_MINER - FIRST_ACCOUNT:
        raise GenesisError(f"{len(keys)} accounts; genesis has room for {FIRST_MINER - FIRST_ACCOUNT}")
    if sum(account.balance for account in template.accounts) > 2_000_000_000 * 10**18 - MINING_RESERVE:
        raise GenesisError("the accounts hold more FIL than there is beside the mining reserve")
    if not template.miners:
        raise GenesisError("no miner; without power no block can be made")
    for miner in template.miners:
        if miner.worker not in keys or miner.worker.protocol is not AddressProtocol.BLS:
            raise GenesisError(f"the worker {miner.worker} is no BLS account of the template")
        if miner.sectors < 1:
            raise GenesisError(f"the miner of {miner.worker} has {miner.sectors} sectors; it needs at least one")


def _miner(
    store: Blockstore, version: int, info: MinerInfo, number: int, sectors: list[SectorOnChainInfo], policy: Policy
) -> tuple[AnyMiner, int]:
    """A miner with sectors, and when its first deadline ends, which cron has to be told.

    In version 0 the first proving period is still to come, one epoch later for each miner; in version 2 it has begun.
    """
    if version == 0:
        start = number + 1
        return MinerState.initial(store, info, start, sectors), start - 1
    newer = [SectorOnChainInfoV2.of(sector) for sector in sectors]
    start = -(number % policy.challenge_window)
    state = MinerStateV2.initial(store, MinerInfoV2.of(info), start, newer)
    return state, start + policy.challenge_window - 1


def _info(worker: Address, miner: GenesisMiner, proof: SealProof) -> MinerInfo:
    return MinerInfo(
        worker, worker, (), None, miner.peer_id, (), proof.number,
        Unsigned(proof.shape.sector_bytes),
        Unsigned(proof.partition_sectors),
    )  # fmt: skip


def _state_root(store: Blockstore, entries: dict[Address, Actor], *, versioned: bool) -> Cid:
    actors = Hamt(store, version=HamtVersion.V0)
    for address, actor in entries.items():
        actors.set(address.data, actor.to_wire())
    return save_versioned(store, actors.flush()) if versioned else actors.flush()


def _header(store: Blockstore, state_root: Cid, parameters: DevnetParameters) -> BlockHeader:
    return BlockHeader(
        miner=SYSTEM,
        ticket=Ticket(parameters.cid().parts()[2]),
        election_proof=ElectionProof(0, b""),
        beacon_entries=(parameters.genesis_entry(),),
        win_post_proof=(),
        parents=(),
        parent_weight=BigInteger(0),
        height=ChainEpoch(0),
        parent_state_root=state_root,
        parent_message_receipts=save_receipts(store, []),
        messages=save_message_meta(store, [], []),
        bls_aggregate=None,
        timestamp=Unsigned(parameters.genesis_time_s),
        block_sig=None,
        fork_signaling=Unsigned(0),
        parent_base_fee=TokenAmount(INITIAL_BASE_FEE),
    )


def write_genesis(stream: BinaryIO, store: Blockstore, genesis: Genesis) -> None:
    """Write a genesis as a CAR: the block as root, then everything it links to."""
    roots = [genesis.cid, parameters_cid(genesis.header.beacon_entries[0])]
    write_car(stream, [genesis.cid], reachable(store, roots))


def genesis_car(template: GenesisTemplate) -> bytes:
    """The genesis file of a template; raises GenesisError for a template that describes no network."""
    store, stream = MemoryBlockstore(), io.BytesIO()
    write_genesis(stream, store, build_genesis(store, template))
    return stream.getvalue()


def read_genesis(data: bytes) -> tuple[Genesis, MemoryBlockstore]:
    """The genesis of a CAR and its blocks; raises GenesisError, or CarError for a file that is none."""
    reader = CarReader(io.BytesIO(data))
    store = MemoryBlockstore()
    for cid, block in reader:
        store.put(cid, block)  # by its CID alone: mainnet's own genesis has a map that is not in canonical order
        if len(store) > GENESIS_BLOCKS_MAX:
            raise GenesisError(f"more than {GENESIS_BLOCKS_MAX} blocks; no genesis has that many")
    if len(reader.roots) != 1:
        raise GenesisError(f"the CAR has {len(reader.roots)} roots; that of a genesis has one")
    return load_genesis(store, reader.roots[0]), store


def load_genesis(store: Blockstore, cid: Cid) -> Genesis:
    """The genesis that a CID names, with the profile it commits to."""
    header = BlockHeader.decode(store.get(cid))
    if header.height != 0:
        raise GenesisError(f"block {cid} has height {header.height}; genesis has 0")
    if cid == MAINNET_GENESIS:
        return Genesis(header, cid, MAINNET_2020)
    where = parameters_cid(header.beacon_entries[0]) if header.beacon_entries else None
    if where is None or not store.has(where):
        raise GenesisError(f"genesis {cid} is neither mainnet's nor has a profile in it; this node has no rules for it")
    return Genesis(header, cid, DevnetParameters.decode(store.get(where)).profile())


def reachable(store: Blockstore, roots: list[Cid]) -> Iterator[tuple[Cid, bytes]]:
    """Every block linked from `roots`, each once, parents first; code CIDs hold their data and are no blocks."""
    seen: set[Cid] = set()
    pending = list(reversed(roots))
    while pending:
        cid = pending.pop()
        if cid in seen or cid.parts()[0] != DAG_CBOR:
            continue
        seen.add(cid)
        block = store.get(cid)
        yield cid, block
        pending.extend(reversed(list(_links(cbor.decode_stored(block)))))


def _links(value: Any) -> Iterator[Cid]:
    if isinstance(value, Cid):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _links(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _links(item)
