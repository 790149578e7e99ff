from pathlib import Path

import zmq
from thespis.runtime.bases.channels import Channels
from thespis.runtime.bases.directory import SocketDirectory
from thespis.runtime.bases.settings import Limits


def test_an_ending_process_waits_for_the_living_only(tmp_path: Path, monkeypatch):
    # a stop under traffic once took a second per child: each waited for a neighbour that was stopped before it
    directory = SocketDirectory.create(str(tmp_path / "sockets"))
    channels = Channels(directory, "own", Limits(), lambda _frame: None, lambda *_letter: None)
    for peer in ("living", "gone"):
        directory.mark(peer, "own")
        channels.send("own", peer, b"last words")
    directory.clear("gone")
    lingers = []
    close = zmq.Socket.close
    monkeypatch.setattr(zmq.Socket, "close", lambda self, linger=None: (lingers.append(linger), close(self, linger)))
    channels.close(linger_ms=50)
    assert lingers == [50, 0, 0]  # living, gone, the own inbox
