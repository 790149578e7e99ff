"""What the benchmarks bound themselves by."""

from types import SimpleNamespace

from thespis.deploy.bench import ipld, stranger
from thespis.runtime.p2p.port import DialDone


def test_a_structure_of_any_size_is_asked_a_bounded_number_of_times(monkeypatch):
    assert ipld.GETS_MAX == 20_000
    monkeypatch.setattr(ipld, "GETS_MAX", 4)
    for entries in (4, 8, 400):
        gets = []

        class Counted(ipld.Hamt):
            def get(self, key, gets=gets):
                gets.append(key)
                return super().get(key)

        list(ipld._structure("hamt", entries, 1, Counted))
        assert len(set(gets)) == 4
        assert len(gets) % 4 == 0, "each of them as often"


def test_a_stranger_takes_answers_of_a_bounded_size(monkeypatch, tmp_path):
    """The port enforces what it is given (tests/runtime/p2p/test_host.py); here it is given the bound."""

    class Port(SimpleNamespace):
        def dial(self, number, address):
            self.deliver(DialDone(number, address, ""))

    def port(_folder, settings, deliver):
        return Port(settings=settings, deliver=deliver)

    monkeypatch.setattr(stranger, "Libp2pPort", port)
    found = stranger.Stranger(tmp_path, "test", "/ip4/127.0.0.1/tcp/1/p2p/x")
    assert found.port.settings.response_bytes_max == stranger.RESPONSE_BYTES_MAX == 64 << 20
