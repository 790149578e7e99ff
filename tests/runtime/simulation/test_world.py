"""The virtual world: what nodes share, and what a simulated port has seen, in bounded numbers."""

from thespis.runtime.bases.simulated import SimulatedBase
from thespis.runtime.p2p.port import HostSettings
from thespis.runtime.simulation import network, world


def environment():
    return SimulatedBase(1).world.environment("node", "actor")


def test_the_oldest_shared_results_are_forgotten(monkeypatch):
    assert world.SHARED_MAX == 2000
    monkeypatch.setattr(world, "SHARED_MAX", 3)
    shared, computed = environment(), []

    def share(key):
        return shared.share(key, lambda: computed.append(key) or len(computed))

    assert [share(key) for key in (b"a", b"b", b"c")] == [1, 2, 3]
    assert share(b"a") == 1, "at the bound all are remembered"
    assert share(b"d") == 4
    assert share(b"b") == 2
    assert share(b"a") == 5, "the oldest was forgotten"


def test_the_oldest_seen_payloads_are_forgotten(monkeypatch):
    assert network.SEEN_MAX == 10_000
    monkeypatch.setattr(network, "SEEN_MAX", 3)
    settings = HostSettings(
        "test", "/sim", {}, {}, "/fil/kad/test", message_id=bytes, response_bytes_max=1 << 20, seen_ttl_s=60.0
    )
    port = SimulatedBase(1).world.swarm.open("node", settings, lambda _event: None)
    for data in (b"a", b"b", b"c"):
        assert not port._has_seen(data)
        port._note(data)
    assert port._has_seen(b"a"), "at the bound all are remembered"
    port._note(b"d")
    assert port._has_seen(b"b")
    assert not port._has_seen(b"a"), "forgotten, so it counts as new"
