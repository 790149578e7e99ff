"""A real node and a chain of full blocks: the longest honest answers cost neither the node nor their peer."""

import threading
import time

import pytest
from thespis.deploy.bench.heavy import OutsideMiner, transfer
from thespis.deploy.bench.hostile import ALONE
from thespis.deploy.bench.stranger import Stranger
from thespis.deploy.devnet.fleet import Fleet
from thespis.deploy.devnet.plan import DevnetPlan
from thespis.deploy.nodes import SETTINGS
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch
from thespis.protocols.wire import hello
from thespis.protocols.wire.exchange import ANSWER_BYTES_MAX, Options, Request
from thespis.runtime.actor.envelopes import ListProcesses
from thespis.runtime.admin import admin_ask
from thespis.runtime.repo import Repo

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PAST_S = 120
MANY_SHORT, FEW_LONG = (8000, 500), (700, 10_000)
"""Messages of a block and bytes of each: two such blocks are 9.8 and 13.5 MiB."""
SYNC_WITHIN_S = 150.0


class Busy:
    """A node that does not mine, and a peer with a chain of full blocks that it never cuts."""

    def __init__(self, folder):
        began = int(time.time()) - PAST_S
        self.plan = DevnetPlan.make(
            folder, seed=3, nodes=1, miners=1, block_time_s=1, base_port=0, genesis_time_s=began
        )
        self.plan.write()
        self.node = self.plan.nodes[0]
        SETTINGS.set(Repo(self.node.home).config_path, ALONE | {"mining.enabled": False})
        self.miner = OutsideMiner(self.plan, 0)
        nonce = 0
        for count, size in (MANY_SHORT, MANY_SHORT, FEW_LONG, FEW_LONG):
            messages = [transfer(self.miner.account, nonce + place, bytes(size)) for place in range(count)]
            self.miner.grow(range(1, PAST_S), messages)
            nonce += count
        self.lengths, self.fleet = [], Fleet(self.plan)

    def answer(self, protocol, data):
        if protocol == hello.PROTOCOL:
            return hello.HelloReply(1, 2).encode()
        request = Request.decode(data)
        answer = self.miner.answer(request)
        if request.options == Options.MESSAGES:
            self.lengths.append(len(answer))
        return answer

    def head(self):
        return self.fleet.call(self.node, "ChainHead", timeout_s=20.0)["Height"]


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    made = Busy(tmp_path_factory.mktemp("busy"))
    with made.fleet:
        made.fleet.wait_ready()
        yield made


def test_the_longest_honest_answers_neither_kill_the_syncer_nor_ban_their_peer(busy, tmp_path):
    head = busy.miner.chain.head()
    name = busy.plan.template().parameters.network_name
    with Stranger(tmp_path, name, busy.node.p2p_address, answer=busy.answer) as peer:
        weight = busy.miner.chain.execution(head.key).weight
        said = hello.Hello(head.key, ChainEpoch(head.height), BigInteger(weight), busy.miner.chain.genesis.cid)
        assert peer.ask(hello.PROTOCOL, said.encode())[0] is not None
        pause = threading.Event()
        end_s = time.monotonic() + SYNC_WITHIN_S
        while busy.head() < head.height and time.monotonic() < end_s:
            pause.wait(0.5)
        assert busy.head() == head.height
        assert not peer.dropped(0.1)
    table = admin_ask(busy.node.home / "run", ListProcesses())
    assert [(row.role, row.incarnation) for row in table.rows if row.incarnation != 1] == []
    assert sum(9 << 20 < length < ANSWER_BYTES_MAX for length in busy.lengths) >= 1, "one that is read"
    assert sum(length > ANSWER_BYTES_MAX for length in busy.lengths) == 1, "and one that is not"
