"""A node that starts among hundreds of silent peers: it finds the few that answer in seconds, not in their turn."""

import logging

import pytest
from thespis.actors.messages.mining_scheduler import StopMining
from thespis.actors.messages.network import ListPeers
from thespis.actors.simulation.enemies.burdens import Silence
from thespis.actors.simulation.enemies.enemy import Enemy
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.simulation.stranger import StrangerPort

PEERS, PER_ADDRESS = 240, 40
EPOCH_S, AWAY_EPOCHS = 30, 12


class SilentCrowd(Silence):
    """So many peers from several addresses; each names a head, the network's or one of its own, and never answers."""

    kind = "silent-crowd"
    heads = "real"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.crowd = [self.one(number) for number in range(PEERS)]

    def victims(self):
        return ("node-1",)

    def one(self, number):
        def deliver(event):
            self._deliver_to(port, event)

        name, ip = f"{self.kind}-of-{number}", f"ip-{number // PER_ADDRESS}"
        port = StrangerPort(self._swarm, name, ip, self.settings, deliver)
        return self._swarm.place(port)

    def _deliver_to(self, port, event):
        """Say a head when the connection stands; nothing else, ever."""
        if type(event).__name__ != "PeerConnected":
            return
        chain = self.chain()
        head = chain.head()
        key, height, weight = head.key, head.height, chain.execution(head.key).weight
        if self.heads == "made up":
            key, weight = (Cid.of(port.peer_id.encode()),), weight * 10
        self.port, own = port, self.port
        self.say_hello(event.peer, key, height, weight)
        self.port = own

    def surround(self):
        """All of them connect within a second, faster than any honest peer."""
        for number, port in enumerate(self.crowd):
            self.later(0.004 * (number % PER_ADDRESS), self.connect, port)

    def leave(self):
        Enemy.leave(self)
        for port in self.crowd:
            port.close()


@pytest.fixture
def network():
    logging.disable(logging.ERROR)
    found = SimulatedFilecoin(11, nodes=3, miners=1, block_time_s=EPOCH_S)
    found.run_to_genesis()
    yield found
    found.close()
    logging.disable(logging.NOTSET)


def connected(network):
    return {info.peer for info in network.node(1).ask(ListPeers())}


@pytest.mark.parametrize("heads", ["real", "made up"])
@pytest.mark.parametrize("mined", [True, False])
def test_a_node_that_comes_back_among_silent_peers_catches_up_in_seconds(network, heads, mined):
    """With blocks coming by gossip, and where hellos are all that honest peers say."""
    network.run_epochs(2)
    network.node(1).crash_all()
    network.run_epochs(AWAY_EPOCHS)
    if not mined:
        network.node(0).ask(StopMining())
        network.run_epochs(2)
    crowd = SilentCrowd(network, heads)
    crowd.heads = heads
    swarm = network.network.base.world.swarm
    swarm.cut({"node-0", "node-2"}, {"node-1"})
    network.node(1).restart()
    network.network.run(2.0)
    for _ in range(4):
        crowd.surround()
        network.network.run(1.0)
    assert len(connected(network)) == PEERS
    behind = network.head(0).height - network.head(1).height
    swarm.heal()
    network.network.run(EPOCH_S)
    assert behind > AWAY_EPOCHS / 2
    assert network.head(1).height >= network.head(0).height - 1
    assert {"node-0", "node-2"} <= connected(network)
