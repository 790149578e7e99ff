"""A lock on a file that says who holds it, and that the kernel frees with its holder however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from thespis.runtime.errors import RuntimeFloorError

LOCK_TRIES_MAX = 10
KERNEL_LOCKS = Path("/proc/locks")


class LockedError(RuntimeFloorError):
    """Another process holds the lock; `holder` is its id as text."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held by process {holder}")
        self.holder = holder


class FileLock:
    """One file that one process holds; it stands in the file system only while it is held."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def take(self) -> None:
        """Hold it; raises LockedError naming who does."""
        for _ in range(LOCK_TRIES_MAX):
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # the former holder may have unlinked the file between our open and our lock
                if self.path.exists() and os.fstat(fd).st_ino == self.path.stat().st_ino:
                    os.ftruncate(fd, 0)
                    os.write(fd, f"{os.getpid()}\n".encode())
                    self._fd = fd
                    return
            except BlockingIOError:
                holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
                os.close(fd)
                raise LockedError(self.path, holder) from None
            except FileNotFoundError:
                pass
            os.close(fd)
        raise LockedError(self.path, "unknown, for it changes hands too fast")

    def release(self) -> None:
        """Give it free; without it this does nothing."""
        if self._fd is not None:
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()
            os.close(self._fd)
            self._fd = None


def holder_of(path: Path) -> int:
    """The process that holds a lock, 0 for nobody; asked of the kernel, so that asking never stands in a taker's way.

    What the file says alone may be years old, and its number another program's by now.
    """
    try:
        inode, said = path.stat().st_ino, int(path.read_text(encoding="ascii"))
        held = KERNEL_LOCKS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return 0
    for line in held:
        fields = line.split()  # number: FLOCK ADVISORY WRITE pid major:minor:inode start end
        if fields[1] == "FLOCK" and fields[4] == str(said) and fields[5].endswith(f":{inode}"):
            return said
    return 0
