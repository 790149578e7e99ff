"""Honest peers that answer with all that is asked for, as Lotus does; nodes read only so much of an answer."""

import logging

import pytest
from thespis.actors.network import actor as network_actor
from thespis.actors.simulation.enemies.enemy import Enemy, told
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.actors.syncer import fetcher
from thespis.protocols.wire import exchange

EPOCHS = 14
READ_BYTES, BLOCK_BYTES = 5000, 4900


class Generous(Enemy):
    """No enemy at all: knows the chain, and never cuts an answer."""

    kind = "generous"

    def answer(self, event, request):
        answer = told(self.chain(), request)
        self.lengths.append(len(answer))
        self.port.respond(event.number, answer)

    def victims(self):
        return ("node-1",)

    def act(self):
        chain = self.chain()
        head = chain.head()
        self.say_hello("node-1", head.key, head.height, chain.execution(head.key).weight)


@pytest.fixture
def network(monkeypatch):
    monkeypatch.setattr(network_actor, "ANSWER_BYTES_MAX", READ_BYTES)
    monkeypatch.setattr(fetcher, "ANSWER_BYTES_MAX", READ_BYTES)
    monkeypatch.setattr(exchange, "HEADER_BYTES_MAX", BLOCK_BYTES)
    monkeypatch.setattr(exchange, "TIPSET_BYTES_MAX", BLOCK_BYTES)
    logging.disable(logging.ERROR)
    found = SimulatedFilecoin(5, nodes=2, miners=1, block_time_s=30)
    found.run_to_genesis()
    yield found
    found.close()
    logging.disable(logging.NOTSET)


def send(network, count):
    fields = {"From": str(network.identities[0].account), "To": str(network.identities[1].account), "Value": "1"}
    for _ in range(count):
        network.rpc(0, "MpoolPushMessage", fields, {})


def test_a_node_syncs_from_a_peer_that_cuts_nothing_and_bans_nobody(network):
    swarm = network.network.base.world.swarm
    swarm.cut({"node-0"}, {"node-1"})
    for _ in range(EPOCHS):
        send(network, 12)
        network.run_epochs(1)
    behind = network.head(1).height
    peer = Generous(network, "generous")
    peer.lengths = []
    for _ in range(3):
        peer.epoch()
        network.run_epochs(1)
    assert sum(length > READ_BYTES for length in peer.lengths) >= 2, "headers and messages both"
    assert behind == 0
    assert network.head(1).height >= network.head(0).height - 1
    assert swarm.bans == []
    assert "node-1" in peer.port.connected


def test_who_answers_more_than_one_block_can_have_is_banned(network):
    network.run_epochs(2)
    swarm = network.network.base.world.swarm
    swarm.cut({"node-0"}, {"node-1"})
    network.run_epochs(3)
    peer = Generous(network, "generous")
    peer.answer = lambda event, _request: peer.port.respond(event.number, bytes(READ_BYTES + 1))
    for _ in range(2):
        peer.epoch()
        network.run_epochs(1)
    assert {(ban.by, ban.peer.rpartition("-")[0]) for ban in swarm.bans} == {("node-1", "generous")}
