"""What messages are told of the chain they are executed over."""

import pytest
from thespis.actors.chain.world import ChainWorld
from thespis.protocols.builtin.codes import BURNT_FUNDS, REWARD
from thespis.protocols.chain.message import TOTAL_FILECOIN
from thespis.protocols.consensus.randomness import Purpose, draw
from thespis.protocols.encoding.address import Address
from thespis.protocols.vm.exit_codes import StateFault

from tests.actors.chain.builder import USERS, WORKERS, extend, new_chain


@pytest.fixture(scope="module")
def grown():
    chain = new_chain()
    extend(chain, 5)
    return chain, chain.head()


def test_randomness_is_of_the_chain_and_ends_with_it(grown):
    chain, head = grown
    world = ChainWorld(chain, head)
    below = chain.parent(head)
    ticket = below.minimum_ticket.vrf_proof
    expected = draw(ticket, Purpose.SEAL_RANDOMNESS, below.height, b"who")
    assert world.ticket_randomness(Purpose.SEAL_RANDOMNESS, below.height, b"who") == expected
    entry = chain.beacon_before(head).data
    later = head.height + 100
    expected = draw(entry, Purpose.INTERACTIVE_SEAL_CHALLENGE_SEED, later, b"who")
    assert world.beacon_randomness(Purpose.INTERACTIVE_SEAL_CHALLENGE_SEED, later, b"who") == expected
    first = world.ticket_randomness(Purpose.SEAL_RANDOMNESS, -5, b"")
    assert first == draw(chain.genesis.header.ticket.vrf_proof, Purpose.SEAL_RANDOMNESS, -5, b"")


def test_the_circulating_supply_leaves_out_what_is_not_mined_or_locked(grown):
    chain, head = grown
    state = chain.state_after(head)
    supply = ChainWorld(chain, head).circulating_supply(head.height, state)
    outside = state.get(REWARD).balance + state.get(BURNT_FUNDS).balance
    locked = TOTAL_FILECOIN - outside - supply
    assert 0 <= locked < outside
    assert 0 < supply < TOTAL_FILECOIN


def test_workers_are_those_of_the_chain(grown):
    chain, head = grown
    world = ChainWorld(chain, head)
    assert world.worker_at(Address.id(1001), head.height) == WORKERS[1]
    with pytest.raises(StateFault):
        world.worker_at(USERS[0], head.height)
