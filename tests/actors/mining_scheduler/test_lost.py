"""What was won is given out until it counts, and a chain of one miner always goes on, whatever dies in between."""

import contextlib
import dataclasses
import logging

import pytest
from thespis.actors.chain.reader import ChainReader
from thespis.actors.chain.writer import ChainWriter
from thespis.actors.messages.mining_scheduler import MineOnce, MiningError, ReadMining, StartMining, StopMining
from thespis.actors.mining_scheduler.slash_filter import SlashFilter
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import BlockTicketError
from thespis.runtime.errors import AskTimeoutError

MINER = Address.id(1000)


@pytest.fixture
def filecoin():
    made = []

    def build(block_time_s=30, *, nodes=1, miners=1, seed=3, epochs=5):
        made.append(SimulatedFilecoin(seed, nodes, miners, block_time_s=block_time_s))
        made[-1].run_to_genesis()
        made[-1].run_epochs(epochs)
        return made[-1]

    logging.disable(logging.ERROR)
    yield build
    logging.disable(logging.NOTSET)
    for each in made:
        each.close()


def run_to(network, seconds):
    """Into the present epoch, or the next, so many seconds after its beginning."""
    passed = (network.network.base.clock.unix_s() - network.genesis_time_s) % network.block_time_s
    network.network.run((seconds - passed) % network.block_time_s)


def reader(network, number=0):
    return ChainReader(network.node(number).disk.open_reader("chain"))


def signed(network, number=0):
    """The newest block that a node's miner signed."""
    return SlashFilter(network.node(number).disk.open_reader("mining")).last(MINER)[0]


def status(network, number=0):
    return network.node(number).ask(ReadMining())


def is_on_chain(network, header):
    return header.cid() in (reader(network).index.at_height(header.height) or ())


def test_a_scheduler_that_dies_before_its_block_is_due_gives_it_out_in_time(filecoin):
    network = filecoin()
    run_to(network, 20.0)
    waiting = signed(network)
    assert waiting.height > network.head(0).height
    network.node(0).crash("MiningScheduler")
    network.run_epochs(3)
    assert is_on_chain(network, waiting)
    assert network.head(0).height >= waiting.height + 2


@pytest.mark.parametrize("seconds", [28.5, 29.95, 0.0002, 0.0005])
@pytest.mark.parametrize("fault", ["crash", "isolate", "hang"])
def test_a_syncer_that_dies_or_hangs_with_the_block_has_it_again(filecoin, fault, seconds):
    network = filecoin()
    run_to(network, 20.0)
    waiting = signed(network)
    run_to(network, seconds)
    getattr(network.node(0), fault)("Syncer")
    network.network.run(12.0)
    network.network.heal()
    network.node(0).resume("Syncer")
    network.run_epochs(10)
    assert is_on_chain(network, waiting)
    assert network.head(0).height >= waiting.height + 8


def test_a_disk_that_was_full_for_a_while_costs_no_block(filecoin):
    network = filecoin()
    run_to(network, 20.0)
    waiting, disk = signed(network), network.node(0).disk
    disk.capacity_bytes = disk.used_bytes
    network.run_epochs(5)
    assert not is_on_chain(network, waiting)
    assert "StoreFullError" in status(network).last_error
    disk.capacity_bytes = None
    network.run_epochs(5)
    assert is_on_chain(network, waiting)
    assert network.head(0).height >= waiting.height + 7


def test_a_block_that_is_kept_and_not_executed_is_executed(filecoin, monkeypatch):
    network, original, fired = filecoin(), ChainWriter.execute, []

    def execute(writer, tipset):
        if not fired and tipset.height > 6:
            fired.append(tipset.height)
            raise KeyboardInterrupt
        return original(writer, tipset)

    monkeypatch.setattr(ChainWriter, "execute", execute)
    with contextlib.suppress(KeyboardInterrupt):
        network.run_epochs(3)
    assert fired
    network.node(0).crash("Syncer")
    network.run_epochs(10)
    assert network.head(0).height >= fired[0] + 8
    assert reader(network).index.at_height(fired[0]) is not None


