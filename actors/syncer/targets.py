"""Where the Syncer wants to go, which blocks wait for that, and how far it is."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter

from thespis.actors.messages.syncer import BlockGossiped, SyncStatus
from thespis.protocols.chain.block import BlockMessage
from thespis.protocols.chain.tipset import Tipset, TipsetKey

logger = logging.getLogger(__name__)

LANE_TARGETS_MAX = 8
"""Targets of one who answers for them; the lightest gives way."""
LANES_MAX = 512
SYNCS_MAX = 8
"""Targets that are fetched at once, and only while none of them gets on."""
STALL_S = 1.0
"""When a sync has executed nothing for so long, another one is begun beside it."""
PLACE_S, HEADERS_PER_S_MIN = 60.0, 20
"""While all places are taken and others wait, a sync may take so long until it executes something, and longer by what
its headers take at this rate."""
BACKOFF_FIRST_S, BACKOFF_MAX_S = 1.0, 120.0
"""A lane waits so long after its first failure, twice as long after each further one, up to the second."""
TRIES_MAX = 8
"""A target that failed so often is forgotten: with the pauses between, after some four minutes."""
ORPHANS_MAX = 256
ORPHANS_BYTES_MAX = 16 << 20
"""Of orphans together, as gossip brought them; a block may name messages by the megabyte."""


@dataclass(frozen=True, slots=True)
class Target:
    """A tipset that somebody says exists; height and weight are the `author`'s word, `peer` is asked for it first.

    `lane` says who bears the cost when it does not (the author, if empty), `attested` that this is a connected peer or
    a miner, and no name that anybody can invent.
    """

    key: TipsetKey
    height: int
    weight: int
    peer: str
    author: str
    lane: str = ""
    attested: bool = True


@dataclass(slots=True)
class _Claim:
    target: Target
    tries: int = 0
    due_s: float = 0.0


@dataclass(slots=True)
class _Lane:
    """What one says exists, and how its word has fared."""

    claims: dict[TipsetKey, _Claim] = field(default_factory=dict)
    attested: bool = False
    mined: bool = False
    """A miner answers for it with a signature, and no peer with a word."""
    busy: bool = False
    failures: int = 0
    due_s: float = 0.0
    begun_s: float = 0.0
    """When its last turn began."""
    turn: int = 0

    def is_due(self, now_s: float) -> bool:
        """Whether it may have a turn now: hundreds are asked that, most of which have nothing left to say."""
        free = bool(self.claims) and not self.busy and self.due_s <= now_s
        return free and any(claim.due_s <= now_s for claim in self.claims.values())

    def best(self, now_s: float) -> _Claim:
        """The heaviest of those that have failed least and whose time has come, of a lane that is due."""
        due = (claim for claim in self.claims.values() if claim.due_s <= now_s)
        return min(due, key=lambda claim: (claim.tries, -claim.target.weight))


class Targets:
    """Targets in lanes, one for each who answers for them; lanes have turns, so that no word holds up another's.

    A heavy head costs nothing to say. So weight decides only within a lane; between lanes, who can least be invented
    comes first, and among these who has failed least and waited longest. A lane that failed waits, twice as long each
    time.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._turns = 0
        self.active = 0
        """Targets that are gone for now."""
        self._moved_s = self._begun_s = float("-inf")

    def __len__(self) -> int:
        return sum(len(lane.claims) for lane in self._lanes.values())

    def __bool__(self) -> bool:
        return any(lane.claims for lane in self._lanes.values())

    def add(self, target: Target) -> None:
        """Remember a target; what was learnt of it, and of its lane, stays."""
        name = target.lane or target.author
        lane = self._lanes.setdefault(name, _Lane(turn=self._turns))
        lane.attested = lane.attested or target.attested
        lane.mined = lane.mined or bool(target.lane)
        known = lane.claims.get(target.key)
        if known is None:
            lane.claims[target.key] = _Claim(target)
        else:
            known.target = target
        if len(lane.claims) > LANE_TARGETS_MAX:
            del lane.claims[min(lane.claims.values(), key=lambda claim: claim.target.weight).target.key]
        if len(self._lanes) > LANES_MAX:
            self._forget_a_lane(name)

    def _forget_a_lane(self, newest: str) -> None:
        """Never one that is busy; an empty one first, then an invented name before a peer, the one that failed most."""
        idle = [(name, lane) for name, lane in self._lanes.items() if not lane.busy and name != newest]
        name, _lane = min(idle, key=lambda each: (bool(each[1].claims), each[1].attested, -each[1].failures))
        del self._lanes[name]

    def take(self, now_s: float, standing: Callable[[str], int] = lambda _peer: 0) -> Target | None:
        """The target to go for now, if any; its lane is busy until it is told how that ended.

        Lanes of miners, and of peers by their `standing`, come before those of peers that only came, however many these
        are. A lane that fails waits, so the few in front cannot keep the others out.
        """
        if self.active >= SYNCS_MAX or (self.active and now_s < max(self._moved_s, self._begun_s) + STALL_S):
            return None
        free = [
            ((0 if lane.mined else standing(name), not lane.attested, lane.failures, lane.turn), lane)
            for name, lane in self._lanes.items()
            if lane.is_due(now_s)
        ]
        if not free:
            return None
        _rank, lane = min(free, key=itemgetter(0))
        claim = lane.best(now_s)
        self._turns += 1
        lane.busy, lane.turn = True, self._turns
        self.active += 1
        self._begun_s = lane.begun_s = now_s
        return claim.target

    def must_yield(self, target: Target, headers: int, now_s: float) -> bool:
        """Whether a sync that has fetched so many headers gives up its place.

        Headers can be made up, and given one at a time as late as is allowed: all places would be taken for hours.
        """
        since_s = max(self._lanes[target.lane or target.author].begun_s, self._moved_s)
        if self.active < SYNCS_MAX or now_s < since_s + PLACE_S + headers / HEADERS_PER_S_MIN:
            return False
        return any(lane.is_due(now_s) for lane in self._lanes.values())

    def moved(self, now_s: float) -> None:
        """A sync has executed a tipset that was not known."""
        self._moved_s = now_s

    def reached(self, target: Target) -> None:
        """The target is known now; whoever named it told the truth."""
        self._leave(target)
        for lane in self._lanes.values():
            if lane.claims.pop(target.key, None) is not None:
                lane.failures, lane.due_s = 0, 0.0

    def refused(self, target: Target) -> None:
        """What was said of the target is not so; others may have said otherwise, and may be right."""
        self._leave(target).claims.pop(target.key, None)

    def forget(self, key: TipsetKey) -> None:
        """The tipset is none to go for, whoever names it."""
        for lane in self._lanes.values():
            lane.claims.pop(key, None)

    def failed(self, target: Target, now_s: float) -> None:
        """Nobody gave it; its lane waits, and may be right another time. So do those who name it and nobody knows."""
        lane = self._leave(target)
        lane.due_s = now_s + min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(lane.failures, 16))
        lane.failures += 1
        for other in self._lanes.values():
            if target.key in other.claims and not other.attested:
                other.claims[target.key].due_s = max(other.claims[target.key].due_s, lane.due_s)
        claim = lane.claims.get(target.key)
        if claim is not None:
            claim.tries += 1
            if claim.tries >= TRIES_MAX:
                del lane.claims[target.key]

    def early(self, target: Target, due_s: float) -> None:
        """Its time has not come, which is nobody's fault; try it again then."""
        claim = self._leave(target).claims.get(target.key)
        if claim is not None:
            claim.due_s = due_s

    def _leave(self, target: Target) -> _Lane:
        lane = self._lanes[target.lane or target.author]
        lane.busy = False
        self.active -= 1
        self._begun_s = float("-inf")
        return lane


