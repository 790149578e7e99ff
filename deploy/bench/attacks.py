"""What a hostile peer does, each from an identity of its own, and whether the node let it go on.

Runs as a process beside the node (``python -m thespis.deploy.bench.attacks``), so that its work is not the honest
peer's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from thespis.deploy.bench.callers import Callers
from thespis.deploy.bench.campaigns import Campaigns, at_once
from thespis.deploy.bench.heavy import ALL_MESSAGES, OutsideMiner, false_messages
from thespis.deploy.bench.purse import Purse
from thespis.deploy.bench.stranger import Stranger, StrangerError
from thespis.deploy.devnet.plan import DevnetPlan
from thespis.protocols.chain.block import BlockHeader, BlockMessage
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.wire import exchange, hello
from thespis.protocols.wire.exchange import CompactedMessages, ExchangedTipset, Options, Request, Response, Status
from thespis.protocols.wire.topics import blocks_topic, messages_topic
from thespis.runtime.bases.life import tie_to_parent

DROP_TIMEOUT_S = 8.0
PUBLISH_EVERY_S = 1.0
"""A payload that is published before the mesh stands reaches nobody."""
TRIES = 10
IDLE_STREAMS = 500
CHURN_PER_S = 70
SILENT = 32
NICENESS = 19
"""Of flooding: on a machine of its own it would not take the node's processor."""
NOWHERE = (Cid.of(b"nowhere"),)

GARBAGE = {
    "no CBOR": b"\xff" * 64,
    "array of 2^63": b"\x9b\x7f" + b"\xff" * 7,
    "text of 2^63": b"\x7b\x7f" + b"\xff" * 7,
    "map of 2^32": b"\xba" + b"\xff" * 4,
    "nested arrays": b"\x81" * 60_000 + b"\x00",
    "nested tags": b"\xc1" * 60_000 + b"\x00",
    "indefinite array": b"\x9f\x01\xff",
    "non-canonical integer": b"\x84\x80\x18\x01\x40\x40",
    "map for an array": b"\xa0",
    "duplicate keys": b"\xa2\x61a\x01\x61a\x02",
    "undefined": b"\xf7",
    "not a number": b"\xf9\x7e\x00",
    "too big": b"\x5a\x00\x10\x00\x00" + bytes(1 << 20),
}
"""Bytes that neither protocol's requests can be (reference: anchors, C2)."""


@dataclasses.dataclass(frozen=True)
class Field:
    """The node under attack, a chain that it has, and a miner that genesis knows and no node runs."""

    network: str
    address: str
    genesis: Cid
    head: tuple[BlockHeader, ...]
    miner: OutsideMiner


def hellos(genesis: Cid) -> dict[str, bytes]:
    """Greetings that decode, nearly or wholly, and are lies."""
    weight = BigInteger(1)
    return {
        "head of nothing": hello.Hello((), ChainEpoch(1), weight, genesis).encode(),
        "head of 1500 blocks": hello.Hello(NOWHERE * 1500, ChainEpoch(1), weight, genesis).encode(),
        "negative height": hello.Hello(NOWHERE, ChainEpoch(-1), weight, genesis).encode(),
        "negative weight": hello.Hello(NOWHERE, ChainEpoch(1), BigInteger(-1), genesis).encode(),
        "weight of 1600 bits": cbor.encode([[NOWHERE[0]], 1, b"\x00" + b"\xff" * 200, genesis]),
        "another genesis": hello.Hello(NOWHERE, ChainEpoch(1), weight, NOWHERE[0]).encode(),
    }


def requests() -> dict[str, bytes]:
    """Chain exchange requests that decode and make no sense."""
    one, both = Unsigned(1), Unsigned(3)
    return {
        "from nothing": Request((), one, both).encode(),
        "from too many blocks": Request(NOWHERE * (TIPSET_BLOCKS_MAX + 1), one, both).encode(),
        "for none": Request(NOWHERE, Unsigned(0), both).encode(),
        "for 2^64-1": Request(NOWHERE, Unsigned(2**64 - 1), both).encode(),
        "without options": Request(NOWHERE, one, Unsigned(0)).encode(),
    }


def answers(field: Field) -> dict[str, bytes]:
    """Answers to the Syncer that cannot be true."""
    nothing = CompactedMessages((), ((),), (), ((),))
    wild = CompactedMessages((), ((Unsigned(2**63),),), (), ((),))
    status, head = Unsigned(Status.OK), field.head
    return {
        **GARBAGE,
        "OK and no chain": Response(status, "", ()).encode(),
        "another chain": Response(status, "", (ExchangedTipset(head, None),)).encode(),
        "no blocks": Response(status, "", (ExchangedTipset((), None),)).encode(),
        "messages instead": Response(status, "", (ExchangedTipset((), nothing),)).encode(),
        "indices of nothing": Response(status, "", (ExchangedTipset(head, wild),)).encode(),
        "padding of 13 MB": Response(status, "x" * (13 << 20), ()).encode(),
    }


