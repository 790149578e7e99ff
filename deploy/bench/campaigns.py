"""Attacks that take more than one message: gossip in invented names, items that drip, chains of long headers."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from thespis.deploy.bench.stranger import StrangerError
from thespis.protocols.chain.block import BlockHeader, BlockMessage, save_message_meta
from thespis.protocols.chain.tipset import Tipset, TipsetKey
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.wire import exchange, hello
from thespis.protocols.wire.exchange import ExchangedTipset, Request, Response, Status
from thespis.protocols.wire.topics import blocks_topic

if TYPE_CHECKING:
    from thespis.deploy.bench.attacks import Attacker

GOSSIP = "/meshsub/1.1.0"
INVENTED = 12
"""Payloads of one liar; four are enough to be let go of."""
MADE_UP_EVERY_S = 0.001
DRIPPING = 30
CROWD = 12
LONG_PROOF_BYTES, LONG_BLOCKS, LONG_CHAIN = 8_000, 15, 30
DROP_TIMEOUT_S = 8.0


def made_up_blocks(head: tuple[BlockHeader, ...]) -> Iterator[bytes]:
    """Blocks over a known parent, for ever, none signed by a miner, each with a message that nobody has."""
    parents, below = tuple(each.cid() for each in head), head[0]
    for number in itertools.count():
        lost = (Cid.of(b"nobody has this %d" % number),)
        root = save_message_meta(MemoryBlockstore(), list(lost), [])
        height = ChainEpoch(below.height + 1)
        made = dataclasses.replace(
            below, parents=parents, height=height, timestamp=Unsigned(below.timestamp + 1), messages=root
        )
        yield BlockMessage(made, lost, ()).encode()


def in_invented_name(topic: str, data: bytes, **forged: bytes) -> bytes:
    """A frame of gossip that an author of a moment's making has signed; `forged` fields are changed after that."""
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.peer.id import ID
    from libp2p.pubsub.pb import rpc_pb2
    from libp2p.pubsub.validators import PUBSUB_SIGNING_PREFIX
    from libp2p.utils import encode_varint_prefixed

    keys = create_new_key_pair()
    author = ID.from_pubkey(keys.public_key).to_bytes()
    message = rpc_pb2.Message(data=data, topicIDs=[topic], from_id=author, seqno=bytes(8))
    message.signature = keys.private_key.sign(PUBSUB_SIGNING_PREFIX.encode() + message.SerializeToString())
    for name, value in forged.items():
        setattr(message, name, value)
    return encode_varint_prefixed(rpc_pb2.RPC(publish=[message]).SerializeToString())


