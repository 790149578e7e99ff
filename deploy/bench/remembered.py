"""What is remembered or done together, against the same without: transfers by size of state, vesting, signatures."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from typing import Any

from thespis.deploy.bench.report import Figure, paired
from thespis.protocols.builtin.account import AccountState
from thespis.protocols.builtin.codes import BURNT_FUNDS, INIT, REWARD, actors_version, code_of
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.builtin.storage_miner import vesting
from thespis.protocols.builtin.storage_miner.vesting import VESTING_V1, VestingFunds
from thespis.protocols.chain.message import Message
from thespis.protocols.crypto import bls
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Record, TokenAmount, Unsigned
from thespis.protocols.ipld import hamt
from thespis.protocols.ipld.blockstore import MemoryBlockstore, Overlay, load, save
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.networks.devnet import NETWORK_VERSION
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import Actor, StateTree, save_versioned

SIZES = (100, 10_000, 100_000)
TRANSFERS = 1_000
ROUNDS = 5
FIRST_ID = 1_000
REWARDS, REWARDS_BEFORE = 200, 2_900
HEADERS = 100
FORGETFUL, BY_ITEM, ONE_BY_ONE = (
    "a tree that remembers no id and no entry",
    "decoding and encoding by item",
    "one by one",
)


def forget() -> None:
    """Drop what this process remembers, as one that just started; else what is measured would help its yardstick."""
    hamt._nodes.clear()
    vesting._tables.clear()
    bls._verified.clear()


def run() -> Iterator[Figure]:
    """Each thing that is remembered or done together, as a ratio to the same without."""
    for accounts in SIZES:
        crowd = Crowd(accounts)
        rate, _, ratio = paired(lambda: crowd.apply(StateTree), lambda: crowd.apply(ForgetfulTree), ROUNDS)
        yield Figure(f"vm.transfer_{accounts}", rate, "msg/s", FORGETFUL, ratio)
    rate, _, ratio = paired(_rewards, _rewards_by_item, ROUNDS)
    yield Figure("vm.vesting", rate, "rewards/s", BY_ITEM, ratio)
    rate, _, ratio = paired(_headers_together, _headers_one_by_one, ROUNDS)
    yield Figure("vm.header_signatures", rate, "headers/s", ONE_BY_ONE, ratio)


class ForgetfulTree(StateTree):
    """Walks the init actor's map for each address, and the actors' map for each entry that is not changed."""

    def resolve(self, address: Address) -> Address | None:
        """The id address, from the init actor's state."""
        if address.protocol is AddressProtocol.ID:
            return address
        return InitState.from_wire(load(self.store, self._init_head())).resolve(self.store, address)

    def get(self, address: Address) -> Actor | None:
        """The entry, from the tree."""
        self._read.clear()
        return super().get(address)


