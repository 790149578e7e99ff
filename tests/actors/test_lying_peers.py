"""Peers that lie to a syncing node, under virtual time: no lie brands an honest block, bans or stops an honest node."""

import contextlib
import dataclasses

import pytest
from thespis.actors.chain.reader import ChainReader
from thespis.actors.chain.writer import ChainWriter
from thespis.actors.chain_exchange.actor import compact
from thespis.actors.messages.mining_scheduler import StopMining
from thespis.actors.messages.network import ListPeers
from thespis.actors.messages.syncer import ReadBad, ReadSync
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Unsigned
from thespis.protocols.wire import exchange, hello
from thespis.protocols.wire.exchange import ExchangedTipset, Options, Request, Response, Status
from thespis.protocols.wire.hello import Hello, HelloReply
from thespis.protocols.wire.topics import message_id
from thespis.runtime.p2p.port import HostSettings, RequestArrived, Verdict


@pytest.fixture
def filecoin():
    made = []

    def build(nodes=2, miners=1, seed=3, **more):
        made.append(SimulatedFilecoin(seed, nodes, miners, **more))
        made[-1].run_to_genesis()
        return made[-1]

    yield build
    for each in made:
        each.close()


class Liar:
    """A raw peer: says what heads it likes, and answers what the test gives it, or nothing at all."""

    def __init__(self, network, *, silent=False):
        self.network, self.silent, self.answers, self.asked, self.number = network, silent, {}, [], 0
        self.swarm = network.network.base.world.swarm
        topics = {f"/fil/{kind}/simulation-{network.seed}": lambda _data: Verdict.ACCEPT for kind in ("blocks", "msgs")}
        protocols = {hello.PROTOCOL: 1 << 16, exchange.PROTOCOL: 1 << 16}
        settings = HostSettings(f"simulation-{network.seed}", "", topics, protocols, "", message_id, 12 << 20)
        self.port = self.swarm.open("liar", settings, self.heard)

    def heard(self, event):
        if not isinstance(event, RequestArrived):
            return
        if event.protocol == hello.PROTOCOL:
            self.port.respond(event.number, HelloReply(Unsigned(0), Unsigned(0)).encode())
            return
        request = Request.decode(event.data)
        self.asked.append(request)
        if not self.silent:
            nothing = Response(Unsigned(Status.NOT_FOUND), "no", ()).encode()
            self.port.respond(event.number, self.answers.get((request.head, int(request.options)), nothing))

    def dial(self, node):
        self.number += 1
        self.port.dial(self.number, f"/sim/{node}/p2p/{node}")

    def say(self, node, key, height, weight):
        self.number += 1
        genesis = reader(self.network, 0).genesis.cid
        said = Hello(tuple(key), ChainEpoch(height), BigInteger(weight), genesis)
        self.port.request(self.number, node, hello.PROTOCOL, said.encode(), 5.0)

    def give(self, tipset, messages):
        """Answer for a tipset that nobody made."""
        for options, item in (
            (Options.HEADERS, ExchangedTipset(tipset.blocks, None)),
            (Options.MESSAGES, ExchangedTipset((), compact(messages))),
        ):
            answer = Response(Unsigned(Status.PARTIAL), "", (item,)).encode()
            self.answers[tipset.key, int(options)] = answer


def reader(network, number):
    return ChainReader(network.node(number).disk.open_reader("chain"))


def peers(network, number):
    return {info.peer for info in network.node(number).ask(ListPeers())}


def branded(network, number):
    """Blocks of node 0's chain that another node refuses."""
    chain = reader(network, 0)
    found = {cid: network.node(number).ask(ReadBad(cid)) for each in chain.history(chain.head()) for cid in each.key}
    return {cid: reason for cid, reason in found.items() if reason}


def test_a_made_up_tipset_of_a_good_and_a_bad_block_brands_the_bad_one_only(filecoin):
    """Every block of the key was branded, and the node left the chain for good."""
    network = filecoin(nodes=3)
    network.run_epochs(5)
    liar = Liar(network)
    liar.dial("node-1")
    network.run_epochs(1)
    chain = reader(network, 1)
    good = chain.head().blocks[0]
    bad = dataclasses.replace(
        good, miner=Address.id(4242), ticket=dataclasses.replace(good.ticket, vrf_proof=bytes(96))
    )
    both = Tipset.of([good, bad])
    liar.give(both, [chain.block_messages(header) for header in both.blocks])
    liar.say("node-1", both.key, good.height, int(good.parent_weight) + 10**9)
    network.run_epochs(2)
    assert network.node(1).ask(ReadBad(bad.cid())) != ""
    assert branded(network, 1) == {}
    assert "liar" not in peers(network, 1)
    assert {"node-0", "node-2"} <= peers(network, 1)
    network.run_epochs(8)
    assert network.head(1).head == network.head(0).head