def gossip(field: Field) -> dict[str, tuple[str, tuple[bytes, ...]]]:
    """Blocks and messages that no honest node publishes, several of a kind, for one is forgiven, with their topic."""
    header = field.head[0]
    blocks, messages = blocks_topic(field.network), messages_topic(field.network)
    key = Address.from_text("f15ihq5ibzwki2b4ep2f46avlkrqzhpqgtga7pdrq")
    unsigned = Message(
        Unsigned(0), key, key, Unsigned(0), TokenAmount(1), 10**6, TokenAmount(10**9), TokenAmount(1), Unsigned(0), b""
    )
    forged = tuple(
        SignedMessage(
            dataclasses.replace(unsigned, nonce=Unsigned(n)), Signature(SignatureType.SECP256K1, b"\x01" * 65)
        ).encode()
        for n in range(TRIES)
    )

    def several(*listed: Cid, **changes: Any) -> tuple[bytes, ...]:
        altered = dataclasses.replace(header, **changes)
        return tuple(
            BlockMessage(dataclasses.replace(altered, timestamp=Unsigned(header.timestamp + n)), listed, ()).encode()
            for n in range(TRIES)
        )

    garbage = tuple(b"\xff" * (500 + n) for n in range(TRIES))
    return {
        "block of garbage": (blocks, garbage),
        "block without a signature": (blocks, several(block_sig=None)),
        "block with other messages": (blocks, several(*NOWHERE)),
        "block of another weight": (blocks, several(parent_weight=BigInteger(header.parent_weight + 1))),
        "message of garbage": (messages, garbage),
        "message with a forged signature": (messages, forged),
    }


