"""Each work-around for py-libp2p: a test that fails when upstream no longer needs it, so that it can go."""

import inspect
import subprocess
import sys

import pytest

from runtime.p2p import patches

UNPATCHED = """
import inspect
from libp2p.network import swarm
from libp2p.network.swarm import Swarm
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.pubsub.pubsub import Pubsub
from libp2p.stream_muxer.yamux.yamux import YamuxStream
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


def test_stream_errors_still_reach_the_swarm():
    source = upstream("'except Exception' in inspect.getsource(SwarmConn._handle_muxed_stream)")
    assert source == "False" or "raise" in upstream("inspect.getsource(SwarmConn._handle_muxed_stream)")


def test_validation_still_knows_nothing_of_copies_in_flight():
    assert (
        upstream("'in_flight' in inspect.getsource(Pubsub.push_msg) or 'inflight' in inspect.getsource(Pubsub)")
        == "False"
    )


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
