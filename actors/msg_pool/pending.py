"""Messages that wait, a chain of nonces per sender, bounded per sender and in all, by count and by bytes.

What a message must pay to take another's place says `protocols.chain.fees`, which messages come here at all
`protocols.consensus.admission` (Lotus v1.4.0 ``chain/messagepool/messagepool.go``, msgSet.add and checkBalance, and
``pruning.go``; reference: formats, section 5.3).

Three rules keep a stranger from having the room of others. What one sender has waiting is together no more than it can
pay, so that room costs money. In a full pool only better pay takes another's place, by what a miner would earn at the
present base fee: a fee cap below it promises what it never pays. And what this node's users sent has a place until it
is mined: it is never pushed out, and pushes out.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from thespis.protocols.chain.fees import replacement_premium
from thespis.protocols.chain.message import SignedMessage
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import PoolError

SENDER_MESSAGES_MAX = 1000
"""Messages of one sender that wait at most (Lotus: MaxActorPendingMessages)."""
UNTRUSTED_MESSAGES_MAX = 10
"""The same, for what somebody brings who is neither a user nor a peer (Lotus: MaxUntrustedActorPendingMessages)."""


UNLIMITED = 1 << 256
"""More than anybody has."""


class PoolFullError(PoolError):
    """The pool holds as much as it may, and the message pays no more than what it would push out."""


class ReplaceFeeError(PoolError):
    """Another message of this sender and nonce waits, and this one does not pay enough more."""


class Trust(enum.Enum):
    """Who brings a message, which says how much room it may take."""

    OWN = "own"
    """A user of this node: has the message kept, whatever others pay."""
    PEER = "peer"
    UNTRUSTED = "untrusted"
    """Somebody by an interface that is open to all: a few messages, in order."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much waits at most, and how many nonces a peer's message may leave out."""

    messages_max: int
    bytes_max: int
    nonce_gap_max: int

    def of(self, trust: Trust) -> tuple[int, int]:
        """How many nonces may be left out, and how many messages of one sender may wait."""
        if trust is Trust.OWN:
            return SENDER_MESSAGES_MAX, SENDER_MESSAGES_MAX
        return (self.nonce_gap_max, SENDER_MESSAGES_MAX) if trust is Trust.PEER else (0, UNTRUSTED_MESSAGES_MAX)


@dataclass(slots=True)
class _Waiting:
    signed: SignedMessage
    size: int
    own: bool

    @property
    def cost(self) -> int:
        return self.signed.message.highest_cost()


@dataclass(slots=True)
class _Chain:
    by_nonce: dict[int, _Waiting] = field(default_factory=dict)
    cost: int = 0
    """What all of them may cost together, in attoFIL."""

    def last(self) -> _Waiting:
        return self.by_nonce[max(self.by_nonce)]


