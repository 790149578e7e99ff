"""Messages that wait, a chain of nonces per sender, bounded per sender and in all.

What a message must pay to take another's place says `protocols.chain.fees`, which messages come here at all
`protocols.consensus.admission` (Lotus v1.4.0 ``chain/messagepool/messagepool.go``; reference: formats, section 5.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from thespis.protocols.chain.fees import replacement_premium
from thespis.protocols.chain.message import SignedMessage
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import PoolError

SENDER_MESSAGES_MAX = 1000


class PoolFullError(PoolError):
    """The pool holds as much as it may, and the message pays no more than what it would push out."""


class ReplaceFeeError(PoolError):
    """Another message of this sender and nonce waits, and this one does not pay enough more."""


@dataclass(slots=True)
class _Chain:
    by_nonce: dict[int, SignedMessage] = field(default_factory=dict)


class Pending:
    """The messages, by sender (an id address where it is known) and nonce."""

    def __init__(self, messages_max: int) -> None:
        self._max = messages_max
        self._chains: dict[Address, _Chain] = {}
        self._by_cid: dict[Cid, tuple[Address, int]] = {}

    def __len__(self) -> int:
        return len(self._by_cid)

    def __contains__(self, cid: Cid) -> bool:
        return cid in self._by_cid

    def __iter__(self) -> Iterator[SignedMessage]:
        for sender in self._chains:
            yield from self.of_sender(sender)

    def senders(self) -> list[Address]:
        """Everyone who has a message here."""
        return list(self._chains)

    def of_sender(self, sender: Address) -> list[SignedMessage]:
        """A sender's messages in nonce order."""
        chain = self._chains.get(sender)
        return [] if chain is None else [chain.by_nonce[nonce] for nonce in sorted(chain.by_nonce)]

    def get(self, cid: Cid) -> SignedMessage | None:
        """A message by its chain CID."""
        place = self._by_cid.get(cid)
        return None if place is None else self._chains[place[0]].by_nonce[place[1]]

    def next_nonce(self, sender: Address, nonce: int) -> int:
        """The first nonce from the account's own on that no message of the sender has.

        A gap is filled before anything is put behind it (Lotus v1.4.0 ``chain/messagepool/messagepool.go``,
        MessagePool.getNonceLocked).
        """
        chain = self._chains.get(sender)
        while chain is not None and nonce in chain.by_nonce:
            nonce += 1
        return nonce

    def check(self, sender: Address, signed: SignedMessage) -> None:
        """Raise PoolError if there is no room for a message, or it replaces one for too little."""
        chain = self._chains.get(sender)
        message = signed.message
        present = chain.by_nonce.get(message.nonce) if chain else None
        if present is not None:
            least = replacement_premium(present.message.gas_premium)
            if signed.chain_cid() != present.chain_cid() and message.gas_premium < least:
                raise ReplaceFeeError(
                    f"message {present.chain_cid()} has nonce {message.nonce} already; "
                    f"to replace it the premium must be at least {least}, not {message.gas_premium}"
                )
            return
        if chain and len(chain.by_nonce) >= SENDER_MESSAGES_MAX:
            raise PoolFullError(f"{sender} has {SENDER_MESSAGES_MAX} messages waiting; wait until some are mined")
        if len(self) >= self._max and (cheapest := self._cheapest()) is not None:
            premium = cheapest[1].message.gas_premium
            if message.gas_premium <= premium:
                raise PoolFullError(f"{len(self)} messages wait; one that pays a premium above {premium} is taken")

    def add(self, sender: Address, signed: SignedMessage) -> list[SignedMessage]:
        """Take a checked message; returns what it replaced or pushed out."""
        removed: list[SignedMessage] = []
        chain = self._chains.get(sender)
        present = chain.by_nonce.get(signed.message.nonce) if chain else None
        if present is not None:
            removed.append(present)
            del self._by_cid[present.chain_cid()]
        elif len(self) >= self._max and (cheapest := self._cheapest()) is not None:
            removed.append(cheapest[1])
            self.remove(cheapest[1].chain_cid())
        self._chains.setdefault(sender, _Chain()).by_nonce[signed.message.nonce] = signed
        self._by_cid[signed.chain_cid()] = (sender, signed.message.nonce)
        return removed

    def remove(self, cid: Cid) -> SignedMessage | None:
        """Drop a message; returns it."""
        place = self._by_cid.pop(cid, None)
        if place is None:
            return None
        chain = self._chains[place[0]]
        signed = chain.by_nonce.pop(place[1])
        if not chain.by_nonce:
            del self._chains[place[0]]
        return signed

    def drop_below(self, sender: Address, nonce: int) -> list[SignedMessage]:
        """Drop what a sender can no longer send; returns it."""
        gone = [signed for signed in self.of_sender(sender) if signed.message.nonce < nonce]
        for signed in gone:
            self.remove(signed.chain_cid())
        return gone

    def _cheapest(self) -> tuple[Address, SignedMessage] | None:
        """The last message of the chain whose last message pays least: dropping it leaves no gap."""
        lasts = ((sender, chain.by_nonce[max(chain.by_nonce)]) for sender, chain in self._chains.items())
        return min(lasts, key=lambda each: (each[1].message.gas_premium, each[0]), default=None)
