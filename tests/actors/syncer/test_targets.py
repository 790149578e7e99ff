"""What the Syncer aims at and what waits for it; a peer's made-up heads and blocks push out a bounded amount."""

from thespis.actors.syncer import targets as module
from thespis.actors.syncer.targets import ORPHANS_MAX, TARGETS_MAX, Orphans, Progress, Target, Targets
from thespis.protocols.encoding.cid import Cid


def key(number):
    return (Cid.of(b"tipset %d" % number),)


def target(number, weight):
    return Target(key(number), number, weight, "peer", "author")


def all_of(targets):
    found = []
    while (best := targets.best()) is not None:
        found.append(best)
        targets.drop(best)
    return found


def test_the_heaviest_is_tried_first_and_a_target_is_kept_once():
    targets = Targets()
    assert targets.best() is None
    for number, weight in ((1, 30), (2, 50), (3, 10)):
        targets.add(target(number, weight))
    targets.add(target(3, 40))
    assert [each.weight for each in all_of(targets)] == [50, 40, 30]


def test_only_the_very_target_is_dropped():
    targets = Targets()
    targets.add(target(1, 30))
    targets.drop(target(1, 20))
    assert targets.best() == target(1, 30), "said anew meanwhile, with another weight"


def test_beyond_the_bound_the_lightest_target_gives_way():
    targets = Targets()
    for number in range(TARGETS_MAX):
        targets.add(target(number, 100 + number))
    targets.add(target(TARGETS_MAX, 1))
    found = all_of(targets)
    assert len(found) == TARGETS_MAX == 64
    assert found[-1].weight == 100, "the new one was the lightest"
    for each in found:
        targets.add(each)
    targets.add(target(TARGETS_MAX, 10**6))
    found = all_of(targets)
    assert (len(found), found[0].weight, found[-1].weight) == (TARGETS_MAX, 10**6, 101)


def test_orphans_wait_for_their_parents_by_tipset():
    orphans = Orphans()
    orphans.add(key(1), "first", "gossip")
    orphans.add(key(2), "other", "gossip")
    orphans.add(key(1), "second", "gossip")
    assert orphans.take(key(1)) == [("first", "gossip"), ("second", "gossip")]
    assert orphans.take(key(1)) == []
    assert orphans.take(key(2)) == [("other", "gossip")]


def test_beyond_the_bound_the_oldest_orphans_go():
    assert ORPHANS_MAX == 256
    orphans = Orphans()
    for number in range(ORPHANS_MAX):
        orphans.add(key(number), number, None)
    assert orphans.take(key(0)) == [(0, None)], "all have room at the bound"
    orphans.add(key(0), 0, None)
    orphans.add(key(ORPHANS_MAX), "one more", None)
    assert orphans.take(key(1)) == [], "the oldest"
    for number in (0, *range(2, ORPHANS_MAX)):
        assert orphans.take(key(number)) == [(number, None)]
    assert orphans.take(key(ORPHANS_MAX)) == [("one more", None)]


def test_orphans_of_one_tipset_count_each(monkeypatch):
    monkeypatch.setattr(module, "ORPHANS_MAX", 3)
    orphans = Orphans()
    for number in range(3):
        orphans.add(key(1), number, None)
    orphans.add(key(2), 3, None)
    assert orphans.take(key(1)) == []
    assert orphans.take(key(2)) == [(3, None)]


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