def test_a_block_that_was_refused_early_is_given_again_when_its_time_has_come(filecoin):
    network = filecoin()
    run_to(network, 20.0)
    waiting = signed(network)
    network.network.base.world.skew("node-0", -15.0)
    network.network.run(12.0)
    assert not is_on_chain(network, waiting)
    network.network.base.world.skew("node-0", 0.0)
    network.run_epochs(4)
    assert is_on_chain(network, waiting)


@pytest.mark.behaviour(24)
def test_a_block_that_its_own_node_finds_invalid_is_withdrawn_and_the_chain_goes_on(filecoin, monkeypatch, caplog):
    network, original, refused = filecoin(), ChainWriter._validate, []

    def validate(writer, header, messages):
        if not refused or header.cid() == refused[0]:
            refused[:] = [header.cid(), header.parents]
            raise BlockTicketError("a fault of this program")
        return (yield from original(writer, header, messages))

    monkeypatch.setattr(ChainWriter, "_validate", validate)
    logging.disable(logging.NOTSET)
    network.run_epochs(1)
    assert "finds it invalid: BlockTicketError: a fault of this program" in caplog.text
    assert "please report it" in caplog.text
    network.run_epochs(9)
    chain = reader(network)
    heights = [tipset.height for tipset in chain.history(chain.head())]
    assert heights[0] >= 13
    assert not chain.blocks.has(refused[0])
    assert refused[1] in [tipset.parents for tipset in chain.history(chain.head())], "over the same parents"
    network.node(0).crash("MiningScheduler")
    network.run_epochs(5)
    assert network.head(0).height >= heights[0] + 4


# -- stopping ------------------------------------------------------------------------------------------------


@pytest.mark.behaviour(21)
def test_however_often_mining_is_stopped_and_started_one_round_is_tried_an_epoch(filecoin):
    """Two loops would try each epoch twice, and one that a stop left behind would go on without an order."""
    network = filecoin()
    node = network.node(0)
    for _ in range(3):
        node.ask(StopMining())
        node.ask(StartMining())
        network.run_epochs(0.1)
    network.run_epochs(2)
    before = node.ask(ReadMining())
    network.run_epochs(6)
    after = node.ask(ReadMining())
    assert after.rounds_won + after.rounds_lost - before.rounds_won - before.rounds_lost == 6
    node.ask(StopMining())
    network.run_epochs(1)
    stopped = node.ask(ReadMining())
    network.run_epochs(4)
    still = node.ask(ReadMining())
    assert not still.mining
    assert (still.rounds_won, still.rounds_lost, still.blocks_mined) == (
        stopped.rounds_won, stopped.rounds_lost, stopped.blocks_mined,
    )  # fmt: skip


# -- orders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restart", ["actor", "node"])
def test_an_order_to_stop_stands_over_crashes(filecoin, restart):
    network = filecoin(1)
    node = network.node(0)
    node.ask(StopMining())
    network.run_epochs(2)
    before = network.head(0).height
    crash(network, restart)
    network.run_epochs(5)
    assert not status(network).mining
    assert network.head(0).height == before


@pytest.mark.parametrize("restart", ["actor", "node"])
def test_an_order_to_start_stands_over_crashes(filecoin, restart):
    network = filecoin(1)
    configure(network, mine=False)
    network.run_epochs(2)
    assert not status(network).mining
    network.node(0).ask(StartMining())
    network.run_epochs(3)
    before = network.head(0).height
    crash(network, restart)
    network.run_epochs(10)
    assert status(network).mining
    assert network.head(0).height >= before + 7


