"""A lock that names its holder, and is free when the holder is dead."""

import os
import signal
import subprocess
import sys

import pytest
from thespis.runtime.locks import LOCK_TRIES_MAX, FileLock, LockedError, holder_of

HOLD = """
import sys, time
from pathlib import Path
from thespis.runtime.locks import FileLock
FileLock(Path(sys.argv[1])).take()
print("held", flush=True)
time.sleep(600)
"""


def test_one_holds_it_and_is_named(tmp_path):
    path = tmp_path / "lock"
    assert holder_of(path) == 0
    first, second = FileLock(path), FileLock(path)
    first.take()
    assert holder_of(path) == os.getpid()
    with pytest.raises(LockedError, match=f"held by process {os.getpid()}") as caught:
        second.take()
    assert caught.value.holder == str(os.getpid())
    second.release()
    assert holder_of(path) == os.getpid(), "who does not hold it releases nothing"
    first.release()
    assert not path.exists()
    second.take()
    second.release()


@pytest.mark.slow
def test_a_dead_holder_holds_nothing_though_its_file_still_names_it(tmp_path):
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        assert holder_of(path) == holder.pid
        with pytest.raises(LockedError):
            FileLock(path).take()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert path.read_text() == f"{holder.pid}\n"
    assert holder_of(path) == 0
    lock = FileLock(path)
    lock.take()
    lock.release()


def test_what_a_file_says_that_nobody_holds_is_not_believed(tmp_path):
    path = tmp_path / "lock"
    for text in (f"{os.getpid()}\n", "", "nonsense", "-1"):
        path.write_text(text)
        assert holder_of(path) == 0


def test_a_lock_that_changes_hands_all_the_time_is_given_up(tmp_path, monkeypatch):
    tries = []

    def unlinked(fd, _operation):
        tries.append(fd)
        (tmp_path / "lock").unlink()

    monkeypatch.setattr("thespis.runtime.locks.fcntl.flock", unlinked)
    with pytest.raises(LockedError, match="changes hands"):
        FileLock(tmp_path / "lock").take()
    assert len(tries) == LOCK_TRIES_MAX
