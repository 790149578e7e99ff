"""What the library's host is held to: one multiplexer, our numbers, our name, and addresses that say what they bind."""

import socket

import pytest
import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.mplex.mplex import MPLEX_PROTOCOL_ID, Mplex
from multiaddr import Multiaddr
from thespis.protocols.wire.topics import message_id
from thespis.runtime.checks import listening
from thespis.runtime.p2p.build import identity, listening_addresses, make_host, new_noise_key
from thespis.runtime.p2p.host import HostError, Libp2pPort
from thespis.runtime.p2p.patches import FRAMES_BURST, FRAMES_PER_S, FramePace
from thespis.runtime.p2p.port import HostSettings


def settings(listen="/ip4/127.0.0.1/tcp/0", **changes):
    return HostSettings("test", listen, {}, {}, "/fil/kad/test", message_id, 1 << 20, **changes)


@pytest.fixture
def port(tmp_path):
    found = Libp2pPort(tmp_path / "here", settings(agent="thespis/1.2.3"), lambda _event: None)
    yield found
    found.close()


@pytest.mark.parametrize(
    "address",
    ["/ip4/127.0.0.1/tcp/6000", "/ip4/0.0.0.0/tcp/0", "/ip6/::1/tcp/65535", "/ip6/::/tcp/1"],
)
def test_addresses_to_listen_on(address):
    assert listening(address) == address


@pytest.mark.parametrize(
    "address",
    ["/dns4/localhost/tcp/6000", "/dns/localhost/tcp/1", "/ip4/localhost/tcp/1", "/ip4/127.0.0.1",
     "/ip4/127.0.0.1/tcp/",
     "/ip4/127.0.0.1/tcp/65536", "/ip4/127.0.0.1/udp/1/quic-v1", "/ip4/127.0.0.1/tcp/1/ws", "/ip6/127.0.0.1/tcp/1",
     "/ip4/127.0.0.1/tcp/-1", "127.0.0.1:6000", ""],
)  # fmt: skip
def test_what_binds_something_else_is_no_address_to_listen_on(address):
    with pytest.raises(ValueError, match="no address to listen on"):
        listening(address)
    with pytest.raises(ValueError, match="no address to listen on"):
        listening_addresses(settings(address))


def test_connections_are_as_many_as_the_settings_say():
    network = make_host(settings(peers_max=400), create_new_key_pair(), []).get_network()
    config = network.connection_config
    assert config.max_connections == config.high_watermark == 400, "none is pruned below that"
    assert network._inbound_limiter.total_tokens == 399, "who may come by itself is said by our own limits"
    assert network._resource_manager is None, "it stops at 256 in each direction"
    few = make_host(settings(peers_max=2), create_new_key_pair(), []).get_network()
    assert few._inbound_limiter.total_tokens == 1


def test_frames_of_a_connection_are_read_at_a_bounded_rate():
    pace = FramePace()
    assert {pace.wait_s(100.0) for _ in range(FRAMES_BURST)} == {0.0}
    assert pace.wait_s(100.0) == pytest.approx(1 / FRAMES_PER_S)
    assert pace.wait_s(100.0 + 3 / FRAMES_PER_S) == 0
    assert pace.wait_s(1e9) == 0


@pytest.mark.slow
def test_peers_are_told_the_nodes_own_name(port, tmp_path):
    other = Libp2pPort(tmp_path / "other", settings(), lambda _event: None)
    try:
        [agent] = trio.run(identified, port.addresses[0])
    finally:
        other.close()
    assert agent.startswith("thespis")


async def identified(address):
    from libp2p.identity.identify.identify import ID as IDENTIFY
    from libp2p.identity.identify.identify import parse_identify_response

    host = make_host(settings(), create_new_key_pair(), [])
    async with host.run([]):
        info = info_from_p2p_addr(Multiaddr(address))
        await host.connect(info)
        stream = await host.new_stream(info.peer_id, [IDENTIFY])
        return [parse_identify_response(await stream.read(1 << 16)).agent_version]


@pytest.mark.slow
def test_mplex_is_refused(port):
    async def dial():
        key = create_new_key_pair()
        host = new_host(
            key_pair=key,
            sec_opt={NOISE: Noise(key, noise_privkey=new_noise_key().private_key)},
            muxer_opt={MPLEX_PROTOCOL_ID: Mplex},
        )
        async with host.run([]):
            with trio.fail_after(20), pytest.raises(Exception, match="unable to connect"):
                await host.connect(info_from_p2p_addr(Multiaddr(port.addresses[0])))

    trio.run(dial)


@pytest.mark.slow
def test_a_port_that_another_node_listens_on_is_refused(port, tmp_path):
    number = port.addresses[0].split("/")[4]
    with pytest.raises(HostError, match=f"tcp/{number}: cannot listen on .*; another process does"):
        Libp2pPort(tmp_path / "second", settings(f"/ip4/127.0.0.1/tcp/{number}"), lambda _event: None)
    port.close()
    again = Libp2pPort(tmp_path / "second", settings(f"/ip4/127.0.0.1/tcp/{number}"), lambda _event: None)
    again.close()


def test_the_identity_is_made_once(tmp_path):
    first = identity(tmp_path / "p2p")
    assert identity(tmp_path / "p2p").public_key == first.public_key
    assert (tmp_path / "p2p").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_every_interface_is_bound_only_when_it_is_asked_for(port):
    number = int(port.addresses[0].split("/")[4])
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", number), timeout=2):
        pass
