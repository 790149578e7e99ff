"""Gossip that meets no peer, or a Network that dies with it."""

from types import SimpleNamespace

import pytest
from thespis.actors.messages.network import PublishGossip, Topic
from thespis.actors.network import actor as network_module
from thespis.actors.network.actor import Network
from thespis.actors.syncer import own_blocks as syncer_module
from thespis.actors.syncer.actor import Syncer
from thespis.actors.syncer.own_blocks import give_out
from thespis.protocols.chain.block import BlockMessage
from thespis.runtime.errors import ActorRestartedError


def test_what_nobody_was_there_to_hear_is_said_to_the_first_peer():
    assert network_module.UNHEARD_MAX == 64
    network, said, peers = Network(), [], []

    async def at_once(seconds):
        assert seconds == network_module.SUBSCRIBED_AFTER_S

    network.sleep = at_once
    network.port = SimpleNamespace(peers=lambda: tuple(peers), publish=lambda topic, data: said.append(data))
    network._topics = {Topic.BLOCKS: "blocks"}
    for number in range(network_module.UNHEARD_MAX + 1):
        network.publish_gossip(PublishGossip(Topic.BLOCKS, b"%d" % number))
    assert said == []
    peers.append("peer")
    with pytest.raises(StopIteration):
        network._say_unheard().send(None)
    assert said == [b"%d" % number for number in range(1, network_module.UNHEARD_MAX + 1)]
    network.publish_gossip(PublishGossip(Topic.BLOCKS, b"last"))
    assert said[-1] == b"last"


def test_a_network_that_restarts_is_given_an_own_block_a_bounded_number_of_times():
    assert syncer_module.GOSSIP_TRIES_MAX == 3
    syncer, asked = Syncer(), []

    async def ask(question):
        asked.append(question)
        raise ActorRestartedError("again")

    syncer.ask = ask
    with pytest.raises(StopIteration):
        give_out(syncer, BlockMessage(None, (), ())).send(None)
    assert len(asked) == syncer_module.GOSSIP_TRIES_MAX
