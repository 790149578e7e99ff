"""Channels and cancelling over a WebSocket, on a simulated node whose port remembers what was sent in which order."""

import json

import pytest
from thespis.actors.api import calls as calls_module
from thespis.actors.api import channels as channels_module
from thespis.actors.api.calls import ANSWERS_BYTES_MAX, CLIENT_CALLS_MAX
from thespis.actors.api.channels import CHANNELS_MAX, CLIENT_CHANNELS_MAX, SOCKET_CHANNELS_MAX, Channels
from thespis.actors.api.registry import LIMIT, NO_METHOD, RpcError
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.runtime.http.port import CallArrived, CallGone, ConnectionClosed


class Port:
    """Answers and frames, in the order in which the server would send them."""

    address = ""

    def __init__(self):
        self.sent = []
        self.gone = set()

    def taken(self, number):
        pass

    def respond(self, number, body, status=200, kind=""):
        self.sent.append((number, json.loads(body) if body else None))

    def push(self, connection, body):
        if connection in self.gone:
            return False
        self.sent.append((f"socket {connection}", json.loads(body)))
        return True

    def close(self):
        pass


class Field:
    """A node, and callers of its Api."""

    def __init__(self, network):
        self.network = network
        [actor] = network.node(0).actors("Api")
        self.api = actor._actor
        self.port = self.api.port = Port()
        self.api.channels = Channels(self.port.push)
        self.number = 0

    def call(
        self, method, *params, connection=7, identity=1, client="address x", permissions=("read",), path="/rpc/v1"
    ):
        self.number += 1
        name = method if "." in method else f"Filecoin.{method}"
        request = {"jsonrpc": "2.0", "method": name, "params": list(params)}
        if identity is not None:
            request["id"] = identity
        self.send(json.dumps(request).encode(), connection, client, permissions, path)
        return self.number

    def send(self, body, connection=7, client="address x", permissions=("read",), path="/rpc/v1"):
        self.api._accept(CallArrived(self.number, connection, body, permissions, client, path), None, None)

    def wait(self, **arguments):
        """A call that waits for ever: for a message of this node with more epochs above it than there will be."""
        sender, receiver = (str(each.account) for each in self.network.identities[:2])
        sent = self.network.rpc(0, "MpoolPushMessage", {"From": sender, "To": receiver, "Value": "1"}, None)
        return self.call("StateWaitMsg", sent["CID"], 1_000_000, **arguments)

    def answer(self, number):
        [found] = [body for key, body in self.port.sent if key == number]
        return found

    def pushed(self, connection=7):
        return [body for key, body in self.port.sent if key == f"socket {connection}"]


@pytest.fixture
def network():
    found = SimulatedFilecoin(5, 3, 2)
    found.run_to_genesis()
    found.run_epochs(2)
    yield found
    found.close()


@pytest.fixture
def field(network):
    return Field(network)


def values(frames, channel):
    given = [frame["params"] for frame in frames if frame["method"] == "xrpc.ch.val"]
    return [value for number, value in given if number == channel]


def key(form):
    return [cid["/"] for cid in form["Cids"]]


def replayed(changes):
    """The chain that a follower builds: each change has to stand on what it was told before."""
    [[current], *later] = changes
    assert current["Type"] == "current"
    chain = [current["Val"]]
    for change in [each for portion in later for each in portion]:
        if change["Type"] == "revert":
            assert key(change["Val"]) == key(chain[-1]), "only the head is taken back"
            chain.pop()
            chain = chain or [None]
        else:
            parents = [cid["/"] for cid in change["Val"]["Blocks"][0]["Parents"]]
            assert chain[-1] is None or parents == key(chain[-1]), "what is put on top stands on the head"
            chain.append(change["Val"])
    return chain[-1]


def test_whoever_follows_the_chain_can_replay_it_whenever_it_began(field):
    """Subscribed at every moment of some epochs, in a network that forks: no change before `current`, none missing."""
    numbers = []
    for _ in range(40):
        numbers.append(field.call("ChainNotify", connection=len(numbers) + 100, client=f"c{len(numbers)}"))
        field.network.run_epochs(0.37)
    field.network.run_epochs(2)
    told = key(json.loads(field.api.first_value("chain"))[0]["Val"])
    reorganised = False
    for at, number in enumerate(numbers):
        channel = field.answer(number)["result"]
        order = [k for k, _body in field.port.sent if k in (number, f"socket {at + 100}")]
        assert order[0] == number, "the answer that names the channel comes before its values"
        changes = values(field.pushed(at + 100), channel)
        assert key(replayed(changes)) == told
        reorganised |= any(each["Type"] == "revert" for portion in changes for each in portion)
    assert reorganised, "a network without forks would show nothing"


def test_a_long_way_is_told_in_portions(field, monkeypatch):
    from thespis.actors.api import actor as actor_module

    assert actor_module.CHANGES_MAX == 100
    monkeypatch.setattr(actor_module, "CHANGES_MAX", 2)
    channel = field.answer(field.call("ChainNotify"))["result"]
    before = field.api.told
    field.network.run_epochs(5)
    field.api.told = before
    field.port.sent = [each for each in field.port.sent if "params" not in (each[1] or {})]
    field.api.new_head(None)
    portions = values(field.pushed(), channel)
    assert len(portions) > 1
    assert max(map(len, portions)) == 2


