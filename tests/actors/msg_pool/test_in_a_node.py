"""The pool in a whole node: what its users may send, and that what it holds can be told, however much it is."""

import pytest
from thespis.actors.messages.mining_scheduler import StopMining
from thespis.actors.messages.msg_pool import AddMessage, ListMessages, SelectMessages
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.protocols.chain.message import BLOCK_GAS_LIMIT, Message, SignedMessage
from thespis.protocols.consensus.block_messages import BLOCK_MESSAGES_MAX
from thespis.protocols.consensus.selection import SELECTED_BYTES_MAX
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.vm.gas import PriceList
from thespis.runtime.actor.message import MESSAGE_BYTES_MAX

from tests.actors.chain.builder import transfer


@pytest.fixture
def network():
    found = SimulatedFilecoin(3, 3, 1, block_time_s=30)
    found.run_to_genesis()
    found.node(0).ask(StopMining())
    found.run_epochs(2)
    yield found
    found.close()


def test_a_user_may_have_many_messages_waiting(network):
    one, other = str(network.identities[0].account), str(network.identities[0].worker)
    message = {"From": one, "To": other, "Value": "1", "GasLimit": 10**6, "GasFeeCap": "1000000000", "GasPremium": "1"}
    nonces = [network.rpc(0, "MpoolPushMessage", message, None)["Message"]["Nonce"] for _ in range(150)]
    assert nonces == list(range(150))
    assert network.rpc(0, "MpoolGetNonce", one) == 150


def test_a_pool_that_is_larger_than_a_frame_is_told(network):
    size, count = 60_000, 95
    limit = 1300 * (size + 400) + 2_000_000
    for who in network.identities:
        for nonce in range(count):
            message = Message(
                Unsigned(0), network.identities[0].worker, who.account, Unsigned(nonce), TokenAmount(0), limit,
                TokenAmount(10**9), TokenAmount(1000), Unsigned(0), bytes([nonce]) * size,
            )  # fmt: skip
            signature = sign(SignatureType.SECP256K1, who.account_key, message.signing_bytes())
            network.node(0).ask(AddMessage(SignedMessage(message, signature), False))
    waiting = network.rpc(0, "MpoolPending", [])
    assert len(waiting) == 3 * count
    assert 3 * count * size > MESSAGE_BYTES_MAX
    first, after = network.node(0).ask(ListMessages())
    assert after
    assert 0 < len(first) < 3 * count
    assert network.rpc(0, "GasEstimateGasPremium", 1, str(network.identities[0].account), 0, []) == "100000"
    chosen = network.rpc(0, "MpoolSelect", [], 0.5)
    assert 0 < len(chosen) < 3 * count


def test_what_a_block_takes_fits_a_message():
    """By the gas of the cheapest price list, which a message pays for each of its bytes."""
    cheapest = PriceList()
    assert SelectMessages.answer_bytes_max == SELECTED_BYTES_MAX < MESSAGE_BYTES_MAX
    size = 10**6
    assert cheapest.on_chain_message(size) >= 1000 * size
    assert BLOCK_GAS_LIMIT // 1000 < SELECTED_BYTES_MAX
    signature = len(transfer(bls_sender=True).encode()) - len(transfer(bls_sender=True).message.encode())
    assert BLOCK_MESSAGES_MAX * signature <= SELECTED_BYTES_MAX - BLOCK_GAS_LIMIT // 1000
