"""Whole nodes under virtual time: what the seed's node tests assert, and what they should have asserted."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.mining_scheduler import MineOnce, MiningError, ReadMining, StartMining, StopMining
from thespis.actors.messages.msg_pool import REFUSALS, AddMessage, ListMessages
from thespis.actors.messages.network import ListPeers, PeerMisbehaved
from thespis.actors.messages.peer_protocols import ExchangeRequest
from thespis.actors.messages.syncer import ReadBad, ReadHead, ReadSync
from thespis.actors.messages.wallet import ImportKey
from thespis.actors.simulation.network import RpcFailedError, SimulatedFilecoin
from thespis.protocols.chain.block import BlockMessage, save_message_meta
from thespis.protocols.chain.message import SignedMessage
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.wire.exchange import Options, Request, Response, Status, check_response
from thespis.runtime.p2p.port import GossipArrived


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


def heights(network):
    return [head.height if head else None for head in map(network.head, range(len(network.names)))]


def send(network, number=0, to=1, **fields):
    message = {
        "From": str(network.identities[number].account),
        "To": str(network.identities[to].account),
        "Value": "1000",
    }
    return network.rpc(number, "MpoolPushMessage", message | fields, {})


def pending(network, number):
    return list(network.node(number).ask(ListMessages())[0])


LINE_OF_FOUR = {
    "node-0": {"node-1"},
    "node-1": {"node-0", "node-2"},
    "node-2": {"node-1", "node-3"},
    "node-3": {"node-2"},
}


def neighbours(network):
    """Who is connected to whom, by name."""
    return {name: port.connected for name, port in sorted(network.network.base.world.swarm.ports.items())}


@pytest.mark.behaviour(1, 3, 5)
def test_a_node_starts_without_peers_and_has_a_head(filecoin):
    network = filecoin(nodes=1)
    assert network.head(0).height == 0
    assert network.rpc(0, "ChainHead")["Height"] == 0


@pytest.mark.behaviour(2, 4, 161)
def test_all_bootstrap_peers_are_connected(filecoin):
    network = filecoin(nodes=4)
    network.run_epochs(3)
    names = set(network.names)
    for number, name in enumerate(network.names):
        assert {info.peer for info in network.node(number).ask(ListPeers())} == names - {name}


@pytest.mark.behaviour(6, 7, 16)
def test_mining_starts_stops_and_starts(filecoin):
    network = filecoin(nodes=1)
    node = network.node(0)
    with pytest.raises(MiningError, match="already mining"):
        node.ask(StartMining())
    node.ask(StopMining())
    node.ask(StopMining())
    network.run_epochs(2)
    before = network.head(0).height
    network.run_epochs(4)
    assert network.head(0).height == before
    node.ask(StartMining())
    network.run_epochs(6)
    assert network.head(0).height > before
    assert node.ask(ReadMining()).mining


@pytest.mark.behaviour(12, 13, 159)
def test_blocks_reach_every_node_and_a_late_one_catches_up(filecoin):
    network = filecoin(nodes=4, topology="line")
    network.run_epochs(5)
    assert neighbours(network) == LINE_OF_FOUR
    assert len({network.head(number).head for number in range(4)}) == 1
    assert network.head(3).height > 0
    network.node(3).crash_all()
    network.run_epochs(10)
    network.node(3).restart()
    network.run_epochs(4)
    assert neighbours(network) == LINE_OF_FOUR, "it has the chain from the one beside it"
    assert network.head(3).head == network.head(0).head
    status = network.node(3).ask(ReadSync())
    assert status.stage == "idle"
    assert status.bad_blocks == 0


@pytest.mark.behaviour(8, 14, 68)
def test_a_message_reaches_all_pools_and_a_block(filecoin):
    network = filecoin(nodes=3, topology="line")
    network.node(0).ask(StopMining())
    network.run_epochs(2)
    assert neighbours(network) == {"node-0": {"node-1"}, "node-1": {"node-0", "node-2"}, "node-2": {"node-1"}}
    signed = send(network, 0, 2)
    network.run_epochs(1)
    for number in range(3):
        assert [str(each.chain_cid()) for each in pending(network, number)] == [signed["CID"]["/"]]
    network.node(0).ask(StartMining())
    network.run_epochs(4)
    assert all(pending(network, number) == [] for number in range(3))
    found = network.rpc(2, "StateSearchMsg", [], signed["CID"], -1, True)
    assert found["Receipt"]["ExitCode"] == 0


@pytest.mark.behaviour(15, 84, 94)
def test_mine_once_returns_a_block_of_this_miner(filecoin):
    network = filecoin(nodes=1)
    node = network.node(0)
    node.ask(StopMining())
    cid = node.ask(MineOnce(50))
    block = network.rpc(0, "ChainGetBlock", {"/": str(cid)})
    assert block["Miner"] == "t01000"
    assert block["Ticket"]["VRFProof"]
    assert network.head(0).head[0] == cid


@pytest.mark.behaviour(23, 86, 97)
def test_a_miner_that_is_not_on_chain_defers_and_the_node_runs(filecoin):
    from thespis.actors.node.settings import NodeConfig
    from thespis.actors.simulation.network import SimulatedFilecoinNode

    network = filecoin(nodes=1)
    config = NodeConfig().with_genesis(network.car).with_miner("f01777")
    node = network.network.add("stranger", SimulatedFilecoinNode, config.settings())
    network.run_epochs(4)
    status = node.ask(ReadMining())
    assert "no miner at f01777" in status.last_error
    assert status.mining
    assert node.ask(ReadHead()).height >= 0


@pytest.mark.behaviour(24, 29, 98)
def test_a_failing_round_is_told_and_ends_with_its_epoch(filecoin):
    from thespis.actors.messages.wallet import DeleteKey

    network = filecoin(nodes=1)
    network.run_epochs(3)
    node, keys = network.node(0), network.identities[0]
    node.ask(DeleteKey(keys.worker))
    network.run_epochs(3)
    before = network.head(0)
    assert "no key" in node.ask(ReadMining()).last_error
    node.ask(ImportKey("bls", keys.worker_key))
    network.run_epochs(5)
    assert network.head(0).height > before.height
    chain = ChainReader(node.disk.open_reader("chain"))
    parents = [tipset.parents for tipset in chain.history(chain.head())]
    assert before.head in parents, "it goes on where it failed"


@pytest.mark.behaviour(17, 18, 19, 20)
def test_stopping_twice_and_starting_again(filecoin):
    network = filecoin(nodes=2)
    network.run_epochs(3)
    node = network.node(1)
    node.stop()
    node.stop()
    assert node.rows()["Syncer"].state.value == "stopped"
    assert "node-1" not in network.network.base.world.swarm.ports
    node.handle.start(node._settings)
    node.handle.start(node._settings)
    network.run_epochs(4)
    assert network.head(1).head == network.head(0).head


@pytest.mark.behaviour(25, 166)
def test_garbage_from_gossip_costs_the_peer_its_connection_only(filecoin):
    network = filecoin(nodes=3)
    network.run_epochs(2)
    [actor] = network.node(1).actors("Network")
    blocks = f"/fil/blocks/simulation-{network.seed}"
    port = network.network.base.world.swarm.ports["node-1"]
    port._give(GossipArrived(blocks, "node-0", "node-2", b"\xff" * 50))
    network.run_epochs(1)
    assert "node-2" not in port.connected
    before = network.head(1).height
    network.run_epochs(4)
    assert network.head(1).height > before
    assert actor.exit is None


@pytest.mark.behaviour(41)
def test_a_bad_block_is_remembered_and_what_is_missing_is_not(filecoin):
    network = filecoin(nodes=2)
    network.run_epochs(3)
    node = network.node(1)
    reader = ChainReader(node.disk.open_reader("chain"))
    header = reader.head().blocks[0]
    bad = dataclasses.replace(header, parent_weight=header.parent_weight + 1)
    data = BlockMessage(bad, (), ()).encode()
    port = network.network.base.world.swarm.ports["node-1"]
    port._give(GossipArrived(f"/fil/blocks/simulation-{network.seed}", "node-0", "stranger", data))
    network.run_epochs(0.2)
    assert "BlockWeightError" in node.ask(ReadBad(bad.cid()))
    assert "node-0" in port.connected, "it passed the block on, the stranger answers for it"
    lost = (Cid.of(b"nobody has this"),)
    lacking = dataclasses.replace(header, messages=save_message_meta(MemoryBlockstore(), list(lost), []))
    key = network.identities[0].worker_key
    lacking = dataclasses.replace(lacking, block_sig=sign(SignatureType.BLS, key, lacking.signing_bytes()))
    data = BlockMessage(lacking, lost, ()).encode()
    port._give(GossipArrived(f"/fil/blocks/simulation-{network.seed}", "node-0", "stranger", data))
    network.run_epochs(1)
    assert "not here" in node.ask(ReadSync()).error, "it was asked for, and nobody has it"
    assert node.ask(ReadBad(lacking.cid())) == ""
    assert "node-0" in port.connected


@pytest.mark.behaviour(69, 70)
def test_sixty_sends_at_once_have_sixty_nonces(filecoin):
    network = filecoin(nodes=1)
    network.node(0).ask(StopMining())
    from thespis.actors.messages.msg_pool import SendMessage

    account, other = network.identities[0].account, network.identities[0].worker
    from thespis.actors.api import forms

    message = forms.message({"From": str(account), "To": str(other), "Value": "1"})
    handle = network.node(0).handle
    from thespis.runtime.actor.envelopes import Relay, Relayed, Reply, Request
    from thespis.runtime.actor.message import REGISTRY

    for number in range(60):
        handle._system.tell(handle.address, Request(10_000 + number, 0, Relay(SendMessage(message, 0))))
    nonces = []
    while len(nonces) < 60:
        answer = handle._system.listen(30.0)
        assert isinstance(answer, Reply), answer
        relayed = REGISTRY.reply_from_wire(Relay, answer.body)
        assert isinstance(relayed, Relayed)
        nonces.append(REGISTRY.reply_from_wire(SendMessage, relayed.body).message.nonce)
    assert sorted(nonces) == list(range(60))
    assert network.rpc(0, "MpoolGetNonce", str(account)) == 60


@pytest.mark.behaviour(62, 67, 82, 109)
@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"nonce": 1001}, "the gap may be 1000"),
        ({"value": 10**30}, "value"),
        ({"gas_limit": 10}, "gas limit"),
        ({"gas_fee_cap": 5, "gas_premium": 1}, "fee cap 5"),
        ({"version": 1}, "version 1"),
        ({"gas_limit": 10**11}, "gas limit"),
        ({"value": 10**24}, "may cost"),
        ({"value": -1}, "value -1"),
    ],
)
def test_messages_that_cannot_be_mined_are_refused(filecoin, change, match):
    network = filecoin(nodes=1)
    key = network.identities[0]
    from thespis.actors.api import forms

    message = forms.message(
        {"From": str(key.account), "To": str(key.worker), "Value": "1", "GasLimit": 10**6, "GasFeeCap": "1000000000"}
    )
    message = dataclasses.replace(message, **change)
    signed = SignedMessage(message, sign(SignatureType.SECP256K1, key.account_key, message.signing_bytes()))
    with pytest.raises(REFUSALS, match=match):
        network.node(0).ask(AddMessage(signed, True))
    forged = dataclasses.replace(signed, signature=sign(SignatureType.SECP256K1, key.account_key, b"other"))
    with pytest.raises(REFUSALS):
        network.node(0).ask(AddMessage(forged, True))
    assert pending(network, 0) == []


@pytest.mark.behaviour(83)
def test_what_was_accepted_survives_every_restart(filecoin):
    network = filecoin(nodes=2)
    network.node(0).ask(StopMining())
    network.run_epochs(2)
    signed = send(network, 1, 0)
    network.node(1).crash("MsgPool")
    network.run_epochs(2)
    assert [str(each.chain_cid()) for each in pending(network, 1)] == [signed["CID"]["/"]]
    network.node(1).crash_all()
    network.run_epochs(1)
    network.node(1).restart()
    network.node(0).crash("MsgPool")
    network.run_epochs(25)
    assert [str(each.chain_cid()) for each in pending(network, 0)] == [signed["CID"]["/"]], "it was announced again"


@pytest.mark.behaviour(65)
def test_a_reorganisation_brings_messages_back(filecoin):
    network = filecoin(nodes=4, miners=3, seed=5)
    network.run_epochs(3)
    swarm = network.network.base.world.swarm
    swarm.cut({"node-0"}, {"node-1", "node-2", "node-3"})
    signed = send(network, 0, 1)
    network.run_epochs(8)
    assert network.rpc(0, "StateSearchMsg", [], signed["CID"], -1, True) is not None
    assert network.rpc(3, "StateSearchMsg", [], signed["CID"], -1, True) is None
    swarm.heal()
    network.run_epochs(10)
    assert len({network.head(number).head for number in range(4)}) == 1
    assert network.rpc(3, "StateSearchMsg", [], signed["CID"], -1, True)["Receipt"]["ExitCode"] == 0


@pytest.mark.behaviour(160)
def test_a_peer_of_another_genesis_is_let_go(filecoin):
    from thespis.actors.node.settings import NodeConfig
    from thespis.actors.simulation.network import SimulatedFilecoin, SimulatedFilecoinNode

    network = filecoin(nodes=1)
    other = SimulatedFilecoin(99, 1, 1)
    foreign = other.car
    other.close()
    config = NodeConfig().with_genesis(foreign).with_bootstrap("/sim/node-0/p2p/node-0", min_peers=1, period_s=60.0)
    stranger = network.network.add("stranger", SimulatedFilecoinNode, config.settings())
    network.run_epochs(6)
    assert "stranger" not in network.network.base.world.swarm.ports["node-0"].connected
    assert stranger.ask(ReadHead()).height == 0


@pytest.mark.behaviour(167, 168)
def test_the_wallet(filecoin):
    network = filecoin(nodes=1)
    made = [network.rpc(0, "WalletNew", kind) for kind in ("bls", "secp256k1") for _ in range(5)]
    assert len(set(made)) == 10
    network.node(0).crash("Wallet")
    network.run_epochs(1)
    known = network.rpc(0, "WalletList")
    assert set(made) <= set(known)
    assert known == network.rpc(0, "WalletList"), "the order is stable"
    exported = network.rpc(0, "WalletExport", made[0])
    network.rpc(0, "WalletDelete", made[0])
    assert not network.rpc(0, "WalletHas", made[0])
    assert network.rpc(0, "WalletImport", exported) == made[0]
    for address in (made[0], made[-1]):
        signature = network.rpc(0, "WalletSign", address, "aGVsbG8=")
        assert network.rpc(0, "WalletVerify", address, "aGVsbG8=", signature)
        assert not network.rpc(0, "WalletVerify", address, "aGVsbGE=", signature)
    with pytest.raises(RpcFailedError, match="no key of"):
        network.rpc(0, "WalletExport", "f1e7nfpd7bowaifazzafo6q2ewattwpr6j5kt32yy")
    with pytest.raises(RpcFailedError, match="key type"):
        network.rpc(0, "WalletNew", "rsa")


@pytest.mark.behaviour(170)
def test_the_default_address_is_chosen_once(filecoin):
    network = filecoin(nodes=1)
    first = network.rpc(0, "WalletDefaultAddress")
    network.rpc(0, "WalletNew", "secp256k1")
    assert network.rpc(0, "WalletDefaultAddress") == first
    other = network.rpc(0, "WalletNew", "bls")
    network.rpc(0, "WalletSetDefault", other)
    assert network.rpc(0, "WalletDefaultAddress") == other
    assert network.rpc(0, "WalletBalance", other) == "0"


@pytest.mark.behaviour(162)
def test_a_heartbeat_says_where_the_node_is(filecoin):
    network = filecoin(nodes=1)
    network.run_epochs(2)
    [actor] = network.node(0).actors("Heartbeat")
    beat = json.loads(actor._actor.beat())
    assert beat["Height"] == network.head(0).height
    assert beat["MinerAddress"] == "f01000"
    assert set(beat) == {"Head", "Height", "Nickname", "MinerAddress"}


def test_a_misbehaving_peer_may_come_back_later(filecoin):
    network = filecoin(nodes=2)
    network.run_epochs(3)
    [actor] = network.node(0).actors("Network")
    actor._actor.misbehaved(PeerMisbehaved("node-1", "test"))
    network.run_epochs(1)
    assert network.node(0).ask(ListPeers()) == ()
    network.run_epochs(70)
    assert len(network.node(0).ask(ListPeers())) == 1
    assert network.head(0).head == network.head(1).head


def test_subsystems_may_not_hide_the_machinery():
    from thespis.runtime.actor.subsystem import Subsystem
    from thespis.runtime.errors import MessageError

    with pytest.raises(MessageError, match="hides a part of Subsystem"):

        class Careless(Subsystem):
            def _finish(self):
                pass


def test_chain_exchange_answers_what_is_there(filecoin):
    network = filecoin()
    network.run_epochs(25)
    node, head = network.node(0), network.head(0)

    def ask(length, options, key=None):
        request = Request(key or head.head, Unsigned(length), Unsigned(options))
        data = node.ask(ExchangeRequest("somebody", request.encode()))
        return request, Response.decode(data)

    for _again in range(2):
        for options in Options.HEADERS, Options.MESSAGES, Options.HEADERS | Options.MESSAGES:
            request, response = ask(12, options)
            check_response(request, response)
            assert (response.status, len(response.chain)) == (Status.OK, 12)
        request, whole = ask(900, Options.HEADERS)
        check_response(request, whole)
        assert whole.status == Status.PARTIAL, "fewer than were asked for, as the network says it"
        assert whole.chain[-1].blocks[0].height == 0
        assert ask(900, Options.MESSAGES)[1].status == Status.PARTIAL
    assert ask(1, Options.HEADERS, (Cid.of(b"nowhere"),))[1].status == Status.NOT_FOUND


def test_a_miner_whose_sector_is_lost_or_damaged_wins_nothing_and_says_why(filecoin):
    network = filecoin(nodes=2, miners=2)
    network.run_epochs(5)
    sectors = network.network.base.world.disk("node-0").sectors
    whole = sectors.pop(0)
    network.run_epochs(2)  # a block is made ahead of its epoch
    before = network.node(0).ask(ReadMining()).blocks_mined
    network.run_epochs(15)
    status = network.node(0).ask(ReadMining())
    assert status.blocks_mined == before
    assert "sector 0 is not here" in status.last_error
    damaged = whole.replica.leaves.copy()
    damaged[:] ^= np.uint64(1)
    sectors[0] = dataclasses.replace(whole, replica=dataclasses.replace(whole.replica, leaves=damaged))
    network.run_epochs(15)
    status = network.node(0).ask(ReadMining())
    assert status.blocks_mined == before
    assert "are not what was sealed" in status.last_error
    sectors[0] = whole
    network.run_epochs(20)
    assert network.node(0).ask(ReadMining()).blocks_mined > before
    assert network.head(0).height > 50


def test_a_node_starts_without_compiled_code():
    """Every process of a node would pay for it; who checks or makes a proof loads it then."""
    script = "import thespis.actors.node.actor, sys; print(sorted({'numba', 'libp2p'} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"
