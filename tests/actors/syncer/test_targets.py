"""What the Syncer aims at and what waits for it; nobody's made-up heads and blocks hold up or push out another's."""

from thespis.actors.messages.syncer import BlockGossiped
from thespis.actors.syncer import targets as module
from thespis.actors.syncer.targets import (
    BACKOFF_MAX_S,
    HEADERS_PER_S_MIN,
    LANE_TARGETS_MAX,
    LANES_MAX,
    ORPHANS_MAX,
    PLACE_S,
    STALL_S,
    SYNCS_MAX,
    TRIES_MAX,
    Orphans,
    Progress,
    Target,
    Targets,
)
from thespis.protocols.encoding.cid import Cid

GOSSIP = BlockGossiped("source", "author", b"data")


def key(number):
    return (Cid.of(b"tipset %d" % number),)


def target(number, weight, author="author", **more):
    return Target(key(number), number, weight, "peer", author, **more)


def all_of(targets):
    """Every target in the order of its turn, each given up at once."""
    found = []
    while (best := targets.take(0.0)) is not None:
        found.append(best)
        targets.refused(best)
    return found


def test_slow_headers_give_up_their_place_when_all_are_taken_and_others_wait():
    targets = Targets()
    for number in range(SYNCS_MAX):
        targets.add(target(number, 10**30, f"liar {number}"))
    liars = [targets.take(number * STALL_S) for number in range(SYNCS_MAX)]
    late_s = SYNCS_MAX * STALL_S + PLACE_S
    assert not targets.must_yield(liars[0], 0, late_s), "nobody waits"
    targets.add(target(99, 1, "honest"))
    assert targets.take(late_s) is None
    assert targets.must_yield(liars[0], 10, late_s)
    assert not targets.must_yield(liars[0], int(late_s) * HEADERS_PER_S_MIN, late_s), "it gets on with its headers"
    targets.moved(late_s)
    assert not targets.must_yield(liars[0], 0, late_s + PLACE_S - 1), "somebody gets on, and nobody is kept from it"
    assert targets.must_yield(liars[0], 0, late_s + PLACE_S)
    targets.failed(liars[0], late_s)
    assert targets.take(late_s + STALL_S).author == "honest"


def test_within_a_lane_the_heaviest_is_tried_first_and_a_target_is_kept_once():
    targets = Targets()
    assert targets.take(0.0) is None
    for number, weight in ((1, 30), (2, 50), (3, 10)):
        targets.add(target(number, weight))
    targets.add(target(3, 40))
    assert [each.weight for each in all_of(targets)] == [50, 40, 30]


def test_lanes_have_turns_whatever_weight_they_claim():
    targets = Targets()
    for number in range(5):
        targets.add(target(number, 10**30, "liar"))
    targets.add(target(7, 10, "honest"))
    targets.add(target(8, 20, "honest"))
    found = [(each.author, each.weight) for each in all_of(targets)]
    assert found[:4] == [("liar", 10**30), ("honest", 20), ("liar", 10**30), ("honest", 10)]


def test_a_name_that_anybody_can_invent_comes_after_peers_and_miners():
    targets = Targets()
    for number in range(20):
        targets.add(target(number, 10**30, f"invented {number}", attested=False))
    targets.add(target(100, 1, "invented 3", lane="miner f01000"))
    assert targets.take(0.0).height == 100


def test_another_is_begun_beside_one_that_does_not_get_on():
    targets = Targets()
    for number in range(SYNCS_MAX + 2):
        targets.add(target(number, 10, f"peer {number}"))
    assert targets.take(0.0) is not None
    assert targets.take(STALL_S - 0.1) is None, "not yet"
    targets.moved(1.0)
    assert targets.take(STALL_S + 0.9) is None, "it gets on"
    begun = [targets.take(100.0 + number * STALL_S) for number in range(SYNCS_MAX)]
    assert [each is not None for each in begun] == [True] * (SYNCS_MAX - 1) + [False]
    assert SYNCS_MAX == 8


def test_one_that_is_over_at_once_holds_up_nobody_beside_one_that_does_not_get_on():
    """What is early or refused costs nothing; or a peer with a thousand such heads would be given every turn."""
    targets = Targets()
    for number in range(4):
        targets.add(target(number, 10, f"peer {number}"))
    stuck = targets.take(0.0)
    brief = targets.take(STALL_S)
    assert targets.take(STALL_S) is None, "it was begun just now"
    targets.refused(brief)
    assert targets.take(STALL_S) is not None, "its place is free, and the first is stuck still"
    targets.moved(STALL_S)
    targets.reached(stuck)
    assert targets.take(STALL_S + 0.1) is None, "the other gets on"