class Campaigns:
    """Carries them out for an attacker, each with new identities."""

    def __init__(self, attacker: Attacker) -> None:
        self._attacker = attacker
        self._topic = blocks_topic(attacker.field.network)
        self._blocks = made_up_blocks(attacker.field.head)

    def lies(self) -> Iterator[tuple[str, bool]]:
        """What can be told from few messages: its name, and whether the liar was dropped for it."""
        for name, forged in (
            ("in invented names", {}),
            ("with a forged signature", {"signature": b"\x01" * 64}),
            ("with a key that is none", {"key": b"\xff" * 40, "from_id": b"\x12\x20" + bytes(32)}),
        ):
            yield f"gossip: {name}", self._gossip(forged)
        yield "answer: a chain of long headers", self._long_headers()

    def _gossip(self, forged: dict[str, bytes]) -> bool:
        frames = [in_invented_name(self._topic, next(self._blocks), **forged) for _ in range(INVENTED)]

        async def write_all(host: Any, peer: Any) -> None:
            stream = await host.new_stream(peer, [GOSSIP])
            for frame in frames:
                await stream.write(frame)

        with self._attacker.stranger() as stranger:
            stranger.in_host(write_all)
            return stranger.dropped(DROP_TIMEOUT_S)

    def _long_headers(self) -> bool:
        """Claim a head, and answer with headers as long as they can be, each tipset the parents of the one before."""
        field = self._attacker.field
        chain = _linked(field.head[0], field.head[0].height + 3)
        top = next(iter(chain))

        def answer(protocol: str, data: bytes) -> bytes | None:
            if protocol != exchange.PROTOCOL:
                return None
            request = Request.decode(data)
            found: list[ExchangedTipset] = []
            key: TipsetKey = request.head
            while key in chain and len(found) < request.length:
                found.append(ExchangedTipset(chain[key], None))
                key = chain[key][0].parents
            return Response(Unsigned(Status.PARTIAL), "", tuple(found)).encode() if found else None

        claim = hello.Hello(top, chain[top][0].height, BigInteger(10**30), field.genesis)
        with self._attacker.stranger(answer=answer) as stranger:
            stranger.send(hello.PROTOCOL, claim.encode())
            return stranger.dropped(4 * DROP_TIMEOUT_S)

    # -- floods ----------------------------------------------------------------------------------------------

    def floods(self) -> dict[str, Callable[[float], None]]:
        """What costs by its quantity; each goes on for so many seconds, or until it is dropped."""
        return {"made-up blocks": self._made_up, "dripped items": self._drip, "a crowd of guests": self._crowd}

    def _crowd(self, seconds: float) -> None:
        """Peers that connect, behave, and say nothing: no reason for a node to look for no others."""
        with ExitStack() as guests:
            end = time.monotonic() + seconds
            for _ in range(CROWD):
                if time.monotonic() < end:
                    guests.enter_context(self._attacker.stranger(gossip=True))
            time.sleep(max(0.0, end - time.monotonic()))

    def _made_up(self, seconds: float) -> None:
        async def write_for_ever(host: Any, peer: Any) -> None:
            import trio

            stream = await host.new_stream(peer, [GOSSIP])
            while True:
                await stream.write(in_invented_name(self._topic, next(self._blocks)))
                await trio.sleep(MADE_UP_EVERY_S)

        with self._attacker.stranger() as stranger:
            stranger.in_host(write_for_ever)
            stranger.dropped(seconds)

    def _drip(self, seconds: float) -> None:
        """Requests that are as long as they say and come a byte a frame."""

        async def drip(host: Any, peer: Any) -> None:
            import trio

            async def one() -> None:
                stream = await host.new_stream(peer, [exchange.PROTOCOL])
                await stream.write(b"\x99\xea\x60")
                while True:
                    await stream.write(b"\x00")

            async with trio.open_nursery() as nursery:
                for _ in range(DRIPPING):
                    nursery.start_soon(one)

        with self._attacker.stranger() as stranger:
            stranger.in_host(drip)
            stranger.dropped(seconds)


def at_once(floods: list[Callable[[float], None]]) -> Callable[[float], None]:
    """Several floods beside each other."""

    def go_on(seconds: float) -> None:
        def one(flood: Callable[[float], None]) -> None:
            try:
                flood(seconds)
            except StrangerError:
                time.sleep(0.1)

        threads = [threading.Thread(target=one, args=(flood,)) for flood in floods]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return go_on


def _linked(below: BlockHeader, top: int) -> dict[TipsetKey, tuple[BlockHeader, ...]]:
    """Tipsets full of long headers, linked to each other down to one that is no lower than the next, the top first."""
    found: dict[TipsetKey, tuple[BlockHeader, ...]] = {}
    key: TipsetKey = (Cid.of(b"no parent"),)
    begins_s = below.timestamp - below.height
    proofs = tuple(dataclasses.replace(proof, proof_bytes=bytes(LONG_PROOF_BYTES)) for proof in below.win_post_proof)
    lowest = max(2, top - LONG_CHAIN)
    for height in (lowest, *range(lowest, top + 1)):
        tipset = Tipset.of(
            dataclasses.replace(
                below,
                miner=Address.id(2000 + number),
                parents=key,
                height=ChainEpoch(height),
                timestamp=Unsigned(begins_s + height),
                win_post_proof=proofs,
            )
            for number in range(LONG_BLOCKS)
        )
        key = tipset.key
        found[key] = tipset.blocks
    return dict(reversed(found.items()))