@pytest.mark.parametrize(("block_time_s", "slow_s"), [(1, 2.5), (30, 33.0)])
def test_a_slow_clock_neither_brands_nor_bans_and_goes_on_when_it_is_right(filecoin, block_time_s, slow_s):
    """A block that is early by the node's clock was branded when it came by sync, and its honest peer was banned."""
    network = filecoin(block_time_s=block_time_s)
    network.run_epochs(5)
    network.network.base.world.skew("node-1", -slow_s)
    network.run_epochs(3)
    network.network.base.world.swarm.cut({"node-0"}, {"node-1"})
    network.run_epochs(3)
    network.network.base.world.swarm.heal()
    network.run_epochs(6)
    assert branded(network, 1) == {}
    assert peers(network, 1) == {"node-0"}
    assert network.head(1).height >= network.head(0).height - 4, "it follows by its own clock"
    network.network.base.world.skew("node-1", 0.0)
    network.run_epochs(4)
    assert network.head(1).head == network.head(0).head
    assert branded(network, 1) == {}
    assert peers(network, 1) == {"node-0"}


def test_made_up_heads_of_a_silent_peer_hold_up_nobody(filecoin):
    """The heaviest head came first for ever, and each cost ten seconds of silence."""
    network = filecoin()
    network.run_epochs(3)
    network.node(1).crash_all()
    network.run_epochs(20)
    liar = Liar(network, silent=True)
    swarm = network.network.base.world.swarm
    swarm.cut({"node-0"}, {"node-1"})
    network.node(1).restart()
    liar.dial("node-1")
    network.network.run(0.5)
    made_up = 0
    for step in range(9):
        for _ in range(9):
            made_up += 1
            height = network.head(0).height + 2 if made_up % 2 else 10**6
            liar.say("node-1", (Cid.of(b"made up %d" % made_up),), height, 10**30 + made_up)
        if not step:
            network.network.run(1.0)
            swarm.heal()
        network.network.run(2.0)
    assert len(liar.asked) >= 1, "it is asked as well"
    assert network.head(1).height >= network.head(0).height - 3
    assert len(liar.asked) <= 6, "and less and less often"


def test_a_node_does_not_stay_idle_after_a_request_that_failed(filecoin):
    """Nobody mines, so that no block tells the node of what it has missed: it must try again by itself."""
    network = filecoin()
    network.run_epochs(3)
    swarm = network.network.base.world.swarm
    swarm.cut({"node-0"}, {"node-1"})
    network.run_epochs(20)
    network.node(0).ask(StopMining())
    network.node(0).crash("Network")  # and with it the blocks that it kept for the first peer that comes
    network.run_epochs(2)
    network.node(0).isolate("ChainExchange")
    swarm.heal()
    network.network.run(16.0)
    head = network.head(0)
    assert network.head(1).height < head.height
    assert network.node(1).ask(ReadSync()).error, "the one peer there is did not answer"
    network.network.heal()
    network.network.run(25.0)
    assert network.head(1).head == head.head


def test_a_chain_of_one_miner_goes_on_after_a_crash_between_block_and_tipset(filecoin, monkeypatch):
    """The block was known, never executed and never given out again, and its miner may sign no other."""
    network = filecoin(nodes=1)
    node = network.node(0)
    network.run_epochs(5)
    original, killed_at = ChainWriter.execute, []

    def execute(self, tipset):
        if not killed_at and tipset.height > 6:
            killed_at.append(tipset.height)
            raise KeyboardInterrupt  # as if killed at this line
        return original(self, tipset)

    with monkeypatch.context() as patched:
        patched.setattr(ChainWriter, "execute", execute)
        for _ in range(6):
            with contextlib.suppress(KeyboardInterrupt):
                network.run_epochs(1)
    assert killed_at
    node.crash("Syncer")
    network.run_epochs(12)
    chain = reader(network, 0)
    assert chain.index.at_height(killed_at[0]) is not None, "it was executed after the restart"
    assert network.head(0).height > killed_at[0] + 2