def test_a_failure_costs_its_lane_a_pause_that_doubles_and_no_other():
    targets = Targets()
    targets.add(target(1, 10**30, "liar"))
    now_s, pauses = 0.0, []
    while (tried := targets.take(now_s)) is not None:
        targets.failed(tried, now_s)
        targets.add(target(2, 10**30, "liar"))
        since_s = now_s
        while targets.take(now_s) is None and now_s < since_s + 200:
            now_s += 1.0
        pauses.append(now_s - since_s)
        if len(pauses) == 9:
            break
        targets.early(target(2, 0, "liar") if targets.active else tried, 0.0)
    assert pauses[:7] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
    assert pauses[7:] == [BACKOFF_MAX_S, BACKOFF_MAX_S]
    targets = Targets()
    targets.add(target(1, 10, "liar"))
    targets.failed(targets.take(0.0), 0.0)
    targets.add(target(2, 10, "honest"))
    assert targets.take(0.0).author == "honest"


def test_what_nobody_gave_is_not_asked_for_again_at_once_in_the_name_of_whom_nobody_knows():
    """A hundred blocks over one tipset that does not exist, each of another author, are one thing to ask for."""
    targets = Targets()
    for number in range(100):
        targets.add(target(1, 10, f"invented {number}", attested=False))
    targets.add(target(2, 10, "invented 7", attested=False))
    targets.add(target(1, 10, "peer"))
    assert targets.take(0.0).author == "peer"
    targets.failed(target(1, 10, "peer"), 0.0)
    assert targets.take(0.5).height == 2
    targets.refused(target(2, 10, "invented 7", attested=False))
    assert targets.take(0.5) is None
    assert targets.take(1.0).author == "peer"
    targets.failed(target(1, 10, "peer"), 1.0)
    targets.add(target(1, 10, "another peer"))
    assert targets.take(1.5).author == "another peer", "who answers for it may know better"


def test_who_was_right_begins_anew_and_what_failed_too_often_is_forgotten():
    targets = Targets()
    targets.add(target(1, 10))
    now_s = 0.0
    for _ in range(TRIES_MAX):
        assert len(targets) == 1
        now_s += BACKOFF_MAX_S
        targets.failed(targets.take(now_s), now_s)
    assert (len(targets), TRIES_MAX) == (0, 8)
    targets.add(target(2, 10))
    assert targets.take(now_s) is None
    now_s += BACKOFF_MAX_S
    targets.reached(targets.take(now_s))
    targets.add(target(3, 10))
    assert targets.take(now_s) is not None


def test_what_is_reached_or_refused_is_so_for_all_who_named_it():
    targets = Targets()
    for author in ("first", "second"):
        targets.add(target(1, 10, author))
    targets.reached(targets.take(0.0))
    assert len(targets) == 0
    for author in ("first", "second"):
        targets.add(target(1, 10, author))
    targets.refused(targets.take(0.0))
    assert len(targets) == 1, "the other may have said something else of it"
    targets.forget(key(1))
    assert len(targets) == 0


def test_what_is_early_is_tried_again_when_its_time_has_come_at_no_cost():
    targets = Targets()
    targets.add(target(1, 10**6))
    targets.add(target(2, 10))
    targets.early(targets.take(0.0), 30.0)
    found = targets.take(0.0)
    assert found.height == 2
    targets.reached(found)
    assert targets.take(29.9) is None
    assert targets.take(30.0).height == 1


def test_beyond_the_bound_of_a_lane_its_lightest_gives_way():
    targets = Targets()
    targets.add(target(1000, 1, "another"))
    for number in range(LANE_TARGETS_MAX):
        targets.add(target(number, 100 + number))
    targets.add(target(LANE_TARGETS_MAX, 1))
    assert len(targets) == LANE_TARGETS_MAX + 1 == 9
    targets.add(target(LANE_TARGETS_MAX, 10**6))
    found = all_of(targets)
    assert sorted(each.weight for each in found) == [1, *range(101, 108), 10**6]


def test_beyond_the_bound_of_lanes_invented_names_go_first(monkeypatch):
    assert LANES_MAX == 512
    monkeypatch.setattr(module, "LANES_MAX", 4)
    targets = Targets()
    targets.add(target(1, 1, "peer"))
    for number in range(100):
        targets.add(target(number, 10**30, f"invented {number}", attested=False))
    assert len(targets._lanes) == 4
    assert targets.take(0.0).author == "peer"


def gossip(size):
    return BlockGossiped("source", "author", bytes(size))


GOSSIP = gossip(1)


