"""Each work-around for py-libp2p: a test that fails when upstream no longer needs it, so that it can go."""

import inspect
import subprocess
import sys

import pytest
from thespis.runtime.p2p import patches

UNPATCHED = """
import inspect
from libp2p.network import swarm
from libp2p.network.swarm import Swarm
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.pubsub.pubsub import Pubsub
from libp2p.stream_muxer.yamux.yamux import Yamux, YamuxStream
from libp2p.transport.tcp import tcp
from libp2p.identity.identify import identify
from libp2p.kad_dht import common
"""


def upstream(expression):
    """Evaluate something about the library in a process where nothing is patched."""
    done = subprocess.run(
        [sys.executable, "-c", f"{UNPATCHED}\nprint({expression})"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


pytestmark = pytest.mark.slow


def test_dials_still_wait():
    assert float(upstream("swarm._HAPPY_EYEBALLS_DELAY")) > 0


def test_the_swarm_still_dials_by_itself():
    assert upstream("'auto_connector.run_background_task' in inspect.getsource(Swarm)") == "True"


FAILING_HANDLER = """
import os, sys, trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as noise_key
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID, Transport
from multiaddr import Multiaddr

if sys.argv[1] == "patched":
    from thespis.runtime.p2p import patches
    patches.apply("/x/kad/1.0.0")


def host():
    key = create_new_key_pair()
    return new_host(key_pair=key, sec_opt={PROTOCOL_ID: Transport(key, noise_privkey=noise_key().private_key)})


async def main():
    server, client = host(), host()
    listen = [Multiaddr("/ip4/127.0.0.1/tcp/0")]
    async with server.run(listen), client.run(listen):
        async def bad(stream):
            raise ValueError("a handler fails")

        async def good(stream):
            await stream.write(b"ok")
            await stream.close()

        server.set_stream_handler("/bad/1", bad)
        server.set_stream_handler("/good/1", good)
        address = str(server.get_addrs()[0]).partition("/p2p/")[0]
        await client.connect(info_from_p2p_addr(Multiaddr(f"{address}/p2p/{server.get_id()}")))
        stream = await client.new_stream(server.get_id(), ["/bad/1"])
        await stream.write(b"x")
        await trio.sleep(0.5)
        with trio.move_on_after(3):
            stream = await client.new_stream(server.get_id(), ["/good/1"])
            if await stream.read(2) == b"ok":
                print("alive", flush=True)
        os._exit(0)


try:
    trio.run(main)
except BaseException:
    print("dead", flush=True)
"""


@pytest.mark.parametrize(("state", "expected"), [("unpatched", "dead"), ("patched", "alive")])
def test_a_failing_handler_still_ends_an_unpatched_swarm(state, expected):
    done = subprocess.run([sys.executable, "-c", FAILING_HANDLER, state], capture_output=True, text=True, check=False)
    assert expected in done.stdout.split()


def test_the_library_still_holds_nothing_against_who_forwards_a_forged_signature():
    """What `runtime/p2p/gossip.py` has its own pipeline for."""
    source = upstream("inspect.getsource(Pubsub.push_msg)")
    refused = source[source.index("signature_validator") :].partition("return")[0]
    assert "on_invalid_message" not in refused


def test_a_failed_gossip_stream_is_still_not_tried_again():
    from libp2p.host.exceptions import StreamFailure
    from libp2p.network.exceptions import SwarmException

    assert not issubclass(StreamFailure, SwarmException)
    assert "(SwarmException, StreamClosed)" in upstream("inspect.getsource(Pubsub._handle_new_peer_with_retry)")


def test_listeners_still_share_their_port():
    assert "SO_REUSEPORT" in upstream("inspect.getsource(tcp._set_reuse_flags)")


def test_identify_still_tells_the_librarys_name():
    assert upstream("identify.AGENT_VERSION").startswith("py-libp2p")


def test_frames_are_still_read_as_fast_as_they_come():
    source = upstream("inspect.getsource(Yamux.handle_incoming)")
    assert "sleep" not in source.partition("read_exactly(self.secured_conn, HEADER_SIZE)")[0]


def test_inbound_slots_are_still_held_for_the_swarm():
    assert upstream("'wait_finished' in inspect.getsource(Swarm._do_handle_inbound_connection)") == "True"


def test_windows_still_grow_with_every_read():
    assert upstream("'// 2' in inspect.getsource(YamuxStream._auto_tune_and_send_window_update)") == "False"


def test_bandwidth_is_still_not_counted():
    assert upstream("'received' in inspect.getsource(RawConnection)") == "False"


def test_the_dht_protocol_is_still_a_constant():
    assert upstream("common.PROTOCOL_ID") == "/ipfs/kad/1.0.0"


def test_another_release_is_refused(monkeypatch):
    monkeypatch.setattr(patches, "version", lambda _name: "0.9.0")
    monkeypatch.setattr(patches, "_applied", False)
    with pytest.raises(patches.Libp2pVersionError, match=r"0\.9\.0"):
        patches.apply("/x/kad/1.0.0")


def test_every_patch_has_a_reason():
    for name, function in inspect.getmembers(patches, inspect.isfunction):
        if function.__module__ == patches.__name__:
            assert function.__doc__, name