class Orphans:
    """Gossiped blocks whose parents are not known yet; bounded, oldest out first.

    A block waits in the lane of its miner, or if that is not attested in the one without a name. The lane that takes
    most loses a block, so that nobody's blocks push out another's.
    """

    def __init__(self) -> None:
        self._waiting: dict[TipsetKey, list[tuple[BlockMessage, BlockGossiped, str]]] = {}
        self._by_lane: Counter[str] = Counter()
        self._bytes_by_lane: Counter[str] = Counter()

    def add(self, parents: TipsetKey, block: BlockMessage, gossip: BlockGossiped, lane: str = "") -> None:
        """Keep a block until its parents are known."""
        self._waiting.setdefault(parents, []).append((block, gossip, lane))
        self._by_lane[lane] += 1
        self._bytes_by_lane[lane] += len(gossip.data)
        for lanes, most in ((self._by_lane, ORPHANS_MAX), (self._bytes_by_lane, ORPHANS_BYTES_MAX)):
            while lanes.total() > most:
                [(worst, _count)] = lanes.most_common(1)
                self._drop_oldest(worst)

    def _drop_oldest(self, lane: str) -> None:
        for parents, waiting in self._waiting.items():
            for place, (_block, gossip, owner) in enumerate(waiting):
                if owner == lane:
                    del waiting[place]
                    self._count_off(lane, gossip)
                    if not waiting:
                        del self._waiting[parents]
                    return

    def _count_off(self, lane: str, gossip: BlockGossiped) -> None:
        self._by_lane[lane] -= 1
        self._bytes_by_lane[lane] -= len(gossip.data)
        if not self._by_lane[lane]:
            del self._by_lane[lane], self._bytes_by_lane[lane]

    def demand(self, parents: TipsetKey) -> bool:
        """Whether a block that somebody answers for has been built on a tipset."""
        return any(lane for _block, _gossip, lane in self._waiting.get(parents, ()))

    def take(self, parents: TipsetKey) -> list[tuple[BlockMessage, BlockGossiped]]:
        """The blocks that waited for a tipset."""
        found = self._waiting.pop(parents, [])
        for _block, gossip, lane in found:
            self._count_off(lane, gossip)
        return [(block, gossip) for block, gossip, _lane in found]