def test_orphans_wait_for_their_parents_by_tipset():
    orphans = Orphans()
    orphans.add(key(1), "first", GOSSIP)
    orphans.add(key(2), "other", GOSSIP)
    orphans.add(key(1), "second", GOSSIP)
    assert orphans.take(key(1)) == [("first", GOSSIP), ("second", GOSSIP)]
    assert orphans.take(key(1)) == []
    assert orphans.take(key(2)) == [("other", GOSSIP)]


def test_beyond_the_bound_the_oldest_orphans_go():
    assert ORPHANS_MAX == 256
    orphans = Orphans()
    for number in range(ORPHANS_MAX):
        orphans.add(key(number), number, GOSSIP)
    assert orphans.take(key(0)) == [(0, GOSSIP)], "all have room at the bound"
    orphans.add(key(0), 0, GOSSIP)
    orphans.add(key(ORPHANS_MAX), "one more", GOSSIP)
    assert orphans.take(key(1)) == [], "the oldest"
    for number in (0, *range(2, ORPHANS_MAX)):
        assert orphans.take(key(number)) == [(number, GOSSIP)]
    assert orphans.take(key(ORPHANS_MAX)) == [("one more", GOSSIP)]


def test_orphans_of_one_tipset_count_each(monkeypatch):
    monkeypatch.setattr(module, "ORPHANS_MAX", 3)
    orphans = Orphans()
    for number in range(3):
        orphans.add(key(1), number, GOSSIP)
    orphans.add(key(2), 3, GOSSIP)
    assert orphans.take(key(1)) == [(1, GOSSIP), (2, GOSSIP)], "the oldest has gone"
    assert orphans.take(key(2)) == [(3, GOSSIP)]


def test_orphans_together_have_a_bounded_length_and_the_longest_lane_loses(monkeypatch):
    assert module.ORPHANS_BYTES_MAX == 16 << 20
    monkeypatch.setattr(module, "ORPHANS_BYTES_MAX", 1000)
    orphans = Orphans()
    long, short = BlockGossiped("", "", bytes(300)), BlockGossiped("", "", bytes(10))
    for number in range(3):
        orphans.add(key(number), number, short, "miner f01000")
    for number in range(10, 16):
        orphans.add(key(number), number, long)
    assert [bool(orphans.take(key(number))) for number in range(3)] == [True] * 3
    assert [bool(orphans.take(key(number))) for number in range(10, 16)] == [False] * 3 + [True] * 3
    assert not orphans._by_lane
    assert not orphans._bytes_by_lane


def test_nobodys_orphans_push_out_anothers(monkeypatch):
    monkeypatch.setattr(module, "ORPHANS_MAX", 6)
    orphans = Orphans()
    orphans.add(key(1), "honest", GOSSIP, "miner f01000")
    for number in range(50):
        orphans.add(key(100 + number), number, GOSSIP)
    for number in range(50):
        orphans.add(key(200 + number), number, GOSSIP, "miner f01001")
    assert orphans.demand(key(1))
    assert not orphans.demand(key(149)), "nobody answers for it"
    assert orphans.take(key(1)) == [("honest", GOSSIP)]
    assert not orphans.demand(key(1))


def test_orphans_are_bounded_by_bytes_too(monkeypatch):
    monkeypatch.setattr(module, "ORPHANS_BYTES_MAX", 10)
    orphans = Orphans()
    orphans.add(key(1), "honest", gossip(4), "miner f01000")
    for number in range(3):
        orphans.add(key(10 + number), number, gossip(3), "miner f01001")
    assert orphans.take(key(1)) == [("honest", gossip(4))], "the largest lane loses, though its blocks are smaller"
    assert [len(orphans.take(key(10 + number))) for number in range(3)] == [0, 1, 1]
    orphans.add(key(1), "too large", gossip(11), "miner f01000")
    assert orphans.take(key(1)) == []
    assert not orphans._bytes_by_lane


def test_progress_counts_from_the_first_executed_tipset():
    progress = Progress()
    assert progress.status(7, 2).stage == "idle"
    progress.begin(100.0, 10, 110)
    assert progress.status(10, 0).stage == "headers"
    progress.reached(110.0, 11)
    progress.reached(119.0, 20)
    status = progress.status(20, 1)
    assert (status.stage, status.bad_blocks) == ("messages", 1)
    assert status.rate == 10 / 9
    assert status.remaining_s == 90 / (10 / 9)
    progress.reached(120.0, 130)
    assert progress.status(130, 0).target == 130, "higher than said"
    progress.end()
    assert progress.status(130, 0).remaining_s == 0.0
