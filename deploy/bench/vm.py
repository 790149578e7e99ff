"""``bench vm``: messages through the machine, against checking their signatures."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from thespis.deploy.bench import remembered
from thespis.deploy.bench.report import Figure, paired
from thespis.deploy.bench.vm_miner import MinerWorld
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto import secp256k1
from thespis.protocols.crypto.signature import SignatureType, address_of, sign
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore, Overlay
from thespis.protocols.networks.devnet import NETWORK_VERSION, DevnetParameters
from thespis.protocols.networks.genesis import GenesisAccount, GenesisMiner, GenesisTemplate, build_genesis
from thespis.protocols.vm.interpreter import BlockToApply, execute_tipset
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree
from thespis.runtime.store.interface import Put
from thespis.runtime.store.rocks import RocksStore

ACCOUNTS, TRANSFERS = 10, 1_000
KEYS = [(number + 1).to_bytes(32, "big") for number in range(ACCOUNTS)]
RECOVERY = "recovering the senders' keys"


def run() -> Iterator[Figure]:
    """Transfers, a tipset of a thousand and its way to disk, a miner's messages; against signatures or execution."""
    world = _World()
    rate, _, ratio = paired(world.apply, world.recover)
    yield Figure("vm.transfer", rate, "msg/s", RECOVERY, ratio)
    seconds = min(world.tipset() for _ in range(3))
    yield Figure("vm.tipset_1000", seconds, "s", "1 s", 1 / seconds)
    with tempfile.TemporaryDirectory() as folder:
        store = RocksStore.open(Path(folder))
        executing, writing, ratio = paired(world.tipset, lambda: world.write(store))
        store.close()
    yield Figure("vm.tipset_1000.store", writing, "s", "executing it", writing / executing)
    miner = world.miner()
    for name, measure in (("vm.precommit", miner.pre_commit), ("vm.windowpost", miner.window_post)):
        rate, _, ratio = paired(measure, world.recover)
        yield Figure(name, rate, "msg/s", RECOVERY, ratio)
    yield from remembered.run()


class _World:
    """A genesis with ten accounts, and a tipset's worth of transfers between them."""

    def __init__(self) -> None:
        self._store = MemoryBlockstore()
        accounts = [address_of(SignatureType.SECP256K1, key) for key in KEYS]
        worker = address_of(SignatureType.BLS, KEYS[0][::-1])
        parameters = DevnetParameters("bench", Unsigned(1_600_000_000), Unsigned(1), bytes(32), "vanilla", Unsigned(0))
        template = GenesisTemplate(
            parameters,
            tuple(GenesisAccount(account, 10**24) for account in (*accounts, worker)),
            (GenesisMiner(worker, 1),),
        )
        genesis = build_genesis(self._store, template)
        self._root, self._rules = genesis.header.parent_state_root, genesis.profile.rules
        self._worker = worker
        self._written: dict[Cid, bytes] = {}
        self._messages = [self._transfer(accounts, number) for number in range(TRANSFERS)]

    def _transfer(self, accounts: list[Address], number: int) -> SignedMessage:
        sender = number % ACCOUNTS
        message = Message(
            Unsigned(0), accounts[(number + 1) % ACCOUNTS], accounts[sender], Unsigned(number // ACCOUNTS),
            TokenAmount(1), 1_000_000, TokenAmount(200), TokenAmount(100), Unsigned(0), b"",
        )  # fmt: skip
        return SignedMessage(message, sign(SignatureType.SECP256K1, KEYS[sender], message.signing_bytes()))

    def apply(self) -> float:
        """Messages a second, applied to one state that is written at the end."""
        state = StateTree(Overlay(self._store), self._root)
        machine = Machine(state, NETWORK_VERSION, 100, 1)
        started = time.perf_counter()
        for signed in self._messages:
            machine.apply(signed.message, signed.chain_length())
        state.flush()
        return TRANSFERS / (time.perf_counter() - started)

    def recover(self) -> float:
        """Messages a second whose signatures are checked, and nothing else."""
        payloads = [(signed.signature.data, signed.message.signing_bytes()) for signed in self._messages]
        started = time.perf_counter()
        for signature, payload in payloads:
            secp256k1.recover(signature, payload)
        return TRANSFERS / (time.perf_counter() - started)

    def tipset(self) -> float:
        """Seconds that a tipset of them takes, with its reward, cron and receipts."""
        block = BlockToApply(Address.id(1000), 1, (), self._messages)
        scratch = Overlay(self._store)
        started = time.perf_counter()
        executed = execute_tipset(
            scratch, self._root, [block], parent_epoch=0, epoch=1, base_fee=100, rules=self._rules
        )
        seconds = time.perf_counter() - started
        self._written = scratch.new
        if any(receipt.exit_code for receipt in executed.receipts):
            raise RuntimeError("a transfer failed; what was measured is not what is named")
        return seconds

    def write(self, store: RocksStore) -> float:
        """Seconds that the blocks which the last tipset wrote take to be durable."""
        started = time.perf_counter()
        store.write([Put("blocks", cid.data, block) for cid, block in self._written.items()])
        return time.perf_counter() - started

    def miner(self) -> MinerWorld:
        """A miner on the same genesis."""
        return MinerWorld(Overlay(self._store), self._root, self._worker)
