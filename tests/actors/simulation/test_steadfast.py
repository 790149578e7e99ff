"""The invariants against enemies can fail: each checker with the smallest network that breaks it."""

from collections import deque
from types import SimpleNamespace

import pytest
from thespis.actors.simulation import invariants, memory
from thespis.actors.simulation.enemies import enemy, gossips
from thespis.actors.simulation.invariants import (
    HALT_EPOCHS_MAX,
    LAG_EPOCHS_MAX,
    LAG_S_MIN,
    REMEMBERED_MAX,
    SETTLED_EPOCHS,
    VARIANTS_MAX,
    Checker,
    InvariantError,
)
from thespis.actors.syncer.bad_blocks import BadBlocks
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.simulation.edge import Ban


class Heads(Checker):
    """A checker of nodes that are heights and nothing else."""

    heights = (0, 0)

    def _reader(self, number):
        return number

    def _head(self, reader):
        return SimpleNamespace(height=self.heights[reader])


def simulated(**changes):
    ports = {name: SimpleNamespace(connected={"a", "b", "enemy"} - {name}) for name in "ab"}
    swarm = SimpleNamespace(ports=ports, bans=[], is_parted=False, may_meet=lambda _one, _other: True)
    root = SimpleNamespace(children={"Syncer-1": None})
    return SimpleNamespace(
        names=["a", "b"],
        miners=2,
        block_time_s=30,
        alive=lambda: [0, 1],
        node=lambda _number: SimpleNamespace(root=root),
        network=SimpleNamespace(base=SimpleNamespace(world=SimpleNamespace(swarm=swarm))),
        **changes,
    )


def test_honest_nodes_that_ban_each_other_are_seen():
    found = simulated()
    bans = found.network.base.world.swarm.bans
    checker = Checker(found)
    bans += [Ban(0, "a", "enemy"), Ban(0, "enemy", "b")]
    checker._the_honest_never_ban_each_other()
    bans.append(Ban(1, "a", "b"))
    with pytest.raises(InvariantError, match="a banned b"):
        checker._the_honest_never_ban_each_other()


def test_a_chain_that_stands_still_is_seen():
    checker = Heads(simulated())
    checker.heights = (7, 5)
    for _ in range(HALT_EPOCHS_MAX + 1):
        checker._the_chain_goes_on()
    with pytest.raises(InvariantError, match="height 7"):
        checker._the_chain_goes_on()


def test_a_node_that_falls_behind_is_seen_once_it_is_settled():
    checker = Heads(simulated())
    checker.heights = (10, 10 - LAG_EPOCHS_MAX)
    for checker._epochs in range(1, SETTLED_EPOCHS + 9):
        checker._heads_keep_up()
    checker.heights = (10, 9 - LAG_EPOCHS_MAX)
    with pytest.raises(InvariantError, match="b is 4 epochs behind"):
        checker._heads_keep_up()
    checker._simulation.network.base.world.swarm.is_parted = True
    checker._heads_keep_up()
    checker._simulation.block_time_s = 1
    assert checker._lag_max() == LAG_S_MIN


def test_a_node_that_strangers_surround_is_seen():
    checker = Heads(simulated())
    swarm = checker._simulation.network.base.world.swarm
    swarm.ports["a"].connected.discard("b")
    for checker._epochs in range(SETTLED_EPOCHS):
        checker._heads_keep_up()
    checker._epochs += 1
    with pytest.raises(InvariantError, match="a has no honest peer"):
        checker._heads_keep_up()
    swarm.may_meet = lambda _one, _other: False
    checker._heads_keep_up()


def test_a_branded_block_of_an_honest_miner_is_seen():
    checker, bad = Checker(simulated()), BadBlocks()
    honest, hostile = Cid.of(b"honest"), Cid.of(b"hostile")
    checker._blocks = {honest: (5, Address.id(1001)), hostile: (5, Address.id(1002))}
    checker._note_blocks = lambda _number: None
    checker._bad_blocks = lambda _number: [bad]
    bad.add(hostile, "its miner signs anything")
    checker._no_honest_block_is_branded()
    bad.add(honest, "a lie")
    with pytest.raises(InvariantError, match="branded f01001's block at height 5: a lie"):
        checker._no_honest_block_is_branded()


def test_a_bounded_number_of_variants_of_one_block_is_kept(monkeypatch):
    checker = Checker(simulated())
    reader = SimpleNamespace(
        head=lambda: SimpleNamespace(height=3), header=lambda _cid: SimpleNamespace(miner=Address.id(1002))
    )
    checker._reader = lambda _number: reader
    kept = [Cid.of(b"%d" % number) for number in range(VARIANTS_MAX)]
    monkeypatch.setattr(invariants, "_blocks_at", lambda _reader, height: kept if height == 3 else [])
    checker._note_blocks(0)
    kept.append(Cid.of(b"one more"))
    with pytest.raises(InvariantError, match="keeps 9 blocks of f01002 at height 3"):
        checker._note_blocks(0)


class Part:
    def __init__(self, entries):
        self.waiting = {"peer": deque(range(entries))}


Part.__module__ = "thespis.actors.somewhere"


def test_what_is_remembered_is_counted_however_deep_it_stands():
    def actor(entries):
        return SimpleNamespace(few=[1, 2], part=Part(entries), _running=4, apart=iter(()))

    assert memory.largest(actor(9)) == ("SimpleNamespace.part.waiting", 9)
    assert memory.largest(actor(1))[1] == 4, "tasks count too"
    assert memory.largest(SimpleNamespace(part=None)) == ("nothing", 0)
    assert memory.DEPTH_MAX == 3
    found = simulated()
    child = SimpleNamespace(_actor=actor(REMEMBERED_MAX), details="Syncer-1")
    found.node = lambda _number: SimpleNamespace(root=SimpleNamespace(children={"Syncer-1": child}))
    Checker(found)._memory_is_bounded()
    child._actor = actor(REMEMBERED_MAX + 1)
    with pytest.raises(InvariantError, match="remembers 12001 entries"):
        Checker(found)._memory_is_bounded()


def test_an_enemy_remembers_and_tells_in_bounded_numbers():
    assert enemy.TIPSETS_TOLD_MAX == 50
    assert gossips.REMEMBERED_MAX == 200
