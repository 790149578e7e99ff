"""What a peer says of itself is looked at up to a bound: the list of peers is asked for at every request of a sync."""

from types import SimpleNamespace

from libp2p.peer.id import ID
from thespis.runtime.p2p.core import SAID_MAX, HostCore
from thespis.runtime.p2p.port import HostSettings, PeerInfo, Verdict

PEER = ID(b"\x12\x20" + bytes(32))


class Said:
    """An address that counts how often it is read."""

    def __init__(self, number, read):
        self._number, self._read = number, read

    def __str__(self):
        self._read.append(self._number)
        return f"/ip4/10.0.0.1/tcp/{self._number}"


def test_a_boasting_peer_costs_no_more_than_others():
    settings = HostSettings(
        "net", "/ip4/127.0.0.1/tcp/0", {"topic": lambda _data: Verdict.ACCEPT}, {}, "/kad", lambda data: data, 1
    )
    core, read = HostCore(SimpleNamespace(settings=settings)), []
    store = SimpleNamespace(
        addrs=lambda _peer: [Said(number, read) for number in range(60_000)],
        get_protocols=lambda _peer: [f"/{number}" for number in range(60_000)],
    )
    core._host = SimpleNamespace(get_peerstore=lambda: store)
    told = core.describe(str(PEER), PeerInfo(str(PEER), ("/ip4/10.0.0.1/tcp/9999",), (), "", True, 0.0))
    assert len(told.listens) == len(told.protocols) == len(read) == SAID_MAX == 64
