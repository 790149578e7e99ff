"""The socket directory of one actor system: mode 0700, one socket and one life marker per process.

A marker ``<endpoint>.on`` is written by the parent before it starts a process and removed once that process is
reaped. It holds the parent's endpoint, so that the root can clear a whole subtree whose supervisor was killed.
Socket paths are opened through ``/proc/self/fd`` because a Unix socket path may have only 107 bytes and a home
directory may be longer.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys

from thespis.runtime.errors import RuntimeFloorError

MARKER_SUFFIX = ".on"

# deletes through its own descriptor, and the folder only if it is still the same one: a node that starts anew in the
# same home at the same moment must not lose its sockets to the sweeper of the dead one
_SWEEPER = """
import os, shutil, sys
fd = int(sys.argv[2])
os.read(0, 1)
for name in os.listdir(fd):
    try:
        os.unlink(name, dir_fd=fd)
    except IsADirectoryError:
        shutil.rmtree(name, ignore_errors=True, dir_fd=fd)
    except OSError:
        pass
try:
    if os.path.samestat(os.fstat(fd), os.stat(sys.argv[1])):
        os.rmdir(sys.argv[1])
except OSError:
    pass
"""


def endpoint_of(address: str) -> str:
    """The process an address lives in: ``name@process``, or the address itself."""
    return address.rpartition("@")[2]


class SocketDirectory:
    """Paths and life markers; owns a descriptor of the directory."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        status = os.fstat(self._fd)
        if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
            os.close(self._fd)
            raise RuntimeFloorError(
                f"socket directory {path} has owner {status.st_uid} and mode "
                f"{stat.S_IMODE(status.st_mode):o}; it must belong to user {os.getuid()} with mode 700"
            )

    @classmethod
    def create(cls, path: str) -> SocketDirectory:
        """Make the directory afresh; what a crashed system left in it is removed."""
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path, mode=0o700)  # noqa: PTH103
        return cls(path)

    def url(self, endpoint: str) -> str:
        """The ZeroMQ address of an endpoint's socket."""
        return f"ipc:///proc/self/fd/{self._fd}/{endpoint}"

    def mark(self, endpoint: str, parent: str) -> None:
        """Say that `endpoint` lives, or is about to."""
        fd = os.open(self._at(endpoint + MARKER_SUFFIX), os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with contextlib.closing(os.fdopen(fd, "w")) as marker:
            marker.write(parent)

    def lives(self, endpoint: str) -> bool:
        """Whether a marker stands for `endpoint`."""
        return os.path.exists(self._at(endpoint + MARKER_SUFFIX))  # noqa: PTH110

    def clear(self, endpoint: str) -> None:
        """Remove marker and socket of an endpoint that is gone."""
        for name in (endpoint + MARKER_SUFFIX, endpoint):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._at(name))  # noqa: PTH108

    def children_of(self, parent: str) -> list[str]:
        """Endpoints whose marker names `parent`."""
        found = []
        for name in os.listdir(self.path):  # noqa: PTH208
            if name.endswith(MARKER_SUFFIX):
                with contextlib.suppress(OSError), open(self._at(name), encoding="utf-8") as marker:  # noqa: PTH123
                    if marker.read() == parent:
                        found.append(name.removesuffix(MARKER_SUFFIX))
        return found

    def start_sweeper(self) -> int:
        """Start the process that removes the directory when this process is gone, however it ended.

        Returns the write end of its pipe: closing it, or dying, is the order to sweep.
        """
        reader, writer = os.pipe()
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-c", _SWEEPER, self.path, str(folder)],
            stdin=reader,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(folder,),
        )
        os.close(folder)
        os.close(reader)
        return writer

    def remove(self) -> None:
        """Remove the directory with all it holds."""
        os.close(self._fd)
        shutil.rmtree(self.path, ignore_errors=True)

    def _at(self, name: str) -> str:
        return f"/proc/self/fd/{self._fd}/{name}"