class Crowd:
    """A state of many accounts, and transfers between random ones; who signed does not matter to the machine."""

    def __init__(self, accounts: int) -> None:
        self._store = MemoryBlockstore()
        version = actors_version(NETWORK_VERSION)
        keys = [Address(b"\x01" + hashlib.blake2b(b"%d" % n, digest_size=20).digest()) for n in range(accounts)]
        ids, entries = (Hamt(self._store, version=HamtVersion.V0) for _ in range(2))

        def put(number: Address, name: str, state: Record, balance: int = 0) -> None:
            head = save(self._store, state.to_wire())
            entry = Actor(code_of(name, version), head, Unsigned(0), TokenAmount(balance))
            entries.set(number.data, entry.to_wire())

        for number, key in enumerate(keys):
            ids.set(key.data, FIRST_ID + number)
            put(Address.id(FIRST_ID + number), "account", AccountState(key), 10**24)
        put(INIT, "init", InitState(ids.flush(), Unsigned(FIRST_ID + accounts), "bench"))
        for singleton in (REWARD, BURNT_FUNDS):
            put(singleton, "account", AccountState(singleton))
        self._root = save_versioned(self._store, entries.flush())
        chance, nonces = random.Random(accounts), dict.fromkeys(range(accounts), 0)
        self._messages = []
        for _ in range(TRANSFERS):
            sender, receiver = chance.randrange(accounts), chance.randrange(accounts)
            self._messages.append(_transfer(keys[sender], keys[receiver], nonces[sender]))
            nonces[sender] += 1
        self._outcome: Any = None

    def apply(self, tree: type[StateTree]) -> float:
        """Messages a second, applied to one state that is written at the end; every tree gives the same."""
        state = tree(Overlay(self._store), self._root)
        machine = Machine(state, NETWORK_VERSION, 100, 1)
        started = time.perf_counter()
        receipts = [machine.apply(message, len(message.encode())).receipt for message in self._messages]
        root = state.flush()
        seconds = time.perf_counter() - started
        self._outcome = self._outcome or (root, receipts)
        if self._outcome != (root, receipts) or any(receipt.exit_code for receipt in receipts):
            raise RuntimeError("a transfer failed, or two trees differ; what was measured is not what is named")
        return TRANSFERS / seconds


def _transfer(sender: Address, receiver: Address, nonce: int) -> Message:
    return Message(
        Unsigned(0), receiver, sender, Unsigned(nonce), TokenAmount(1), 1_000_000, TokenAmount(200), TokenAmount(100),
        Unsigned(0), b"",
    )  # fmt: skip


def _full_table(store: MemoryBlockstore) -> Cid:
    """A miner's table that a reward of every epoch has filled."""
    table = VestingFunds(())
    for epoch in range(REWARDS_BEFORE):
        table = table.lock(epoch, 10**18 + epoch, 0, VESTING_V1)
    return table.save(store)


def _rewards() -> float:
    """Rewards a second that are locked as the chain does."""
    store = MemoryBlockstore()
    root = _full_table(store)
    started = time.perf_counter()
    for epoch in range(REWARDS_BEFORE, REWARDS_BEFORE + REWARDS):
        table, _ = VestingFunds.load(store, root).unlock(epoch)
        root = table.lock(epoch, 10**18 + epoch, 0, VESTING_V1).save(store)
    return REWARDS / (time.perf_counter() - started)


def _rewards_by_item() -> float:
    """The same by the encoder and decoder of everything."""
    store = MemoryBlockstore()
    root = _full_table(store)
    started = time.perf_counter()
    for epoch in range(REWARDS_BEFORE, REWARDS_BEFORE + REWARDS):
        table, _ = VestingFunds.from_wire(load(store, root)).unlock(epoch)
        root = save(store, table.lock(epoch, 10**18 + epoch, 0, VESTING_V1).to_wire())
    return REWARDS / (time.perf_counter() - started)


def _signed() -> tuple[bytes, list[list[tuple[bytes, bytes]]]]:
    private = (7).to_bytes(bls.PRIVATE_KEY_BYTES, "little")
    payloads = [[b"header %d, signature %d" % (header, number) for number in range(3)] for header in range(HEADERS)]
    return bls.public_key(private), [[(each, bls.sign(private, each)) for each in header] for header in payloads]


def _headers_together() -> float:
    """Headers a second whose three signatures are verified by one product."""
    key, headers = _signed()
    forget()
    started = time.perf_counter()
    for signed in headers:
        if not bls.verify_together(key, signed):
            raise RuntimeError("a signature is not valid; what was measured is not what is named")
    return HEADERS / (time.perf_counter() - started)


def _headers_one_by_one() -> float:
    """The same, each signature by itself."""
    key, headers = _signed()
    forget()
    started = time.perf_counter()
    for signed in headers:
        if not all(bls.verify(key, message, signature) for message, signature in signed):
            raise RuntimeError("a signature is not valid; what was measured is not what is named")
    return HEADERS / (time.perf_counter() - started)