def test_a_setting_that_was_changed_since_overtakes_the_order(filecoin):
    network = filecoin(1)
    network.node(0).ask(StopMining())
    configure(network, mine=False)
    configure(network, mine=True)
    network.run_epochs(2)
    assert not status(network).mining, "the same setting as when the order was given"
    configure(network, mine=False)
    network.node(0).ask(StartMining())
    configure(network, mine=True)
    assert status(network).mining
    network.node(0).ask(StopMining())
    network.node(0).ask(StartMining())
    configure(network, mine=False)
    assert not status(network).mining


def crash(network, what):
    node = network.node(0)
    if what == "actor":
        node.crash("MiningScheduler")
    else:
        node.crash_all()
        network.run_epochs(1)
        node.restart()


def configure(network, *, mine):
    """Restart a node with another setting."""
    node = network.node(0)
    node.stop()
    node._settings = dataclasses.replace(
        node._settings, mining=dataclasses.replace(node._settings.mining, enabled=mine)
    )
    node.handle.start(node._settings)


def test_mining_once_ends_with_a_stop_although_nobody_waits_for_it(filecoin):
    network = filecoin(1, nodes=2, miners=2)
    node = network.node(0)
    node.ask(StopMining())
    network.network.base.world.disk("node-0").sectors.pop(0)
    with pytest.raises(AskTimeoutError):
        node.handle.ask(MineOnce(10_000), within_s=0.1)
    network.run_epochs(2)
    node.ask(StopMining())
    before = status(network)
    network.run_epochs(30)
    after = status(network)
    assert (after.rounds_won, after.rounds_lost) == (before.rounds_won, before.rounds_lost)


def test_mining_once_ends_at_its_deadline(filecoin, monkeypatch):
    monkeypatch.setattr(MineOnce, "within_s", 20.0)
    network = filecoin(1, nodes=2, miners=2)
    node = network.node(0)
    node.ask(StopMining())
    network.network.base.world.disk("node-0").sectors.pop(0)
    with pytest.raises(MiningError, match="no epoch was won within 20 s"):
        node.ask(MineOnce(10_000))
    before = status(network)
    network.run_epochs(30)
    after = status(network)
    assert (after.rounds_won, after.rounds_lost) == (before.rounds_won, before.rounds_lost)


# -- clocks ------------------------------------------------------------------------------------------------------


def tried(network, number):
    found = status(network, number)
    return found.rounds_won + found.rounds_lost


@pytest.mark.parametrize("jump_s", [86_400.0, -86_400.0, 10**8])
@pytest.mark.parametrize("seconds", [3.0, 31.0, 65.0])
def test_a_clock_that_jumps_and_comes_back_costs_no_later_round(filecoin, jump_s, seconds):
    network = filecoin(30, nodes=2, miners=2)
    network.network.base.world.skew("node-0", jump_s)
    network.network.run(seconds)
    network.network.base.world.skew("node-0", 0.0)
    network.run_epochs(3)
    before = tried(network, 0)
    network.run_epochs(20)
    assert tried(network, 0) - before == 20
    assert network.head(0).head == network.head(1).head


def test_a_clock_that_jumps_does_not_send_a_chain_of_one_miner_into_the_future(filecoin):
    network = filecoin(30)
    network.network.base.world.skew("node-0", 86_400.0)
    network.network.run(65.0)
    network.network.base.world.skew("node-0", 0.0)
    before = network.head(0).height
    assert before < 10
    network.run_epochs(10)
    assert network.head(0).height >= before + 9


@pytest.mark.parametrize("jump_s", [3_600.0])
def test_a_clock_that_stays_where_it_jumped_to_is_believed(filecoin, jump_s):
    network = filecoin(30)
    before = network.head(0).height
    network.network.base.world.skew("node-0", jump_s)
    network.run_epochs(5)
    assert network.head(0).height <= before + 1
    assert "the clock jumped by 3600 s" in status(network).last_error
    network.run_epochs(15)
    assert network.head(0).height > before + 120
