"""``bench chain``, the part without processes: admission, syncing by stage, and a block's way to the head."""

from __future__ import annotations

import gc
import inspect
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from thespis.actors.chain.writer import ChainWriter
from thespis.actors.messages.mining_scheduler import StopMining
from thespis.actors.messages.syncer import Head
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.deploy.bench.remembered import forget
from thespis.deploy.bench.report import Figure
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto import secp256k1
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned

ACCOUNTS, NONCES = 10, 100
EMPTY_EPOCHS, FULL_EPOCHS, FULL_MESSAGES = 2_000, 40, 100
BLOCKS = 200
SYNC_WAIT_S = 600.0
COINCURVE = "bare coincurve"


def run(epochs: int = EMPTY_EPOCHS) -> Iterator[Figure]:
    """Every figure of this part."""
    yield from _admission()
    yield from _sync("chain.sync_empty", epochs, 0)
    yield from _sync("chain.sync_100", FULL_EPOCHS, FULL_MESSAGES)
    yield from _block_to_head()


def _transfers(network: SimulatedFilecoin, nonce: int, count: int) -> list[SignedMessage]:
    """`count` transfers, from all accounts in turn, each with its next nonce from `nonce` on."""
    made = []
    for number in range(count):
        keys = network.identities[number % ACCOUNTS]
        message = Message(
            Unsigned(0), network.identities[(number + 1) % ACCOUNTS].account, keys.account,
            Unsigned(nonce + number // ACCOUNTS), TokenAmount(1), 500_000, TokenAmount(10**9), TokenAmount(10**5),
            Unsigned(0), b"",
        )  # fmt: skip
        made.append(SignedMessage(message, sign(SignatureType.SECP256K1, keys.account_key, message.signing_bytes())))
    return made


def _quiet_network() -> SimulatedFilecoin:
    """A network whose only node that runs is the first; the others lend their accounts."""
    network = SimulatedFilecoin(1, ACCOUNTS, 1)
    for number in range(1, ACCOUNTS):
        network.node(number).stop()
    network.run_to_genesis()
    return network


def _actor(network: SimulatedFilecoin, role: str) -> Any:
    [actor] = network.node(0).actors(role)
    return actor._actor


def _admission() -> Iterator[Figure]:
    """A gossiped message from bytes into the pool, against recovering its key alone."""
    ratios, rates = [], []
    for _ in range(3):
        network = _quiet_network()
        network.node(0).ask(StopMining())
        messages = _transfers(network, 0, ACCOUNTS * NONCES)
        gossip = [signed.encode() for signed in messages]
        pool = _actor(network, "MsgPool")
        started = time.perf_counter()
        for data in gossip:
            pool._admit(SignedMessage.decode(data), local=False)
        ours = len(gossip) / (time.perf_counter() - started)
        signed_bytes = [(signed.signature.data, signed.message.signing_bytes()) for signed in messages]
        started = time.perf_counter()
        for signature, payload in signed_bytes:
            secp256k1.recover(signature, payload)
        bare = len(messages) / (time.perf_counter() - started)
        rates.append(ours)
        ratios.append(ours / bare)
        network.close()
    yield Figure("chain.admission", statistics.median(rates), "messages/s", COINCURVE, statistics.median(ratios))


class _Stages:
    """Seconds per stage of syncing, taken by wrapping the writer's methods for a while."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._restore: list[tuple[type, str, Any]] = []
        self._collecting_since = 0.0

    def _collecting(self, phase: str, _info: dict[str, int]) -> None:
        """The garbage collector begins or ends, within whatever stage."""
        now = time.perf_counter()
        if phase == "start":
            self._collecting_since = now
        else:
            self.seconds["collect garbage"] = self.seconds.get("collect garbage", 0.0) + now - self._collecting_since

    def wrap(self, owner: type, name: str, stage: str) -> None:
        """Time a method; of one that goes in steps, the steps and not what others do between them."""
        real: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            with self._timing(stage):
                done = real(*arguments, **named)
            return self._stepping(done, stage) if inspect.isgenerator(done) else done

        self._restore.append((owner, name, real))
        setattr(owner, name, timed)

    @contextmanager
    def _timing(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started

    def _stepping(self, steps: Iterator[Any], stage: str) -> Generator[None, None, Any]:
        while True:
            with self._timing(stage):
                try:
                    next(steps)
                except StopIteration as stop:
                    return stop.value
            yield

    def __enter__(self) -> Self:
        self.wrap(ChainWriter, "_validated", "validate")
        self.wrap(ChainWriter, "_run", "execute")
        self.wrap(ChainWriter, "choose", "move head")
        gc.callbacks.append(self._collecting)
        return self

    def __exit__(self, *_exception: object) -> None:
        gc.callbacks.remove(self._collecting)
        for owner, name, real in self._restore:
            setattr(owner, name, real)


def _sync(name: str, epochs: int, messages: int) -> Iterator[Figure]:
    """A node that joins a chain: everything between its first hello and the head it was told of.

    The network between the two is simulated, so what is measured is this program's work and no waiting.
    """
    network = _quiet_network()
    pool = _actor(network, "MsgPool") if messages else None
    for epoch in range(epochs):
        if pool is not None:
            for signed in _transfers(network, epoch * messages // ACCOUNTS, messages):
                pool._admit(signed, local=False)
        network.run_epochs(1)
    network.node(0).ask(StopMining())
    network.run_epochs(2)  # a block may have been on its way
    target = network.head(0)
    assert target is not None
    with _Stages() as stages:
        # what was computed for the first node must not help the second
        network.network.base.world._shared.clear()
        forget()
        node = network.node(1)
        started = time.perf_counter()
        node.handle.start(node._settings)
        _wait_for(network, target)
        seconds = time.perf_counter() - started
    network.close()
    yield Figure(name, target.height / seconds, "epochs/s")
    for stage, spent in stages.seconds.items():
        yield Figure(f"{name}.share.{stage.replace(' ', '_')}", 100 * spent / seconds, "% of time")


def _wait_for(network: SimulatedFilecoin, target: Head) -> None:
    end = time.perf_counter() + SYNC_WAIT_S
    while time.perf_counter() < end:
        network.network.run(0.2)
        head = network.head(1)
        if head is not None and head.head == target.head:
            return
    raise TimeoutError(f"the node did not reach height {target.height} within {SYNC_WAIT_S:.0f} s")


def _block_to_head() -> Iterator[Figure]:
    """A block over the head of a real RocksDB store: validated, executed, durable, chosen; without process hops."""
    network = _quiet_network()
    network.run_epochs(BLOCKS)
    from thespis.actors.chain.reader import ChainReader
    from thespis.runtime.store.rocks import RocksStore

    source = ChainReader(network.node(0).disk.look("chain"))
    with tempfile.TemporaryDirectory() as folder:
        chain = ChainWriter(RocksStore.open(Path(folder)))
        chain.begin(network.car)
        times = []
        for tipset in reversed(list(source.history(source.head()))):
            for header in tipset.blocks if tipset.height else ():
                messages = source.block_messages(header)
                started = time.perf_counter()
                chain.add_block(header, messages, header.timestamp)
                widest = chain.widest(header)
                chain.execute(widest)
                chain.choose(widest)
                times.append((time.perf_counter() - started) * 1e3)
        chain.store.close()
    network.close()
    times.sort()
    yield Figure("chain.block_to_head.p50", times[len(times) // 2], "ms")
    yield Figure("chain.block_to_head.p99", times[len(times) * 99 // 100], "ms")