class Attacker:
    """Carries attacks out, each with an identity of its own, so that none is dropped for what another did."""

    def __init__(self, field: Field, folder: Path) -> None:
        self.field = field
        self._folder = folder
        self._numbers = itertools.count()
        self._campaigns = Campaigns(self)
        self._long_request = Request(
            tuple(each.cid() for each in field.head), Unsigned(900), Unsigned(Options.HEADERS | Options.MESSAGES)
        ).encode()

    def stranger(self, **how: Any) -> Stranger:
        """A new identity, which keeps to no rate."""
        folder = self._folder / str(next(self._numbers))
        return Stranger(folder, self.field.network, self.field.address, patient=False, **how)

    def lies(self) -> Iterator[tuple[str, bool]]:
        """Everything that can be told from one message: its name, and whether the liar was dropped for it."""
        genesis = self.field.genesis
        for name, data in {**GARBAGE, **hellos(genesis)}.items():
            yield f"hello: {name}", self._request(hello.PROTOCOL, data)
        for name, data in {**GARBAGE, **requests()}.items():
            yield f"exchange: {name}", self._request(exchange.PROTOCOL, data)
        for name, data in answers(self.field).items():
            yield f"answer: {name}", self._false_head(data)
        heaviest = false_messages()
        yield f"answer: {ALL_MESSAGES} messages", self._false_head(heaviest)
        yield f"answer: {ALL_MESSAGES} messages for a valid header", self._false_messages(heaviest)
        for name, (topic, payloads) in gossip(self.field).items():
            yield f"gossip: {name}", self._publish(topic, payloads)
        yield from self._campaigns.lies()

    def _request(self, protocol: str, data: bytes) -> bool:
        with self.stranger() as stranger:
            stranger.send(protocol, data)
            return stranger.dropped(DROP_TIMEOUT_S)

    def _false_head(self, data: bytes) -> bool:
        """Claim a head of great weight; when the node asks for it, answer `data`."""
        with self.stranger(answer=lambda protocol, _data: data if protocol == exchange.PROTOCOL else None) as stranger:
            head = (Cid.of(b"false head %d" % next(self._numbers)),)
            claim = hello.Hello(head, ChainEpoch(self.field.head[0].height + 2), BigInteger(10**30), self.field.genesis)
            stranger.send(hello.PROTOCOL, claim.encode())
            return stranger.dropped(DROP_TIMEOUT_S)

    def _false_messages(self, data: bytes) -> bool:
        """Claim a head whose header is valid, so that its messages are asked for, and answer others."""
        miner = self.field.miner
        now = int(miner.chain.genesis.profile.epoch_at(time.time()))
        head = miner.grow(range(now, 0, -1))

        def answer(protocol: str, asked: bytes) -> bytes | None:
            if protocol != exchange.PROTOCOL:
                return None
            request = Request.decode(asked)
            return data if int(request.options) == Options.MESSAGES else miner.answer(request)

        with self.stranger(answer=answer) as stranger:
            claim = hello.Hello(head.key, ChainEpoch(head.height), BigInteger(10**30), self.field.genesis)
            stranger.send(hello.PROTOCOL, claim.encode())
            return stranger.dropped(DROP_TIMEOUT_S)

    def _publish(self, topic: str, payloads: tuple[bytes, ...]) -> bool:
        with self.stranger(gossip=True) as stranger:
            for data in payloads:
                if stranger.dropped(PUBLISH_EVERY_S):
                    return True
                stranger.port.publish(topic, data)
            return stranger.dropped(DROP_TIMEOUT_S)

    # -- floods ----------------------------------------------------------------------------------------------

    def floods(self) -> dict[str, Callable[[float], None]]:
        """What costs by its quantity; each lasts the seconds it is given."""
        campaigns = {name: self._returning(flood) for name, flood in self._campaigns.floods().items()}
        found = {
            "idle streams": self._idle_streams,
            "silent connections": self._silent,
            "connection churn": self._churn,
            "unread answers": self._unread,
            "endless request": self._returning(self._endless),
            "requests": self._returning(self._requests),
            "identities": self._returning(lambda _seconds: self.stranger().port.close()),
            **{name: self._returning(flood) for name, flood in Purse(self).floods().items()},
            **campaigns,
        }
        together = [found["connection churn"], found["requests"], *campaigns.values()]
        return {**found, "several at once": at_once(together)}

    def _returning(self, flood: Callable[[float], None]) -> Callable[[float], None]:
        """The flood again and again, for whoever is dropped comes back as somebody else."""

        def go_on(seconds: float) -> None:
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                try:
                    flood(left)
                except StrangerError:
                    time.sleep(0.1)

        return go_on

    def _idle_streams(self, seconds: float) -> None:
        async def open_all(host: Any, peer: Any) -> None:
            for _ in range(IDLE_STREAMS):
                await host.new_stream(peer, [exchange.PROTOCOL])

        with self.stranger() as stranger:
            stranger.in_host(open_all)
            time.sleep(seconds)

    def _socket(self) -> socket.socket:
        parts = self.field.address.split("/")
        return socket.create_connection((parts[2], int(parts[4])), timeout=2)

    def _silent(self, seconds: float) -> None:
        opened = []
        for _ in range(SILENT):
            try:
                opened.append(self._socket())
            except OSError:
                break
        time.sleep(seconds)
        for each in opened:
            each.close()

    def _churn(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                self._socket().close()
            time.sleep(1 / CHURN_PER_S)

    def _unread(self, seconds: float) -> None:
        async def ask_and_wait(host: Any, peer: Any) -> None:
            for _ in range(30):
                stream = await host.new_stream(peer, [exchange.PROTOCOL])
                await stream.write(self._long_request)

        with self.stranger() as stranger:
            stranger.in_host(ask_and_wait)
            time.sleep(seconds)

    def _endless(self, seconds: float) -> None:
        async def write_for_ever(host: Any, peer: Any) -> None:
            stream = await host.new_stream(peer, [exchange.PROTOCOL])
            while True:
                await stream.write(b"\x81" * (1 << 16))

        with self.stranger() as stranger:
            stranger.in_host(write_for_ever)
            stranger.dropped(seconds)

    def _requests(self, seconds: float) -> None:
        """As many sensible requests as go, for the longest answers."""
        end = time.monotonic() + seconds
        with self.stranger() as stranger:
            while time.monotonic() < end and not stranger.dropped(0.001):
                stranger.send(exchange.PROTOCOL, self._long_request, 5.0)


def main() -> None:
    """Read a field from standard input; print a line of JSON for each lie that ended and each flood that begins."""
    given = json.load(sys.stdin)
    tie_to_parent(given["parent_pid"])
    head = tuple(BlockHeader.decode(bytes.fromhex(data)) for data in given["head"])
    with tempfile.TemporaryDirectory(prefix="thespis-attacks-") as folder:
        miner = OutsideMiner(DevnetPlan.make(Path(folder), base_port=1, **given["devnet"]), given["miner"])
        field = Field(given["network"], given["address"], Cid.from_text(given["genesis"]), head, miner)
        attacker = Attacker(field, Path(folder))
        if given["seconds"]:
            os.nice(NICENESS)
            callers = Callers(given["api"])
            for name, flood in (attacker.floods() | callers.floods()).items():
                print(json.dumps({"begins": name}), flush=True)
                try:
                    flood(given["seconds"])
                except StrangerError as error:
                    print(json.dumps({"refused": str(error)}), flush=True)
        else:
            for name, dropped in attacker.lies():
                print(json.dumps({"name": name, "dropped": dropped}), flush=True)


if __name__ == "__main__":
    main()