def test_cancelling_ends_the_channel_that_is_named_and_no_other(field):
    first = field.answer(field.call("ChainNotify", identity=1))["result"]
    second = field.answer(field.call("ChainNotify", identity="1"))["result"]
    elsewhere = field.answer(field.call("ChainNotify", identity=1, connection=8))["result"]
    field.call("xrpc.cancel", 1, identity=None)
    closed = [frame["params"] for frame in field.pushed() if frame["method"] == "xrpc.ch.close"]
    assert closed == [[first]]
    field.port.sent.clear()
    field.network.run_epochs(1)
    assert not values(field.pushed(), first)
    assert values(field.pushed(), second)
    assert values(field.pushed(8), elsewhere)
    field.call("xrpc.cancel", "1", identity=None)
    assert {"jsonrpc": "2.0", "method": "xrpc.ch.close", "params": [second]} in field.pushed()


def test_a_call_that_only_mentions_cancelling_is_answered(field):
    field.call("ChainNotify", identity=1)
    number = field.call("WalletValidateAddress", "xrpc.cancel", identity=2)
    assert "error" in field.answer(number)
    number = field.call("WalletValidateAddress", "f01", identity="xrpc.cancel")
    assert field.answer(number)["result"] == "t01"
    assert len(field.api.channels) == 1


def test_a_cancelled_call_is_answered_and_runs_no_longer(field):
    number, other = (field.wait(identity=each) for each in (5, 6))
    field.network.run_epochs(1)
    assert len(field.api.calls._open) == 2
    field.call("xrpc.cancel", 5, identity=None)
    assert "cancelled" in field.answer(number)["error"]["message"]
    assert list(field.api.calls._open) == [other]
    field.api._accept(ConnectionClosed(7), None, None)
    assert not field.api.calls._open
    field.call("xrpc.cancel", 6, identity=None)


def test_a_call_whose_caller_is_gone_runs_no_longer(field):
    number = field.wait(connection=0)
    field.api._accept(CallGone(number + 1), None, None)
    assert field.api.calls._open
    field.api._accept(CallGone(number), None, None)
    assert not field.api.calls._open


def test_channels_are_bounded_of_a_socket_of_a_client_and_together(monkeypatch):
    assert (SOCKET_CHANNELS_MAX, CLIENT_CHANNELS_MAX, CHANNELS_MAX) == (64, 256, 1000)
    for name, most in (("SOCKET_CHANNELS_MAX", 2), ("CLIENT_CHANNELS_MAX", 3), ("CHANNELS_MAX", 4)):
        monkeypatch.setattr(channels_module, name, most)
    channels = Channels(lambda _connection, _body: True)
    assert [channels.open(1, "a", each, "chain") for each in (1, 2)] == [1, 2]
    tried = [
        (1, "a", "2 channels of this socket"), (2, "a", ""), (3, "a", "3 channels of this client"),
        (4, "b", ""), (5, "c", "4 channels are open"),
    ]  # fmt: skip
    for connection, client, said in tried:
        if not said:
            channels.open(connection, client, 1, "chain")
            continue
        with pytest.raises(RpcError, match=said) as refused:
            channels.open(connection, client, 1, "chain")
        assert refused.value.code == LIMIT
    channels.drop(1)
    assert channels.open(5, "c", 1, "chain") == 5
    with pytest.raises(RpcError) as refused:
        channels.open(0, "a", 1, "chain")
    assert refused.value.code == NO_METHOD


def test_a_channel_of_a_socket_that_is_gone_ends(field):
    field.call("ChainNotify")
    field.port.gone.add(7)
    field.network.run_epochs(1)
    assert len(field.api.channels) == 0


def test_calls_of_a_client_in_progress_are_bounded_but_may_be_cancelled(field, monkeypatch):
    assert CLIENT_CALLS_MAX == 128
    monkeypatch.setattr(calls_module, "CLIENT_CALLS_MAX", 2)
    for identity in (1, 2):
        field.wait(identity=identity)
    refused = field.answer(field.call("ChainHead", identity=3))
    assert refused["error"]["code"] == LIMIT
    assert refused["id"] == 3
    assert "result" in field.answer(field.call("ChainHead", client="another"))
    field.call("xrpc.cancel", 1, identity=None)
    assert "result" in field.answer(field.call("ChainHead", identity=4))


def test_answers_that_are_put_together_are_bounded(field, monkeypatch):
    assert ANSWERS_BYTES_MAX == 32 << 20
    monkeypatch.setattr(calls_module, "ANSWERS_BYTES_MAX", 100)
    refused = field.answer(field.call("ChainHead"))
    assert refused["error"]["code"] == LIMIT
    assert "result" in field.answer(field.call("WalletValidateAddress", "f01"))
    assert field.api.calls._held == 0