class Pending:
    """The messages, by sender (an id address where it is known) and nonce."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._chains: dict[Address, _Chain] = {}
        self._by_cid: dict[Cid, tuple[Address, int]] = {}
        self._cheapest: list[tuple[int, Address, bytes]] = []
        """A heap of the last messages of chains, by what they pay, with entries that are none any more."""
        self._base_fee = 0
        self.size_bytes = 0

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
        return [] if chain is None else [chain.by_nonce[nonce].signed for nonce in sorted(chain.by_nonce)]

    def places(self) -> Iterator[tuple[bytes, SignedMessage]]:
        """Every message with bytes that say where it stands: sender and nonce."""
        for sender, chain in self._chains.items():
            for nonce, waiting in chain.by_nonce.items():
                yield sender.data + nonce.to_bytes(8, "big"), waiting.signed

    def get(self, cid: Cid) -> SignedMessage | None:
        """A message by its chain CID."""
        place = self._by_cid.get(cid)
        return None if place is None else self._chains[place[0]].by_nonce[place[1]].signed

    def next_nonce(self, sender: Address, nonce: int) -> int:
        """The first nonce from the account's own on that no message of the sender has.

        A gap is filled before anything is put behind it (Lotus v1.4.0 ``chain/messagepool/messagepool.go``,
        MessagePool.getNonceLocked).
        """
        chain = self._chains.get(sender)
        while chain is not None and nonce in chain.by_nonce:
            nonce += 1
        return nonce

    # -- taking ----------------------------------------------------------------------------------------------

    def add(
        self,
        sender: Address,
        signed: SignedMessage,
        trust: Trust,
        *,
        nonce: int,
        balance: int,
        accepted: Callable[[], object] = lambda: None,
    ) -> list[SignedMessage]:
        """Take a message that is not here, of an account at this nonce and balance; returns what had to go for it.

        Raises PoolError, or what `accepted` raises, and then nothing has changed. That is called once nothing else can
        refuse the message, for what must be done before it counts.
        """
        chain = self._chains.get(sender, _Chain())
        present = chain.by_nonce.get(signed.message.nonce)
        waiting = _Waiting(signed, len(signed.encode()), trust is Trust.OWN)
        if present is None:
            self._check_place(sender, signed, trust, nonce)
        else:
            _check_premium(present.signed, signed)
        together = chain.cost + waiting.cost - (present.cost if present is not None else 0)
        if together > balance:
            raise PoolError(
                f"with what waits of {sender}, value and gas may cost {together} attoFIL; it has {balance}: "
                "wait until some are mined, or send it more FIL"
            )
        gone = [] if present is None else [(sender, present)]
        try:
            if present is not None:
                self._take_out(sender, present)
            self._make_room(sender, waiting, gone)
            accepted()
        except BaseException:
            for owner, each in reversed(gone):
                self._put(owner, each)
            raise
        self._put(sender, waiting)
        return [each.signed for _owner, each in gone]

    def keep(self, cid: Cid) -> bool:
        """A message that waits is a user's own, too; returns whether it waits and was not."""
        place = self._by_cid.get(cid)
        if place is None:
            return False
        waiting = self._chains[place[0]].by_nonce[place[1]]
        was, waiting.own = waiting.own, True
        return not was

    def bring_back(self, sender: Address, signed: SignedMessage) -> list[SignedMessage]:
        """Take a user's message that was accepted before: whatever the account has now, it only needs room."""
        return self.add(sender, signed, Trust.OWN, nonce=signed.message.nonce, balance=UNLIMITED)

    def _check_place(self, sender: Address, signed: SignedMessage, trust: Trust, nonce: int) -> None:
        gap_max, messages_max = self._bounds.of(trust)
        following = self.next_nonce(sender, nonce)
        if signed.message.nonce > following + gap_max:
            raise PoolError(
                f"nonce {signed.message.nonce}; the next of {sender} is {following}, the gap may be {gap_max}"
            )
        chain = self._chains.get(sender)
        if chain is not None and len(chain.by_nonce) >= messages_max:
            raise PoolFullError(f"{sender} has {messages_max} messages waiting; wait until some are mined")

    def _make_room(self, sender: Address, coming: _Waiting, gone: list[tuple[Address, _Waiting]]) -> None:
        """Push out what pays less, cheapest first, until the message fits, noting it; raises PoolFullError."""
        bounds = self._bounds
        while len(self) >= bounds.messages_max or self.size_bytes + coming.size > bounds.bytes_max:
            found = self._cheapest_last(sender)
            if found is None or not (coming.own or self._pay(found[1]) < self._pay(coming)):
                better = (
                    f"one that pays more than {self._pay(found[1])} attoFIL per gas is taken" if found else "try later"
                )
                raise PoolFullError(
                    f"{len(self)} messages of {self.size_bytes} bytes wait, the bounds are {bounds.messages_max} and "
                    f"{bounds.bytes_max}; {better}"
                )
            self._take_out(*found)
            gone.append(found)

    def _cheapest_last(self, but: Address) -> tuple[Address, _Waiting] | None:
        """The last message of the chain whose last message pays least: dropping it leaves no gap.

        None of a user's own, and none of the sender whose next message comes.
        """
        passed: list[tuple[int, Address, bytes]] = []
        found = None
        while self._cheapest and found is None:
            entry = self._cheapest[0]
            chain = self._chains.get(entry[1])
            if chain is not None and (last := chain.last()).signed.chain_cid().data == entry[2] and not last.own:
                if entry[1] != but:
                    found = entry[1], last
                    break
                passed.append(entry)
            heapq.heappop(self._cheapest)
        for entry in passed[:1]:
            heapq.heappush(self._cheapest, entry)
        return found

    def _pay(self, waiting: _Waiting) -> int:
        """What a miner earns per gas at the present base fee, below zero for what no block can take."""
        message = waiting.signed.message
        return min(message.gas_premium, message.gas_fee_cap - self._base_fee)

    def at_base_fee(self, base_fee: int) -> None:
        """The base fee is another; so is what each message pays."""
        if base_fee != self._base_fee:
            self._base_fee = base_fee
            self._order_anew()

    def _order_anew(self) -> None:
        lasts = ((each, chain.last()) for each, chain in self._chains.items())
        self._cheapest = [(self._pay(last), each, last.signed.chain_cid().data) for each, last in lasts]
        heapq.heapify(self._cheapest)

    def _note_last(self, sender: Address) -> None:
        """The chain's last message may be another now; a heap that is mostly of the past is made anew."""
        last = self._chains[sender].last()
        heapq.heappush(self._cheapest, (self._pay(last), sender, last.signed.chain_cid().data))
        if len(self._cheapest) > 2 * len(self._by_cid) + 16:
            self._order_anew()

    def _put(self, sender: Address, waiting: _Waiting) -> None:
        chain = self._chains.setdefault(sender, _Chain())
        nonce = waiting.signed.message.nonce
        chain.by_nonce[nonce] = waiting
        chain.cost += waiting.cost
        self._by_cid[waiting.signed.chain_cid()] = (sender, nonce)
        self.size_bytes += waiting.size
        self._note_last(sender)

    def _take_out(self, sender: Address, waiting: _Waiting) -> None:
        chain = self._chains[sender]
        del chain.by_nonce[waiting.signed.message.nonce], self._by_cid[waiting.signed.chain_cid()]
        chain.cost -= waiting.cost
        self.size_bytes -= waiting.size
        if chain.by_nonce:
            self._note_last(sender)
        else:
            del self._chains[sender]

    # -- leaving ---------------------------------------------------------------------------------------------

    def remove(self, cid: Cid) -> SignedMessage | None:
        """Drop a message; returns it."""
        place = self._by_cid.get(cid)
        if place is None:
            return None
        waiting = self._chains[place[0]].by_nonce[place[1]]
        self._take_out(place[0], waiting)
        return waiting.signed

    def settle(self, sender: Address, nonce: int, balance: int) -> list[SignedMessage]:
        """Drop what an account at this nonce can no longer send, and of the rest what it can no longer pay.

        The last ones go first, and no user's own: those wait until there is money again.
        """
        gone = [signed for signed in self.of_sender(sender) if signed.message.nonce < nonce]
        for signed in gone:
            self.remove(signed.chain_cid())
        while (chain := self._chains.get(sender)) is not None and chain.cost > balance and not chain.last().own:
            gone.append(chain.last().signed)
            self._take_out(sender, chain.last())
        return gone


def _check_premium(present: SignedMessage, signed: SignedMessage) -> None:
    least = replacement_premium(present.message.gas_premium)
    if signed.message.gas_premium < least:
        raise ReplaceFeeError(
            f"message {present.chain_cid()} has nonce {signed.message.nonce} already; "
            f"to replace it the premium must be at least {least}, not {signed.message.gas_premium}"
        )
