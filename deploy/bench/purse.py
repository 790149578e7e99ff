"""Attacks with money: messages that everyone takes, from an account that genesis knows, to have every pool's room."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from thespis.deploy.bench.campaigns import GOSSIP, in_invented_name
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import sign
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.wire.topics import messages_topic

if TYPE_CHECKING:
    from thespis.deploy.bench.attacks import Attacker

POOL_MESSAGES = 40
"""What the besieged node's pool holds, so that it is full soon."""
NONCES = 4 * POOL_MESSAGES
GAS_LIMIT, DEAR = 1_000_000, 10**9
FORTUNE = 10**24
"""attoFIL: most of what the account has; each message promises all of it."""
SEND_EVERY_S = 0.005


class Purse:
    """Spends what one account has, again and again."""

    def __init__(self, attacker: Attacker) -> None:
        self._attacker = attacker
        self._key = attacker.field.miner.account

    def floods(self) -> dict[str, Callable[[float], None]]:
        """What costs by its quantity."""
        return {"dear messages": self._dear}

    def messages(self, value: int) -> list[bytes]:
        """One message for each nonce, dearer than anybody's, each of this value."""
        key, made = self._key, []
        for nonce in range(NONCES):
            message = Message(
                Unsigned(0), key.address, key.address, Unsigned(nonce), TokenAmount(value), GAS_LIMIT,
                TokenAmount(DEAR), TokenAmount(DEAR), Unsigned(0), b"",
            )  # fmt: skip
            made.append(SignedMessage(message, sign(key.kind, key.private, message.signing_bytes())).encode())
        return made

    def _dear(self, seconds: float) -> None:
        topic = messages_topic(self._attacker.field.network)
        frames = [in_invented_name(topic, data) for data in (*self.messages(FORTUNE), *self.messages(0))]

        async def write_all(host: Any, peer: Any) -> None:
            import trio

            stream = await host.new_stream(peer, [GOSSIP])
            for frame in frames:
                await stream.write(frame)
                await trio.sleep(SEND_EVERY_S)

        with self._attacker.stranger() as stranger:
            stranger.in_host(write_all)
            stranger.dropped(seconds)
