"""What gossip shows of a peer: the score of GossipSub 1.1, kept alike by the real host and the simulated one.

The function is the specification's (go-libp2p-pubsub ``score.go``, peerScore.score), the weights are Lotus' (v1.4.0
``node/modules/lp2p/pubsub.go``, GossipSub). Counters decay with time and not at heartbeats, so that both worlds need
only a clock:

P1  time in a topic's mesh: next to nothing, it tells peers apart that have done nothing yet.
P2  first deliveries: what a peer is worth, bounded, so that no store of merit pays for a campaign of garbage.
P3  failures to deliver in the mesh: off, as in Lotus, whose networks are too thin to judge by that.
P4  payloads that the topic's rules reject: quadratic, four of them in an hour end the connection.
P5  what the application knows: nothing here; who breaks a protocol is let go of at once and needs no score.
P6  many peers of one address: quadratic beyond the fifth; not for the machine's own address. Their gossip is ignored by
    it, and their connections stay.
P7  misuse of the mesh (grafting against a back-off, floods of offers and wants): quadratic beyond the sixth.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thespis.runtime.p2p.limits import Now

HOUR_S = 3600.0
DECAY_TO = 0.01
"""A counter has decayed when this share of it is left."""
ADDRESS_PEERS_MAX = 5
"""Peers of one address that cost none of them anything."""
ADDRESS_WEIGHT = -100.0
MISUSES_FORGIVEN = 6
MISUSE_WEIGHT, MISUSE_DECAYS_S = -10.0, HOUR_S
RETAIN_S = 6 * HOUR_S
"""How long a score that is no merit is kept when its peer has gone, lest leaving and coming back wash it clean."""
RETAINED_MAX = 4096
"""Peers that are gone and remembered, the longest gone forgotten first."""


@dataclass(frozen=True, slots=True)
class TopicScore:
    """What a topic's payloads are worth; the defaults are those of Lotus' messages."""

    weight: float = 0.1
    mesh_weight: float = 0.0002778
    mesh_s_max: float = 1.0
    first_weight: float = 0.5
    first_decays_s: float = 600.0
    first_max: float = 100.0
    invalid_weight: float = -1000.0
    invalid_decays_s: float = HOUR_S


@dataclass(slots=True)
class _Decaying:
    """A number that shrinks to a hundredth within so many seconds."""

    value: float = 0.0
    since_s: float = 0.0

    def at(self, now_s: float, decays_s: float) -> float:
        left = self.value * float(DECAY_TO ** ((now_s - self.since_s) / decays_s))
        return left if left >= DECAY_TO else 0.0

    def add(self, now_s: float, decays_s: float, most: float = float("inf")) -> None:
        self.value, self.since_s = min(most, self.at(now_s, decays_s) + 1.0), now_s


@dataclass(slots=True)
class _TopicRecord:
    grafted_s: float | None = None
    first: _Decaying = field(default_factory=_Decaying)
    invalid: _Decaying = field(default_factory=_Decaying)


@dataclass(slots=True)
class _Record:
    ip: str = ""
    topics: dict[str, _TopicRecord] = field(default_factory=dict)
    misuses: _Decaying = field(default_factory=_Decaying)
    gone_s: float | None = None


class Scores:
    """Every connected peer's score, and for a while that of those who left with none to be proud of."""

    def __init__(self, topics: Mapping[str, TopicScore], now: Now) -> None:
        self._topics = topics
        self._now = now
        self._records: dict[str, _Record] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._by_ip: Counter[str] = Counter()

    def joined(self, peer: str, ip: str) -> None:
        """A peer is connected, from an address."""
        record = self._records.get(peer)
        if record is not None and record.gone_s is None:
            return
        if record is None or self._now() - (record.gone_s or 0.0) > RETAIN_S:
            record = self._records[peer] = _Record()
        record.ip, record.gone_s = ip, None
        self._gone.pop(peer, None)
        self._by_ip[ip] += 1

    def left(self, peer: str) -> None:
        """A peer is gone."""
        record = self._records.get(peer)
        if record is None or record.gone_s is not None:
            return
        blemished = self.of(peer) < 0
        self._by_ip[record.ip] -= 1
        if not self._by_ip[record.ip]:
            del self._by_ip[record.ip]
        if not blemished:
            del self._records[peer]
            return
        record.gone_s = self._now()
        for topic in record.topics.values():
            topic.grafted_s, topic.first = None, _Decaying()
        self._gone[peer] = None
        if len(self._gone) > RETAINED_MAX:
            oldest, _ = self._gone.popitem(last=False)
            del self._records[oldest]

    def _topic(self, peer: str, topic: str) -> _TopicRecord | None:
        record = self._records.get(peer)
        return None if record is None or topic not in self._topics else record.topics.setdefault(topic, _TopicRecord())

    def grafted(self, peer: str, topic: str) -> None:
        """A peer is in a topic's mesh."""
        record = self._topic(peer, topic)
        if record is not None and record.grafted_s is None:
            record.grafted_s = self._now()

    def pruned(self, peer: str, topic: str) -> None:
        """A peer is in a topic's mesh no more."""
        record = self._topic(peer, topic)
        if record is not None:
            record.grafted_s = None

    def delivered(self, peer: str, topic: str) -> None:
        """A peer was the first to bring a good payload."""
        record = self._topic(peer, topic)
        if record is not None:
            rules = self._topics[topic]
            record.first.add(self._now(), rules.first_decays_s, rules.first_max)

    def invalid(self, peer: str, topic: str) -> None:
        """A peer brought what the topic's rules reject; of no topic of ours, it counts in each."""
        for name in (topic,) if topic in self._topics else self._topics:
            record = self._topic(peer, name)
            if record is not None:
                record.invalid.add(self._now(), self._topics[name].invalid_decays_s)

    def misused(self, peer: str) -> None:
        """A peer misused the mesh."""
        record = self._records.get(peer)
        if record is not None:
            record.misuses.add(self._now(), MISUSE_DECAYS_S)

    def of(self, peer: str) -> float:
        """The score; 0 is that of a peer of whom nothing is known. Any thread may ask."""
        record = self._records.get(peer)
        if record is None or record.gone_s is not None or is_own_machine(record.ip):
            return self.conduct(peer)
        crowd = max(0, self._by_ip[record.ip] - ADDRESS_PEERS_MAX)
        return self.conduct(peer) + ADDRESS_WEIGHT * crowd**2

    def conduct(self, peer: str) -> float:
        """The score by what the peer itself did: whom it shares an address with is no reason to let go of it."""
        record = self._records.get(peer)
        if record is None:
            return 0.0
        now_s = self._now()
        score = sum(self._of_topic(self._topics[name], topic, now_s) for name, topic in tuple(record.topics.items()))
        misuses = record.misuses.at(now_s, MISUSE_DECAYS_S) - MISUSES_FORGIVEN
        if misuses > 0:
            score += MISUSE_WEIGHT * misuses**2
        return score

    def _of_topic(self, rules: TopicScore, record: _TopicRecord, now_s: float) -> float:
        in_mesh_s = 0.0 if record.grafted_s is None else now_s - record.grafted_s
        invalid = record.invalid.at(now_s, rules.invalid_decays_s)
        return rules.weight * (
            rules.mesh_weight * min(rules.mesh_s_max, in_mesh_s)
            + rules.first_weight * record.first.at(now_s, rules.first_decays_s)
            + rules.invalid_weight * invalid**2
        )


def is_own_machine(ip: str) -> bool:
    """Whether an address is a machine's own, which every node of a local network shares."""
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False
