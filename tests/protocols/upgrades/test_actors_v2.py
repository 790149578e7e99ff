"""From version 0 of the actors to version 2: the roots are those that specs-actors v2.3.6 makes of the same states."""

import dataclasses

import pytest
from thespis.protocols.builtin.codes import BURNT_FUNDS, name_of
from thespis.protocols.builtin.storage_miner.bitfield_queue import NOTHING
from thespis.protocols.builtin.storage_miner.expiration_queue import ExpirationSet
from thespis.protocols.builtin.storage_miner.partition import PartitionV0
from thespis.protocols.builtin.storage_miner.state import NO_POWER, MinerState
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import TokenAmount
from thespis.protocols.errors import TipsetExecutionError
from thespis.protocols.ipld.blockstore import Overlay, load, save
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.upgrades.actors_v2 import upgrade_to_actors_v2
from thespis.protocols.vm.state_tree import StateTree

from tests.actors.chain.test_replay import mainnet
from tests.protocols.builtin.reference import Replayed, agreeable, trace_of

PERIOD = 2880


def lived_in(monkeypatch, network):
    """A state of version 0 after many of a trace's messages, and the last one's epoch."""
    agreeable(monkeypatch)
    trace = trace_of(f"actors-v2-network-{network}")
    replayed = Replayed(trace, network_version=3)
    for message in trace["messages"]:
        replayed.apply(*message[:7])
    return replayed, trace["messages"][-1][0]


def contradict(replayed):
    """Let a live sector of every partition end a period earlier, too, as an early one: the fault of version 0."""
    store, state, count = replayed.store, replayed.state, 0
    for address, actor in list(state.actors()):
        if name_of(actor.code) != "storageminer":
            continue
        miner = MinerState.decode(store.get(actor.head))
        deadlines = miner.load_deadlines(store)
        for index in range(len(deadlines.due)):
            deadline = deadlines.load(store, index)
            partitions = HistoricArray(store, deadline.partitions)
            for number, wire in list(partitions.items()):
                partition = PartitionV0.from_wire(wire)
                queue = HistoricArray(store, partition.expirations_epochs)
                epochs, live = [epoch for epoch, _ in queue.items()], sorted(partition.live_sectors)
                if not epochs or not live or epochs[0] <= PERIOD:
                    continue
                twice = Bitfield.of(live[:1])
                queue.set(
                    epochs[0] - PERIOD,
                    ExpirationSet(NOTHING, twice, TokenAmount(0), NO_POWER, partition.live_power).to_wire(),
                )
                changed = dataclasses.replace(
                    partition, faults=partition.faults | twice, expirations_epochs=queue.flush()
                )
                partitions.set(number, changed.to_wire())
                count += 1
            deadline = dataclasses.replace(deadline, partitions=partitions.flush())
            deadlines = deadlines.update(store, index, deadline)
        head = save(store, miner.with_deadlines(store, deadlines).to_wire())
        state.set(address, dataclasses.replace(actor, head=head))
    return count


def migrated(store, root, epoch):
    version, actors, info = load(store, upgrade_to_actors_v2(store, root, epoch))
    assert (version, load(store, info)) == (1, [])
    return str(actors)


@pytest.mark.parametrize(
    ("network", "broken", "expected"),
    [
        (5, 0, "bafy2bzaceaytlao5lhpkbwfcowlzmf7sjmcq3kgkqp7db74h622jxwqcyzpwa"),
        (4, 0, "bafy2bzaceafcq5urr6gulnsoqexi5zl7bizirgf3iga3kc3hwftq6sbfvrz6c"),
        (5, 5, "bafy2bzacedon7d6semyrg3jnszhyaspsf2nrayk2ggx5aco2ie5yprey7b4eu"),
    ],
)
def test_a_lived_in_state_migrates_as_the_reference_does_it(monkeypatch, network, broken, expected):
    replayed, epoch = lived_in(monkeypatch, network)
    replayed.state.flush()
    if broken:
        assert contradict(replayed) == broken
    assert migrated(replayed.store, replayed.state.flush(), epoch) == expected


def test_mainnets_state_migrates_as_the_reference_does_it():
    replay = mainnet()
    for tipset in replay.tipsets:
        replay.validate(tipset)
        replay.execute(tipset)
    root = replay.writer.execution(replay.tipsets[-1].key).state_root
    expected = "bafy2bzacedip3i76eotsrp6xe6hyi7bhqtsjnkhx2w4eq6ivjk43fbf6ddxpa"
    assert migrated(Overlay(replay.writer.blocks), root, 39) == expected


def test_debts_need_burnt_funds(monkeypatch):
    replayed, epoch = lived_in(monkeypatch, 4)
    miners = [a for a, actor in replayed.entries.items() if actor and name_of(actor.code) == "storageminer"]
    pledged = [a for a in miners if MinerState.decode(replayed.store.get(replayed.state.get(a).head)).pledge]
    replayed.state.change(pledged[0], balance=TokenAmount(0))
    replayed.state.change(BURNT_FUNDS, balance=TokenAmount(0))
    with pytest.raises(TipsetExecutionError, match="burnt funds"):
        upgrade_to_actors_v2(replayed.store, replayed.state.flush(), epoch)


def test_nothing_is_minted_or_lost(monkeypatch):
    replayed, epoch = lived_in(monkeypatch, 4)
    before = replayed.state.flush()
    after = upgrade_to_actors_v2(replayed.store, before, epoch)
    sums = [sum(actor.balance for _, actor in StateTree(replayed.store, root).actors()) for root in (before, after)]
    assert sums[0] == sums[1]