class Progress:
    """How far the present sync is, and what went wrong since the last that ended well."""

    def __init__(self) -> None:
        self.error = ""
        self.fault = ""
        self._stage = "idle"
        self._base = self._target = self._height = 0
        self._since_s = self._now_s = 0.0

    def begin(self, now_s: float, base: int, target: int) -> None:
        """A sync starts."""
        self._stage = "headers"
        self._base = self._height = base
        self._target = max(base, target)
        self._since_s = self._now_s = now_s

    def reached(self, now_s: float, height: int) -> None:
        """A tipset was executed."""
        if self._stage != "messages":
            self._stage, self._since_s, self._base = "messages", now_s, height - 1
        self._height, self._now_s = height, now_s
        self._target = max(self._target, height)

    @contextmanager
    def telling_faults(self, tipset: Tipset) -> Iterator[None]:
        """An execution of valid blocks that fails is a fault of this node, and who asks how it is must hear of it."""
        try:
            yield
        except Exception as error:
            self.fault = f"cannot execute the tipset at height {tipset.height}: {type(error).__name__}: {error}"
            logger.exception("this node %s", self.fault)
            raise
        self.fault = ""

    def end(self) -> None:
        """Nothing is left to sync to."""
        self._stage = "idle"

    def status(self, head: int, bad_blocks: int) -> SyncStatus:
        """For people and scripts."""
        elapsed_s = self._now_s - self._since_s
        rate = (self._height - self._base) / elapsed_s if elapsed_s > 0 else 0.0
        left = self._target - self._height
        remaining_s = 0.0 if self._stage == "idle" else left / rate if rate > 0 else -1.0
        target = max(head, self._target)
        return SyncStatus(self._stage, head, target, self._base, rate, remaining_s, self.error, bad_blocks, self.fault)
